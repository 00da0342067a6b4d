"""A sweep keeps every seed, survives what fails, encodes once, and goes on where it stopped."""

import shutil
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from priorlift import Source, SourcePool, Study, Sweep, SweepResult, Target
from priorlift.core.errors import InputError, InputTypeError
from priorlift.encoders.base import RawEncoder
from priorlift.encoders.hidden_layer import HiddenLayerEncoder
from priorlift.encoders.table import TableEncoder
from priorlift.study import NamedMethod, sweep_storage
from priorlift.transfer.frozen_features import FrozenFeaturesClassifier
from priorlift.transfer.pooled import PooledClassifier
from priorlift.transfer.source_models import forget
from priorlift.transfer.target_only import TargetOnlyClassifier
from priorlift.trials import Journal
from priorlift.trials.run_trial import lost_record


class Fussy(PooledClassifier):
    """Refuses to learn from sources whose rows lie far off."""

    def fit(self, X, y, sources=None, sample_weight=None, groups=None):
        if sources is not None and any(abs(np.mean(s.X)) > 50 for s in sources):
            raise ValueError("far off")
        return super().fit(X, y, sources=sources, sample_weight=sample_weight, groups=groups)


ENCODED = []


class Halves(RawEncoder):
    """Halves numbers, and counts the rows that it has computed."""

    def __init__(self, broken=False):
        self.broken = broken

    def _encode(self, X):
        if self.broken:
            raise ValueError("no weights")
        ENCODED.append(len(X))
        return np.asarray(X) / 2

    def _content(self):
        return [str(self.broken)]


class Noise(RawEncoder):
    """Numbers that follow from a row and tell nothing about it."""

    def _encode(self, X):
        return np.sin(1e6 * np.asarray(X))

    def _content(self):
        return []


@pytest.fixture(scope="module")
def data(blobs):
    """Two tasks, and a pool for each: one that helps, one that no fit can take."""
    rng = np.random.default_rng(5)
    tasks = {"a": Target("a", *blobs(230, rng)), "b": Target("b", *blobs(230, rng))}
    X, y = blobs(60, rng)
    near = SourcePool([Source("near", *blobs(120, rng))])
    return tasks, {"a": near, "b": SourcePool([Source("far", X + 100, y)])}


def make(data, encoders=None, **options):
    tasks, sources = data
    given = {"label_budgets": [10], "n_splits": 20, "methods": {"fussy": Fussy()}, **options}
    if isinstance(given["methods"], dict):  # one linear model stands for a choice among several
        reference = TargetOnlyClassifier({"a": LogisticRegression()})
        given["methods"] = {"target_only": reference, **given["methods"]}
    return Sweep(tasks, encoders, sources, **given)


def table(result):
    return {k: v for k, v in result.columns().items() if not k.startswith("measured_")}


@pytest.fixture(scope="module")
def finished_once(data, tmp_path_factory):
    sweep = make(data)
    out = tmp_path_factory.mktemp("sweep") / "run"
    return sweep, sweep.run(out), out


@pytest.fixture
def swept(finished_once, tmp_path):
    """A finished sweep, its result, and a run directory of its own."""
    sweep, result, out = finished_once
    return sweep, result, shutil.copytree(out, tmp_path / "run")


def test_a_failed_fit_is_a_row_with_its_reason_and_the_others_go_on(swept):
    _, result, _ = swept
    rows = table(result)
    failed = [i for i, status in enumerate(rows["status"]) if status == "failed"]
    assert {rows["task"][i] for i in failed} == {"b"}
    assert {rows["error"][i] for i in failed} == {"ValueError: far off"}
    assert len(failed) == result.counts["failed"] == 20
    counts = result.counts
    assert counts["planned"] == counts["done"] + counts["failed"] + counts["pending"] == 120
    assert [v.task for v in result.verdicts] == ["a"]


def test_every_seed_counts_and_none_is_picked(swept):
    _, result, _ = swept
    rows = table(result)
    own = [
        i
        for i in range(len(rows["task"]))
        if (rows["task"][i], rows["method"][i], rows["sources"][i]) == ("a", "fussy", "near")
    ]
    scores = [rows["score"][i] for i in own]
    assert sorted(rows["draw"][i] for i in own) == list(range(20))
    point = next(c.point for c in result.curves if c.point.sources == "near")
    assert point.score == pytest.approx(np.mean(scores))
    assert point.score < max(scores)


