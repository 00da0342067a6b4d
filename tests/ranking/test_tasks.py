"""All ordered pairs of a family of tasks: what must come out, and what must not matter."""

import itertools

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from priorlift.core import arrays
from priorlift.core.errors import InputError, UnknownNameError
from priorlift.pool import ModelSource, Source, SourcePool, Target
from priorlift.ranking import GainModel
from priorlift.ranking.gain import PredictedGains
from priorlift.ranking.plan import AUTO_SCORES
from priorlift.ranking.rank import rank_sources
from priorlift.ranking.scores import Score
from priorlift.ranking.task_ranking import stacked
from priorlift.ranking.tasks import rank_tasks

FACTS = {"source_score", "proximity", "log_n_source", "log_n_target"}
CLOSE = 1e-7


def family(seed=0, n=60, d=6, names="abcdef"):
    """Return tasks of two kinds: the first half follows one rule, the second half another."""
    draws = np.random.default_rng(seed)
    tasks = []
    for place, name in enumerate(names):
        X = draws.normal(size=(n + 5 * place, d))
        first = place < len(names) / 2
        rule = X[:, 0] + 0.4 * X[:, 1] if first else X[:, 2] - 0.4 * X[:, 3]
        noise = 0.3 * draws.normal(size=len(X))
        tasks.append(Source(name, X, np.where(rule + noise > 0, "yes", "no")))
    return tasks


@pytest.fixture(scope="module")
def tasks():
    return family()


@pytest.fixture(scope="module")
def found(tasks):
    return rank_tasks(tasks, random_state=0)


def table(found):
    """Return all that a ranking says of pairs, by pair."""
    return {
        (target, row.name): {**row.scores, **row.facts, "consensus": row.consensus}
        for target in found.targets
        for row in found[target].rows
    }


def assert_same(one, other):
    assert set(one) == set(other)
    for pair, values in one.items():
        assert other[pair] == pytest.approx(values, abs=CLOSE)


def test_all_ordered_pairs_are_ranked_and_no_task_for_itself(tasks, found):
    names = [task.name for task in tasks]
    assert found.targets == tuple(names)
    assert set(table(found)) == set(itertools.permutations(names, 2))
    assert found.skipped == {}
    for ranking in found.rankings.values():
        assert ranking.plan.scores == AUTO_SCORES
        assert all(set(row.facts) == FACTS for row in ranking.rows)
        assert all(row.low is None and not row.missing for row in ranking.rows)


def test_tasks_of_the_same_rule_stand_first(found):
    for target in found.targets:
        kin = "abc" if target in "abc" else "def"
        assert set(found[target].names[:2]) == set(kin) - {target}
        assert found.best(target) == found[target].names[0]


def test_the_order_of_the_tasks_changes_nothing(tasks, found):
    for order in (tasks[::-1], [tasks[i] for i in (3, 0, 5, 1, 4, 2)]):
        again = rank_tasks(order, random_state=0)
        assert_same(table(again), table(found))
        for target in found.targets:
            assert again[target].names == found[target].names


def test_sources_may_be_others_than_the_targets(tasks, found):
    pool = SourcePool(tasks[:4], unusable={"broken": "no file"})
    some = rank_tasks(tasks[3:], pool, random_state=0)
    assert some.targets == ("d", "e", "f")
    assert set(some["d"].names) == {"a", "b", "c"}
    assert set(some["e"].names) == {"a", "b", "c", "d"}
    assert some.skipped == {"broken": "no file"}


def test_pretrained_models_are_listed_and_not_forgotten(tasks):
    class Model:
        fingerprint = "m"
        transform = staticmethod(np.asarray)

    pool = SourcePool([*tasks[:2], ModelSource("model", Model())])
    assert "rank_sources" in rank_tasks(tasks[2:], pool, random_state=0).skipped["model"]


def test_a_single_pair_equals_the_ranking_of_one_target(tasks):
    """With one source, its own space is the space of them all."""
    options = {"hidden_layer_sizes": (), "random_state": 0}
    pool = SourcePool(tasks[1:2])
    one = rank_sources(tasks[0].X, tasks[0].y, pool, n_bootstrap=0, preprocess=None, **options)
    many = rank_tasks(tasks[:1], pool, **options)
    assert many["a"]["b"].scores == pytest.approx(one["b"].scores, abs=CLOSE)
    assert many["a"]["b"].facts == pytest.approx(one["b"].facts, abs=CLOSE)


