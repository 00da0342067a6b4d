import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, StandardScaler

from priorlift.core.errors import InputError, PriorliftError
from priorlift.search import SharedSearchCV
from priorlift.search.memory import MemoryRefusedError
from priorlift.search.moments import state
from priorlift.search.moments.rows import Rows
from priorlift.trials import Journal

PIPELINE = Pipeline([("scale", StandardScaler()), ("head", GaussianNB())])
GRID = [
    {"scale": [StandardScaler(), MinMaxScaler(), None], "head__var_smoothing": [1e-9, 1e-3]},
    {"head": [LogisticRegression(C=0.1)]},
]


@pytest.fixture(scope="module")
def plain(small):
    return SharedSearchCV(PIPELINE, GRID, cv=3, return_train_score=True).fit(*small)


@pytest.mark.parametrize("runner", ["serial", "processes"])
def test_every_runner_gives_the_same_bits(small, plain, same_results, tmp_path, runner):
    search = SharedSearchCV(
        PIPELINE, GRID, cv=3, return_train_score=True, runner=runner, n_jobs=2, run_dir=tmp_path
    ).fit(*small)
    same_results(search.cv_results_, plain.cv_results_)
    assert search.shared_work_.scores == plain.shared_work_.scores == 21
    with Journal(tmp_path / "journal.sqlite", read_only=True) as journal:
        assert journal.counts()["failed"] == 0


def test_a_finished_search_is_read_and_not_run(small, plain, same_results, tmp_path, monkeypatch):
    options = {"cv": 3, "return_train_score": True, "run_dir": tmp_path}
    SharedSearchCV(PIPELINE, GRID, **options).fit(*small)
    monkeypatch.setattr("priorlift.search.journaled.score_unit", None)
    again = SharedSearchCV(PIPELINE, GRID, **options).fit(*small)
    same_results(again.cv_results_, plain.cv_results_)
    assert again.shared_work_.groups == plain.shared_work_.groups
    with pytest.raises(InputError, match="recorded trials"):
        SharedSearchCV(PIPELINE, GRID, resume=False, **options).fit(*small)


def test_a_journal_costs_no_decomposition_and_a_fold_stays_in_one_worker(
    small, same_results, tmp_path, monkeypatch
):
    done = Counter()

    def counted(place, name):
        original = getattr(place, name)
        monkeypatch.setattr(
            place, name, lambda *given: done.update([name]) or original(*given), raising=True
        )

    counted(state, "spectrum")
    counted(Rows, "training_state")
    pipeline = Pipeline([("scale", None), ("cut", None), ("head", RidgeClassifier())])
    grid = {
        "scale": [StandardScaler(), MinMaxScaler()],
        "cut": [None, PCA(2, svd_solver="covariance_eigh"), PCA(3, svd_solver="covariance_eigh")],
        "head__alpha": [0.1, 1.0, 10.0],
    }
    plain = SharedSearchCV(pipeline, grid, cv=3, refit=False).fit(*small)
    expected = done.pop("spectrum")
    done.clear()
    kept = SharedSearchCV(pipeline, grid, cv=3, refit=False, run_dir=tmp_path).fit(*small)
    same_results(kept.cv_results_, plain.cv_results_)
    assert kept.shared_work_.groups == plain.shared_work_.groups
    assert all(group.solved_by == "moments" for group in kept.shared_work_.groups)
    assert done == {"spectrum": expected, "training_state": 3}
    with Journal(tmp_path / "journal.sqlite", read_only=True) as journal:
        assert journal.counts()["done"] == 6, "a scaling on a fold is not cut"


def test_other_data_settings_or_splits_are_other_work(small, tmp_path):
    X, y = small
    options = {"cv": 3, "run_dir": tmp_path, "refit": False}
    SharedSearchCV(PIPELINE, GRID, **options).fit(X, y)

    def recorded():
        with Journal(tmp_path / "journal.sqlite", read_only=True) as journal:
            return journal.counts()["done"]

    first = recorded()
    SharedSearchCV(PIPELINE, GRID, **{**options, "cv": 4}).fit(X, y)
    second = recorded()
    assert second > first
    with pytest.warns(UserWarning, match=r"\d+ recorded units are not used"):
        SharedSearchCV(PIPELINE, GRID, **options).fit(X + 1, y)
    assert recorded() > second


SCRIPT = """
    import sys, time
    from sklearn.datasets import make_classification
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler
    from priorlift.search import SharedSearchCV

    class Slow(StandardScaler):
        def fit(self, X, y=None, sample_weight=None):
            time.sleep(float(sys.argv[2]))
            return super().fit(X, y)

    X, y = make_classification(n_samples=90, random_state=0)
    grid = {"scale": [Slow(), Slow(with_mean=False)], "head__var_smoothing": [1e-9, 1e-3]}
    search = SharedSearchCV(
        Pipeline([("scale", Slow()), ("head", GaussianNB())]), grid, cv=5, refit=False,
        run_dir=sys.argv[1], progress=lambda done, total: print(done, flush=True),
    ).fit(X, y)
    print("scores", search.cv_results_["mean_test_score"].tolist())
"""