def test_both_arms_and_all_encoders_are_judged_on_the_same_rows(data):
    rows = table(make(data, {"raw": None, "halves": Halves()}).run())
    seen = {}
    for i, task in enumerate(rows["task"]):
        if rows["status"][i] == "done":
            place = task, rows["draw"][i]
            seen.setdefault(place, set()).add((rows["train_rows"][i], rows["test_rows"][i]))
    assert len(seen) == 40
    assert all(len(pairs) == 1 for pairs in seen.values())


def stubborn(folder):
    """A method that hangs once and takes all memory once, where its sources lie far off."""

    class Stubborn(PooledClassifier):
        def fit(self, X, y, sources=None, sample_weight=None, groups=None):
            far = sources is not None and any(abs(np.mean(s.X)) > 50 for s in sources)
            done = [path.name for path in folder.iterdir()]
            if far and "hung" not in done:
                (folder / "hung").touch()
                time.sleep(60)
            elif far and "ate" not in done:
                (folder / "ate").touch()
                eaten = [np.ones(2**21) for _ in range(60)]
                time.sleep(len(eaten))
            return super().fit(X, y, sources=sources, sample_weight=sample_weight, groups=groups)

    return Stubborn()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_a_fit_past_its_limit_is_a_failed_row_and_the_others_go_on(data, tmp_path):
    one = ({"b": data[0]["b"]}, {"b": data[1]["b"]})
    sweep = make(one, methods={"stubborn": stubborn(tmp_path)})
    result = sweep.run(max_seconds=8, max_memory_mb=900)
    rows = table(result)
    failed = [i for i, status in enumerate(rows["status"]) if status == "failed"]
    assert [(rows["task"][i], rows["sources"][i]) for i in failed] == [("b", "far")] * 2
    assert {rows["error"][i] for i in failed} == {
        "TimeLimit: it ran longer than its limit of 8 seconds",
        "MemoryLimit: it took more memory than its limit of 900 MiB",
    }
    assert result.counts["done"] == result.counts["planned"] - 2 == 58
    assert any("2 fits of stubborn" in warned.message for warned in result.warnings)