def spoiled(tasks):
    """Return tasks that cannot be used as targets, with words of the reason."""
    X, y = tasks[0].X, tasks[0].y
    holes = X.copy()
    holes[3, 2] = np.nan
    return {
        "one class": (Source("one class", X, np.ones(len(X), dtype=int)), "labels are all"),
        "two rows": (Source("two rows", X[:2], ["yes", "no"]), "2 labelled rows"),
        "holes": (Source("holes", holes, y), "NaN"),
        "ids": (
            Source("ids", np.tile(X, (20, 1)), np.arange(20 * len(X)), task="classification"),
            "fewer than two rows a class",
        ),
        "unclear": (Source("unclear", X, np.arange(len(X)) + 7), "classes or numbers"),
        "two columns": (Source("two columns", X, np.column_stack([y, y])), "2-D class labels"),
    }


@pytest.mark.parametrize("attributions", [False, True])
def test_a_task_that_cannot_be_used_is_listed_and_stops_nothing(tasks, found, attributions):
    bad = spoiled(tasks)
    mixed = [*tasks[:3], *(task for task, _ in bad.values()), *tasks[3:]]
    again = rank_tasks(mixed, random_state=0, attributions=attributions)
    assert again.targets == found.targets
    assert set(again.skipped) == set(bad)
    for name, (_, words) in bad.items():
        assert words in again.skipped[name]
    assert set(again["a"].names) >= {"b", "c", "d", "e", "f"}
    assert set(again["a"].skipped) == {"one class", "holes", "ids", "two columns"}
    assert again["a"].names.index("b") < again["a"].names.index("d")


def test_a_million_identifiers_are_no_classes(tasks):
    X = np.zeros((1_000_000, 6), dtype=np.float32)
    X[:, 0] = np.arange(len(X))
    ids = Source("ids", X, np.arange(len(X)), task="classification")
    again = rank_tasks([*tasks, ids], random_state=0)
    assert "fewer than two rows a class" in again.skipped["ids"]
    assert "fewer than two rows a class" in again["a"].skipped["ids"]
    assert again.seconds < 30.0


@pytest.mark.parametrize("attributions", [False, True])
def test_tasks_of_another_feature_space_are_left_out(tasks, attributions):
    draws = np.random.default_rng(0)
    others = [
        Source(name, draws.normal(size=(50, 4)), np.arange(50) % 2) for name in ("narrow", "thin")
    ]
    mixed = rank_tasks([*tasks, *others], random_state=0, attributions=attributions)
    assert "4 columns, the target 6" in mixed["a"].skipped["narrow"]
    assert "6 columns, the target 4" in mixed["narrow"].skipped["a"]
    assert "4 features, most tasks 6" in mixed["narrow"].skipped["thin"]
    assert mixed.best("narrow") is None
    assert set(mixed["a"].names) == {"b", "c", "d", "e", "f"}


def test_columns_of_other_names_are_another_feature_space(tasks):
    frames = [
        Source(task.name, pd.DataFrame(task.X, columns=list(names)), task.y)
        for task, names in zip(tasks[:3], ("uvwxyz", "uvwxyz", "zyxwvu"), strict=True)
    ]
    mixed = rank_tasks(frames, random_state=0)
    assert mixed["a"].names == ("b",)
    assert "other columns" in mixed["a"].skipped["c"]


@pytest.mark.parametrize("given", [[], ["alone"], ["alone", "constant"]])
def test_without_a_pair_there_is_no_ranking(tasks, given):
    known = {
        "alone": tasks[0],
        "constant": Source("constant", tasks[0].X, np.zeros(len(tasks[0].X), dtype=int)),
    }
    with pytest.raises(InputError, match="no pair of tasks can be compared"):
        rank_tasks([known[name] for name in given])


def test_two_tasks_are_enough(tasks):
    two = rank_tasks(tasks[:2], random_state=0, attributions=True)
    assert [two[name].names for name in "ab"] == [("b",), ("a",)]
    assert two.best("a") == "b"


def test_names_are_checked(tasks, found):
    with pytest.raises(InputError, match="two tasks are named 'a'"):
        rank_tasks([tasks[0], tasks[1], tasks[0]])
    with pytest.raises(UnknownNameError, match="did you mean 'logme'"):
        rank_tasks(tasks, scores=["logmee"])
    with pytest.raises(UnknownNameError, match="'rows'"):
        rank_tasks(tasks, transfer="row")
    with pytest.raises(UnknownNameError, match="target"):
        found["nobody"]