def test_a_killed_search_goes_on_where_it_stopped(tmp_path):
    script = tmp_path / "search.py"
    script.write_text(textwrap.dedent(SCRIPT))
    run = [sys.executable, str(script)]
    started = subprocess.Popen(
        [*run, str(tmp_path / "run"), "0.15"], stdout=subprocess.PIPE, text=True
    )
    for _ in range(3):
        started.stdout.readline()
    os.kill(started.pid, signal.SIGKILL)
    started.wait()
    with Journal(tmp_path / "run" / "journal.sqlite") as journal:
        kept = sum(journal.counts().values())
    assert 3 <= kept < 20
    rest = subprocess.run([*run, str(tmp_path / "run"), "0"], capture_output=True, text=True)
    X, y = make_classification(n_samples=90, random_state=0)
    grid = {"scale": [StandardScaler(), StandardScaler(with_mean=False)]}
    grid["head__var_smoothing"] = [1e-9, 1e-3]
    whole = SharedSearchCV(PIPELINE, grid, cv=5, refit=False).fit(X, y)
    told = whole.cv_results_["mean_test_score"].tolist()
    assert rest.stdout.splitlines()[-1] == f"scores {told}"
    with Journal(tmp_path / "run" / "journal.sqlite") as journal:
        assert journal.counts() == {"done": 20, "failed": 0}


def test_a_hundred_thousand_recorded_fits_resume_in_seconds(tmp_path, monkeypatch):
    from priorlift.search import journaled
    from priorlift.search.score_table import ScoreTable
    from priorlift.search.shared_work import Tally

    def instant(work, unit):
        n = len(unit.candidates)
        table = ScoreTable(n)
        table.put(range(n), {"score": np.array([c.index for c in unit.candidates])}, None, 0, 0)
        tally = Tally()
        tally.solved("", "GaussianNB", "scikit-learn", "", n)
        return table, tally

    monkeypatch.setattr(journaled, "evaluate_here", instant)
    X, y = np.arange(20.0).reshape(-1, 1), np.arange(20) % 2
    grid = {"var_smoothing": np.logspace(-9, 0, 20_000)}
    search = SharedSearchCV(GaussianNB(), grid, cv=5, refit=False, run_dir=tmp_path)
    search.fit(X, y)
    monkeypatch.setattr(journaled, "evaluate_here", None)
    start = time.process_time()
    search.fit(X, y)
    # The benchmark holds it to 3 seconds; here only another order of work must fail.
    assert time.process_time() - start <= 12.0
    assert search.shared_work_.scores == 100_000
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], np.arange(20_000))


def test_what_cannot_be_sent_is_named(small, tmp_path):
    with open(__file__) as file:
        grid = {"scale": [StandardScaler()], "head__var_smoothing": [file]}
        for options in ({"runner": "processes", "n_jobs": 2}, {"run_dir": tmp_path}):
            with pytest.raises(InputError, match=r"parameter 'head__var_smoothing'.*TextIOWrapper"):
                SharedSearchCV(PIPELINE, grid, **options).fit(*small)


def test_a_lambda_scores_in_other_processes(small, plain):
    search = SharedSearchCV(
        PIPELINE, GRID, cv=3, scoring=lambda e, X, y: e.score(X, y), runner="processes", n_jobs=2
    ).fit(*small)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )


def test_failures_are_told_as_in_one_process(small, tmp_path):
    grid = {"head__var_smoothing": [1e-9, -1.0]}
    with pytest.warns(FitFailedWarning, match="5 fits failed out of a total of 10"):
        search = SharedSearchCV(PIPELINE, grid, run_dir=tmp_path / "a").fit(*small)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True]
    with pytest.raises(PriorliftError, match=r"a fit failed: .*var_smoothing"):
        SharedSearchCV(PIPELINE, grid, error_score="raise", run_dir=tmp_path / "b").fit(*small)
    wide = {"scale": [PolynomialFeatures(3)], "head__var_smoothing": [1e-9]}
    limit = 3 * small[0].nbytes
    with pytest.raises(MemoryRefusedError, match="step 'scale': the search would hold"):
        SharedSearchCV(PIPELINE, wide, memory_limit=limit, run_dir=tmp_path / "c").fit(*small)


def test_frames_and_texts_reach_other_processes(tmp_path):
    pd = pytest.importorskip("pandas")
    from sklearn.compose import make_column_transformer
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    frame = pd.DataFrame({"n": np.arange(30.0), "kind": ["a", "b", "c"] * 10})
    y = np.arange(30) // 15
    columns = make_column_transformer((OneHotEncoder(), ["kind"]), (StandardScaler(), ["n"]))
    texts = [f"word{i % 4} word{i // 15}" for i in range(30)]
    for rows, first in ((frame, columns), (texts, CountVectorizer())):
        model = make_pipeline(first, LogisticRegression())
        grid = {"logisticregression__C": [0.1, 1.0]}
        here = SharedSearchCV(model, grid, cv=3).fit(rows, y)
        there = SharedSearchCV(model, grid, cv=3, runner="processes", n_jobs=2).fit(rows, y)
        np.testing.assert_array_equal(
            here.cv_results_["mean_test_score"], there.cv_results_["mean_test_score"]
        )