def test_scores_that_are_all_negative_have_a_verdict():
    """Where the best score begins at 0, a task of negative scores would be lost."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = X @ [1.0, 2.0, 0.5] + rng.normal(size=300)
    pool = SourcePool([Source("s", X[230:], y[230:])])
    result = Sweep([Target("t", X[:230], y[:230])], None, pool, ["pooled"], [10]).run()
    assert max(result.columns()["score"]) < 0
    assert len(result.verdicts) == 1


def test_each_data_set_is_encoded_once_whatever_is_fitted_on_it(data, tmp_path):
    ENCODED.clear()
    methods = {"one": PooledClassifier(), "two": PooledClassifier()}
    sweep = make(data, {"halves": Halves()}, methods=methods, cache=tmp_path / "cache")
    sweep.run(tmp_path / "run")
    expected = sum(t.n_rows for t in data[0].values()) + 120 + 60
    assert sum(ENCODED) == expected
    sweep.run(tmp_path / "other", resume="always")
    assert sum(ENCODED) == expected, "the cache is shared"


def test_a_torn_file_of_features_is_encoded_again_and_it_says_so(data, tmp_path):
    one = ({"a": data[0]["a"]}, {"a": data[1]["a"]})
    sweep = make(one, {"halves": Halves()}, cache=tmp_path / "cache")
    first = sweep.run(tmp_path / "run")
    torn = min(sweep.cache.glob("*/*.features.npy"))
    torn.write_bytes(torn.read_bytes()[:-9])
    ENCODED.clear()
    said = []
    again = sweep.run(tmp_path / "other", say=said.append)
    assert sum(ENCODED) in (120, 230)
    assert [line for line in said if line.startswith("1 file of features")]
    assert table(again) == table(first)


def test_an_encoder_that_fails_leaves_rows_and_spares_the_others(data):
    result = make(data, {"raw": None, "broken": Halves(broken=True)}).run()
    rows = table(result)
    status = {"raw": set(), "broken": set()}
    for encoder, one, error in zip(rows["encoder"], rows["status"], rows["error"], strict=True):
        status[encoder].add(one)
        assert encoder == "raw" or "no weights" in error
    assert status == {"raw": {"done", "failed"}, "broken": {"failed"}}


def test_a_stopped_sweep_ends_like_an_undisturbed_one(data, swept, tmp_path):
    def stop(done, planned, record):
        if done == 37:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(data).run(tmp_path / "stopped", progress=stop)
    part = SweepResult.load(tmp_path / "stopped")
    assert 0 < part.counts["pending"] < 120
    assert sum(part.counts[w] for w in ("done", "failed", "pending")) == 120
    whole = make(data).run(tmp_path / "stopped")
    assert table(whole) == table(swept[1])
    assert whole.to_json() == swept[1].to_json()


def started(sweep, out, **options):
    """Run a sweep and return its result with how many fits it ran."""
    seen = []
    result = sweep.run(out, progress=lambda done, n, record: seen.append(record), **options)
    return result, len([record for record in seen if record is not None])


def test_missing_runs_nothing_again_always_all_and_never_nothing(swept, data):
    sweep, result, out = swept
    assert started(sweep, out)[1] == 0, "deterministic failures are not tried again either"
    again, n = started(sweep, out, resume="always")
    assert n == 120
    assert table(again) == table(result)
    larger = make(data, methods={"fussy": Fussy(), "pooled": PooledClassifier()})
    assert started(larger, out, resume="never")[1] == 0
    grown, n = started(larger, out)
    assert n == grown.counts["planned"] - 120, "what the smaller sweep has run is used"


def test_rows_of_another_version_of_the_code_are_not_used_and_it_says_so(swept, data, monkeypatch):
    monkeypatch.setattr(sweep_storage, "code_versions", lambda encoder: {"priorlift": "9"})
    result, n = started(make(data), swept[2])
    assert n == 120
    told = [w.message for w in result.warnings if "version" in w.kind]
    assert len(told) == 1
    assert "120 recorded fits are not used" in told[0]
    assert "-> 9" in told[0]


def of_a_notebook(base, body):
    """A class as it is defined in a notebook, where the next cell may define it otherwise."""
    scope = {"Base": base, "__name__": "__main__"}
    exec(f"class Mine(Base):\n    def {body}", scope)
    return scope["Mine"]()


def test_a_method_whose_code_was_edited_is_fitted_again_on_the_same_draws_and_it_says_so(
    data, tmp_path
):
    one = ({"a": data[0]["a"]}, {"a": data[1]["a"]})

    def run(fit):
        mine = of_a_notebook(PooledClassifier, f"_fit(self, target, sources):\n        {fit}")
        sweep = make(one, methods={"mine": mine, "pooled": PooledClassifier()})
        return started(sweep, tmp_path)

    def scores(result):
        return {k: r.outcome.values["score"] for k, r in result.records.items()}

    first, n = run("super()._fit(target, sources)")
    assert n == first.counts["planned"] == 100
    same, n = run("super()._fit(target, sources)  # as before")
    assert n == 0
    assert not [w for w in same.warnings if "code" in w.kind]
    edited, n = run("super()._fit(target, sources[:0])")
    assert n == 40, "the other methods' fits are used"
    (told,) = (w.message for w in edited.warnings if "code" in w.kind)
    assert "40 recorded fits are not used" in told
    assert "__main__.Mine" in told
    rows = [[(r["draw"], r["seed"]) for r in _rows(table(x))] for x in (first, edited)]
    assert rows[0] == rows[1]
    assert scores(run("super()._fit(target, sources)")[0]) == scores(first)


def test_features_of_an_encoder_whose_code_was_edited_are_encoded_again(data, tmp_path):
    one = ({"a": data[0]["a"]}, {"a": data[1]["a"]})

    def run(factor):
        ENCODED.clear()
        edited = of_a_notebook(
            Halves, f"_encode(self, X):\n        return super()._encode(X) * {factor}"
        )
        sweep = make(one, {"mine": edited}, cache=tmp_path / "cache")
        return (*started(sweep, tmp_path / "run"), sum(ENCODED))

    assert run(1)[1:] == (60, 350)
    assert run(1)[1:] == (0, 0)
    result, n_fits, n_rows = run("X[:, :1]")
    assert (n_fits, n_rows) == (60, 350)
    assert [w for w in result.warnings if w.kind == "other rows or encoder"]


def test_another_encoder_leaves_the_fits_under_the_first_as_they_are(data, tmp_path):
    class Versioned(Halves):
        libraries = ("numpy", "pyarrow")

    one = ({"a": data[0]["a"]}, {"a": data[1]["a"]})
    assert started(make(one, {"raw": None}), tmp_path)[1] == 60
    grown = make(one, {"raw": None, "more": Versioned()})
    assert started(grown, tmp_path)[1] == 60


def test_a_named_method_with_parameters_serves_each_kind_of_task(data):
    numbers = Target("n", data[0]["a"].X, data[0]["a"].X[:, 0])
    pool = SourcePool([Source("s", numbers.X[:60], numbers.y[:60])])
    tasks, pools = {"a": data[0]["a"], "n": numbers}, {"a": data[1]["a"], "n": pool}
    lightly = NamedMethod("pooled", {"source_weight": 0.2})
    methods = {"lightly": lightly, "mine": Fussy()}
    sweep = Sweep(tasks, {"raw": None, "halves": Halves()}, pools, methods, [10])
    made = {place: methods["lightly"] for place, methods in sweep.methods.items()}
    assert {type(m).__name__ for m in made.values()} == {"PooledClassifier", "PooledRegressor"}
    assert {m.source_weight for m in made.values()} == {0.2}
    assert {e: m.preprocess for (_, e), m in made.items()} == {"raw": "auto", "halves": None}
    (left_out, _) = [one for one in sweep.plan.skipped if one.method == "mine"]
    assert (left_out.task, left_out.sources) == ("n", "")
    assert "no transfer estimator for regression" in left_out.reason
    with pytest.raises(InputError, match="did you mean 'source_weight'"):
        NamedMethod("pooled", {"source_wieght": 0.2})


def test_fits_of_other_rows_are_not_used_and_it_says_so(swept, data):
    moved = {**data[0], "a": Target("a", data[0]["a"].X + 1.0, data[0]["a"].y)}
    result, n = started(make((moved, data[1])), swept[2])
    assert n == 60
    (told,) = (w.message for w in result.warnings if w.kind == "other rows or encoder")
    assert "not used" in told
    assert "a under as is" in told
    assert "b under" not in told


def test_the_rows_are_those_of_a_study_of_the_task_alone(swept, data):
    target, pool = data[0]["a"], data[1]["a"]
    reference = TargetOnlyClassifier({"a": LogisticRegression()})
    methods = {"target_only": reference, "fussy": Fussy()}
    study = Study(target, pool, methods, [10], rank=False).run()
    alone = {(r["method"], r["sources"], r["draw"]): r["score"] for r in _rows(study.columns())}
    swept_rows = [r for r in _rows(table(swept[1])) if r["task"] == "a"]
    assert {(r["method"], r["sources"], r["draw"]): r["score"] for r in swept_rows} == alone


@pytest.fixture(scope="module")
def alone(data, tmp_path_factory):
    """A sweep with networks, and the run directory of its serial run."""
    reference = TargetOnlyClassifier({"a": LogisticRegression()})
    frozen = FrozenFeaturesClassifier(None, (4,), 3, n_splits=2, preprocess=None)
    methods = {"target_only": reference, "frozen": frozen}
    one = ({"a": data[0]["a"]}, {"a": data[1]["a"]})
    sweep = make(one, {"table": TableEncoder()}, methods=methods)
    out = tmp_path_factory.mktemp("serial")
    return sweep, sweep.run(out), out


@pytest.mark.parametrize("runner", ["processes", "ray"])
def test_every_runner_gives_the_tables_of_a_serial_run_byte_for_byte(
    alone, tmp_path, runner, request
):
    if runner == "ray":
        request.getfixturevalue("ray_cluster")
    sweep, serial, out = alone
    apart = sweep.run(tmp_path, runner, n_workers=2)
    assert apart.counts["done"] == apart.counts["planned"] == 60
    assert table(apart) == table(serial)
    for name in ("result.json", "sweep.json"):
        assert (tmp_path / name).read_bytes() == (out / name).read_bytes()


def test_what_was_lost_with_a_worker_is_run_again_and_the_table_is_whole(swept, data):
    _, result, out = swept
    records = list(result.records.values())[:7]
    with Journal(out / "journal.sqlite") as journal:
        journal.forget([record.trial.hash for record in records[:5]])
        journal.record([lost_record(record.trial, "worker", "killed") for record in records[:3]])
    part = SweepResult.load(out)
    assert part.counts["pending"] == 2
    assert part.counts["failed"] >= result.counts["failed"]
    again, n = started(make(data), out)
    assert n == 5
    assert again.to_json() == result.to_json()


def test_what_cannot_run_is_listed_with_its_reason(data):
    texts = Target("texts", [f"word {i}" for i in range(230)], np.arange(230) % 2)
    tasks = {**data[0], "texts": texts}
    pools = {**data[1], "texts": SourcePool()}
    sweep = make((tasks, pools), {"raw": None, "table": TableEncoder()})
    reasons = {(one.task, one.encoder): one.reason for one in sweep.plan.skipped}
    assert "inputs are raw" in reasons["texts", "raw"]
    assert "no source" in reasons["texts", "table"]
    assert {cell.task for cell in sweep.plan.cells} == {"a", "b"}
    with pytest.raises(InputError, match="no task can run"):
        make(({"texts": texts}, {"texts": SourcePool()}))


def test_encoders_are_compared_on_equal_rows_in_a_family_of_their_own(data):
    result = make(data, {"raw": None, "halves": Halves(), "noise": Noise()}).run()
    words = {(one.task, one.encoder): one.word for one in result.encoder_verdicts}
    assert set(words) == {(t, e) for t in ("a", "b") for e in ("halves", "noise")}
    assert words["b", "noise"] == "worse"
    assert words["b", "halves"] == "not shown"
    assert {one.verdict.n_claims for one in result.encoder_verdicts} == {4}


@pytest.mark.parametrize("shared", ["budgets", "draws"])
def test_a_network_of_a_source_serves_what_shared_models_says(data, shared, monkeypatch):
    fits = []
    fit = HiddenLayerEncoder.fit
    monkeypatch.setattr(
        HiddenLayerEncoder, "fit", lambda self, *a, **k: fits.append(1) or fit(self, *a, **k)
    )
    methods = {"frozen": FrozenFeaturesClassifier(None, (4,), 3, n_splits=2, preprocess=None)}
    one = ({"a": data[0]["a"]}, {"a": data[1]["a"]})
    forget()
    sweep = make(
        one, {"halves": Halves()}, methods=methods, label_budgets=[4, 10], shared_models=shared
    )
    sweep.run()
    assert len(fits) == (20 if shared == "budgets" else 1)


def _rows(columns):
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def test_a_saved_result_comes_back_whole(swept, tmp_path):
    _, result, out = swept
    loaded = SweepResult.load(out)
    assert (table(loaded), loaded.to_json()) == (table(result), result.to_json())
    copy = SweepResult.load(result.save(tmp_path / "copy"))
    assert copy.to_json() == result.to_json()
    assert "<table>" in result._repr_html_()


def test_verdicts_are_one_family_over_all_tasks(swept):
    _, result, _ = swept
    assert all(v.verdict.n_claims == len(result.verdicts) for v in result.verdicts)


def test_the_budgets_of_one_arm_and_draw_are_a_group(data):
    plan = make(data, label_budgets=[4, 10]).plan
    groups = Counter(trial.group for trial, _, _ in plan.trials(plan.cells[0]))
    assert set(groups.values()) == {2}
    assert len(groups) == 3 * 20


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_splits": 10**9}, "multiplies to"),
        ({"methods": ["poled"]}, "did you mean 'pooled'"),
        ({"metric": "acuracy"}, "did you mean 'accuracy'"),
        ({"source_sets": "best"}, "unknown source_sets"),
        ({"methods": []}, "no method"),
        ({"methods": ["pooled", PooledClassifier()]}, "two methods are named 'pooled'"),
        ({"level": 2.0}, "level"),
        ({"cache_mb": 0}, "cache_mb is 0"),
    ],
)
def test_bad_input_is_refused_before_anything_is_encoded(data, options, said):
    with pytest.raises(InputError) as refused:
        make(data, {"broken": Halves(broken=True)}, **options)
    assert said in str(refused.value)


@pytest.mark.parametrize("methods", [[LogisticRegression()], {"mine": 3}, "pooled"])
def test_what_is_no_method_is_refused_with_the_remedy(data, methods):
    with pytest.raises(InputTypeError, match=r"Remedy: (pass a registered name|methods=)"):
        Sweep(data[0], None, data[1], methods)