class Encoder:
    """Counts what it is asked for."""

    def __init__(self, change=lambda features: features):
        self.calls, self.change = 0, change

    def transform(self, X):
        self.calls += 1
        return self.change(np.array([[float(word) for word in text.split()] for text in X]))

    def __repr__(self):
        return "Encoder()"


def as_text(X):
    return [" ".join(map(repr, row.tolist())) for row in X]


def shared_rows(tasks):
    """Return five tasks over two sets of texts."""
    draws = np.random.default_rng(1)
    X, Z = draws.normal(size=(80, 5)), draws.normal(size=(70, 5))
    texts = {80: as_text(X), 70: as_text(Z)}
    return [
        Source(name, texts[len(rows)], (rows[:, column] > 0).astype(int))
        for name, rows, column in (("p", X, 0), ("q", X, 1), ("r", Z, 0), ("s", Z, 1), ("t", X, 2))
    ]


def test_rows_that_tasks_share_are_hashed_once_and_count_by_content(monkeypatch):
    draws = np.random.default_rng(2)
    X = draws.normal(size=(60, 5))
    labels = {name: (X[:, i] > 0).astype(int) for i, name in enumerate("abc")}
    apart = rank_tasks([Source(n, X.copy(), y) for n, y in labels.items()], random_state=0)
    hashed = []
    plain = arrays.fingerprint
    monkeypatch.setattr(arrays, "fingerprint", lambda part: hashed.append(part) or plain(part))
    shared = rank_tasks([Source(n, X, y) for n, y in labels.items()], random_state=0)
    assert sum(getattr(part, "shape", None) == X.shape for part in hashed) == 2  # given, encoded
    assert_same(table(shared), table(apart))


def test_rows_that_tasks_share_are_encoded_once(tasks):
    encoder = Encoder()
    found = rank_tasks(shared_rows(tasks), encoder=encoder, random_state=0)
    assert encoder.calls == 2
    assert len(table(found)) == 20
    assert (found.best("p"), found.best("s")) == ("r", "q")
    assert found["p"].plan.encoder == "Encoder()"


def holes(features):
    features[2] = np.nan
    return features


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (holes, "Encoder.. returned NaN or infinity"),
        (lambda features: features[:-1], r"Encoder.. made \(79, 5\) of 80 rows"),
        (lambda features: features[:, 0], r"Encoder.. made \(80,\) of 80 rows"),
    ],
)
def test_an_encoder_that_fails_is_named(tasks, change, words):
    with pytest.raises(InputError, match=words):
        rank_tasks(shared_rows(tasks), encoder=Encoder(change))


def test_rows_that_an_encoder_cannot_take_leave_the_others_theirs(tasks):
    given = shared_rows(tasks)
    broken = Source("broken", ["no number"] * 10, np.arange(10) % 2)
    again = rank_tasks([*given, broken], encoder=Encoder(), random_state=0)
    assert again.targets == ("p", "q", "r", "s", "t")
    assert "cannot be encoded" in again.skipped["broken"]
    assert "cannot be encoded" in again["p"].skipped["broken"]


def test_an_encoder_of_changing_width_is_refused(tasks):
    change = lambda features: features[:, : 5 if len(features) == 80 else 4]  # noqa: E731
    again = rank_tasks(shared_rows(tasks), encoder=Encoder(change), random_state=0)
    assert set(again["p"].names) == {"q", "t"}
    assert again["r"].names == ()
    assert "4 features, most tasks 5" in " ".join(again["r"].skipped.values()) + " ".join(
        again["p"].skipped.values()
    )


def test_raw_inputs_without_an_encoder_are_refused(tasks):
    with pytest.raises(InputError, match="encoded"):
        rank_tasks(shared_rows(tasks))


@pytest.mark.parametrize(
    "form",
    [
        sparse.csr_array,
        sparse.csc_matrix,
        pd.DataFrame,
        lambda X: pl.DataFrame(X, schema=list("uvwxyz")),
        lambda X: pa.table({name: X[:, i] for i, name in enumerate("uvwxyz")}),
    ],
    ids=["csr", "csc", "pandas", "polars", "pyarrow"],
)
def test_sparse_rows_and_frames_are_ranked_like_arrays(tasks, found, form):
    others = [Source(task.name, form(task.X), task.y) for task in tasks]
    again = rank_tasks(others, random_state=0)
    # The fingerprints, and with them the seeds and the order of sums, are those of other content.
    for target in found.targets:
        assert set(again[target].names[:2]) == set(found[target].names[:2])
        for row in found[target].rows:
            for score in ("agreement", "pooling_gain", "nce"):
                assert again[target][row.name].scores[score] == pytest.approx(
                    row.scores[score], abs=1e-6
                )


def test_read_only_arrays_are_left_as_they_are(tasks, found):
    frozen = []
    for task in tasks:
        X, y = task.X.copy(), np.asarray(task.y).copy()
        X.flags.writeable = y.flags.writeable = False
        frozen.append(Source(task.name, X, y))
    assert_same(table(rank_tasks(frozen, random_state=0)), table(found))


def test_small_networks_are_trained_where_they_are_asked_for(tasks, found):
    again = rank_tasks(tasks[:3], hidden_layer_sizes=(8,), max_iter=10, random_state=0)
    assert len(table(again)) == 6
    values = table(again)["a", "b"]
    assert all(np.isfinite(value) for value in values.values())
    assert values["logme"] != pytest.approx(table(found)["a", "b"]["logme"])
    assert again["a"].plan.hidden_layer_sizes == (8,)


def test_classes_and_numbers_are_ranked_in_one_family(tasks):
    draws = np.random.default_rng(3)
    numbers = []
    for name in ("length", "weight"):
        X = draws.normal(size=(60, 6))
        numbers.append(Source(name, X, X[:, 0] + 0.1 * draws.normal(size=60)))
    again = rank_tasks([*tasks, *numbers], random_state=0)
    assert again["length"].plan.scores == ("logme", "agreement", "pooling_gain", "feature_gain")
    assert again.best("length") == "weight"
    assert set(again["a"]["length"].missing) == {"nce", "agreement", "pooling_gain"}


def test_labels_that_could_be_either_are_read_as_the_targets_are(tasks):
    draws = np.random.default_rng(3)
    X = draws.normal(size=(60, 6))
    either = Source("either", X, (np.digitize(X[:, 0], [-1, 0, 1]) + 1) * 10)
    number = Target("number", X[:40] + 0.1, X[:40, 0])
    assert (either.task, number.task) == (None, "regression")
    orders = ([tasks[0], number], [number, tasks[0]])
    one, other = (rank_tasks(order, SourcePool([either]), random_state=0) for order in orders)
    assert_same(table(one), table(other))
    assert one["number"]["either"].scores["agreement"] > 0.5


def test_many_rows_are_sampled_and_unlabelled_ones_counted(tasks):
    labels = [None, *tasks[0].y[1:]]
    given = [Target("few", tasks[0].X, labels), *tasks[1:]]
    again = rank_tasks(given, max_target_rows=20, max_source_rows=30, random_state=0)
    ranking = again["few"]
    assert (ranking.n_rows, ranking.n_unlabelled) == (20, 1)
    assert ranking["b"].n_rows == len(tasks[1].y)
    assert set(ranking.names[:2]) == {"b", "c"}


def test_permuted_labels_are_ranked_no_better_than_by_chance():
    """Whether kin stands before a stranger: 60 fair coins, outside 17 to 43 once in 1,600 runs."""
    wins = {"agreement": 0, "pooling_gain": 0}
    for seed in range(60):
        kin, stranger = family(seed, n=100, names="af")
        target = family(seed + 1000, n=40, names="a")[0]
        draws = np.random.default_rng(seed)
        permuted = Target("permuted", target.X, draws.permutation(target.y))
        found = rank_tasks([permuted], SourcePool([kin, stranger]), scores=list(wins))
        for score in wins:
            scores = {name: found["permuted"][name].scores[score] for name in "af"}
            wins[score] += scores["a"] > scores["f"]
    assert all(17 <= count <= 43 for count in wins.values()), wins


class Prophet:
    """Predicts what it is told, by source."""

    def __init__(self, lifts, known=True):
        self.lifts, self.known = lifts, known

    def predict(self, pairs):
        mean = np.array([self.lifts.get(name, -0.1) for name in pairs.sources])
        unknown = np.full(len(mean), np.nan)
        sure = np.where(mean > 0, 0.9, 0.1)
        ends = (mean - 0.05, mean + 0.05, sure) if self.known else (unknown,) * 3
        return PredictedGains(mean, *ends, regime="told")


def test_predicted_lifts_stand_in_the_table_and_decide(tasks, found):
    told = rank_tasks(tasks, gain_model=Prophet({"d": 0.2, "e": 0.1}), random_state=0)
    assert told.best("a") == "d"
    assert told["a"].recommended == ("d", "e")
    assert told["a"].names == found["a"].names
    frame = told.to_frame()
    assert {"predicted_mean", "predicted_low", "predicted_high", "predicted_p_positive"} <= set(
        frame.columns
    )
    chosen = frame[(frame["target"] == "a") & (frame["source"] == "e")]
    assert chosen["predicted_mean"].item() == 0.1
    assert chosen["predicted_p_positive"].item() == 0.9


def test_nothing_is_best_where_nothing_is_recommended(tasks, found):
    told = found.with_predictions(Prophet({}))
    assert told["a"].recommended == ()
    assert told.best("a") is None
    unknown = found.with_predictions(Prophet({}, known=False))
    assert unknown["a"].recommended is None
    assert unknown.best("a") == found.best("a")
    unfitted = found.with_predictions(GainModel())
    assert unfitted.best("a") == found.best("a")
    assert unfitted["a"].rows[0].predicted.p_positive is None


def test_the_frame_and_the_pair_features_hold_every_pair(found):
    frame = found.to_frame()
    assert len(frame) == 30
    assert set(frame.columns) >= {"target", "source", "rank", "consensus", *AUTO_SCORES, *FACTS}
    assert not any(name.startswith("predicted") for name in frame.columns)
    pairs = found.pair_features()
    assert list(zip(pairs.targets, pairs.sources, strict=True)) == list(table(found))
    assert set(pairs.names) == {*AUTO_SCORES, *FACTS}
    for score in AUTO_SCORES:
        expected = [values[score] for values in table(found).values()]
        assert pairs.values[score].tolist() == frame[score].tolist() == expected
    assert repr(found).splitlines()[0] == "TaskRanking: 6 targets"


def test_tables_of_other_columns_are_stacked_with_gaps(found):
    one = found["a"].pair_features("a")
    other = type(one)(("z",), ("y",), {"own": np.array([3.0])})
    both = stacked([one, other])
    assert both.n_pairs == 6
    assert np.isnan(both.values["logme"][-1])
    assert np.isnan(both.values["own"][:-1]).all()
    assert stacked([]).n_pairs == 0


def test_own_scores_are_used(tasks):
    rows = Score("rows", "Rows", ("classification", "regression"), lambda v: len(v.source_rows))
    again = rank_tasks(tasks, scores=[rows], random_state=0)
    assert again.best("a") == "f"
    assert again["a"]["f"].scores == {"rows": 85.0}


def test_what_is_carried_over_decides_the_weights(tasks):
    """A source with swapped classes is good for its features and bad for its rows."""
    a, *_ = tasks
    draws = np.random.default_rng(0)
    X = draws.normal(size=(300, 6))
    swapped = Source("swapped", X, np.where(X[:, 0] + 0.4 * X[:, 1] > 0, "no", "yes"))
    other = Source("other", X, np.where(X[:, 4] > 0, "no", "yes"))
    pool = SourcePool([swapped, other])
    best = {
        kind: rank_tasks([a], pool, transfer=kind, random_state=0).best("a")
        for kind in ("rows", "features")
    }
    assert best == {"rows": "other", "features": "swapped"}


def test_attributions_stand_beside_the_facts(tasks, found):
    again = rank_tasks(tasks, attributions=True, random_state=0)
    for pair, values in table(again).items():
        known = set(values) - set(table(found)[pair])
        # The overlap of one feature of six may be the same for all permuted labels.
        assert "attribution" in known <= {"attribution", "attribution_overlap"}
        assert all(np.isfinite(value) for value in values.values())
    assert {"attribution", "attribution_overlap"} <= set(again.pair_features().names)
    back = rank_tasks(tasks[::-1], attributions=True, random_state=0)
    assert_same(table(back), table(again))


def test_a_notebook_shows_the_first_source_of_each_target():
    shown = rank_tasks(family(names=["<b>p</b>", *"qrst"]), random_state=0)
    page = shown._repr_html_()
    assert "&lt;b&gt;p&lt;/b&gt;" in page
    assert "<b>" not in page
    assert page.count('<th scope="row">') == len(shown.targets)
