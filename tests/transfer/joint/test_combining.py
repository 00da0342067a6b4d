"""It adds counts and the query's own features to the vote; it says what is left out."""

import numpy as np
import pytest
import scipy.sparse as sp

import priorlift
from priorlift import Source, SourcePool
from priorlift.transfer import JointLabelTransferClassifier
from priorlift.transfer.joint.combining import LEAST_VOTE, PROFILE
from priorlift.transfer.joint.count_model import log_likelihood
from priorlift.transfer.joint.refinement import log_normalised

KINDS = np.array(["a", "b", "c"])


def cells(n, seed, *, peaks=0):
    """Counts of 80 genes, at other levels in the reference, and of the query's own peaks."""
    draws, level = np.random.default_rng(seed), np.random.default_rng(9)
    kind = draws.choice(3, size=n, p=(0.5, 0.35, 0.15))
    change = np.exp(1.2 * level.normal(size=(3, 80)) * (level.random(80) < 0.5))
    own = np.exp(1.5 * level.normal(size=(3, peaks)))
    shift = 0.4 * np.exp(level.normal(size=80)) if peaks else 1.0
    genes = draws.poisson(0.12 * shift * change[kind] ** (0.6 if peaks else 1.0))
    columns = [genes, draws.poisson(0.03 * own[kind])] if peaks else [genes]
    return sp.csr_matrix(np.hstack(columns).astype(np.float32)), KINDS[kind]


def task(n=300, n_query=250):
    known, y = cells(n, 0)
    X, truth = cells(n_query, 1, peaks=300)
    return SourcePool([Source("rna", known, y)]), X, truth


def quick(**settings):
    settings = {"epochs": 2, "min_steps": 3, "n_members": 1, "random_state": 0, **settings}
    return JointLabelTransferClassifier(**settings)


def fitted(pool, X, y=None, **settings):
    if X.shape[1] > 80 and "query_only" not in settings:
        settings["query_only"] = np.arange(80, X.shape[1])
    return quick(**settings).fit(X, [None] * X.shape[0] if y is None else y, sources=pool)


def accuracy(model, truth):
    return (model.transduction_ == truth).mean()


def test_counts_and_peaks_each_help():
    pool, X, truth = task()
    voted = accuracy(fitted(pool, X[:, :80], count_weight=0, refine_rounds=0), truth)
    counted = accuracy(fitted(pool, X[:, :80]), truth)
    refined = fitted(pool, X)
    assert voted + 0.05 < counted < accuracy(refined, truth) - 0.03
    assert refined.left_out_ == {}
    assert (refined.predict(X) == truth).mean() > 0.9
    further, of_further = cells(200, 2, peaks=300)
    assert (refined.predict(further) == of_further).mean() > 0.85


def test_published_mode_has_the_vote_alone():
    pool, X, _ = task()
    model = fitted(pool, X[:, :80], mode="published", epochs=2)
    assert model.model_.combination is None
    views = model.model_.views(model.preprocess_.query(X[:, :80]))
    np.testing.assert_array_equal(views.proba, views.vote)
    np.testing.assert_array_equal(model.transduction_proba_, views.vote)


def test_probabilities_are_the_sum_that_is_described():
    pool, X, _ = task()
    model = fitted(pool, X[:, :80], count_weight=0.3, refine_rounds=0)
    views = model.model_.views(model.preprocess_.query(X[:, :80]))
    kept = model.model_.combination
    voted = np.log((views.vote + LEAST_VOTE) / (1 + 3 * LEAST_VOTE))
    counted = PROFILE * log_likelihood(X[:, :80], kept.profiles) + kept.log_prior
    expected = np.exp(log_normalised(0.7 * voted + 0.3 * counted))
    np.testing.assert_allclose(model.predict_proba(X[:, :80]), expected)


def test_probabilities_follow_the_composition_as_described():
    """Six rounds with no weight give what the references say; with one, the shift is added."""
    pool, X, truth = without_most_of_a(*task(n=400, n_query=900))
    model = fitted(pool, X, composition_weight=0.5)
    kept = model.model_.combination
    still = fitted(pool, X, composition_weight=0).model_.combination
    np.testing.assert_array_equal(still.shift, np.zeros(3))
    shares = 2 * kept.shift + kept.log_prior  # logarithms of the composition, by its definition
    assert np.exp(shares).sum() == pytest.approx(1)
    found = np.array([(truth == kind).mean() for kind in KINDS])
    np.testing.assert_allclose(np.exp(shares), found, atol=0.06)
    cells = model.preprocess_.query(X)
    vote = model.model_.views(cells).vote
    unshifted = kept.evidence(vote, cells) - kept.shift
    kept.shift = 0 * kept.shift
    np.testing.assert_allclose(kept.evidence(vote, cells), unshifted)


def test_shares_that_are_nearly_the_same_are_not_followed():
    pool, X, _ = task(n=900, n_query=900)
    assert not fitted(pool, X).model_.combination.shift.any()


def without_most_of_a(pool, X, truth):
    """Take seven in eight cells of the most frequent type out of the query alone."""
    rows = np.flatnonzero((truth != "a") | (np.arange(len(truth)) % 8 == 0))
    return pool, X[rows], truth[rows]


def test_a_query_of_other_proportions_is_labelled_better():
    pool, X, truth = without_most_of_a(*task(n=400, n_query=900))
    X = X[:, :160]
    found = [accuracy(fitted(pool, X, composition_weight=w), truth) for w in (0.0, 0.5)]
    assert found[1] > found[0] + 0.04


def test_what_data_do_not_allow_is_left_out_and_said():
    pool, X, _ = task()
    genes = X[:, :80]
    logs = genes.log1p()
    log_pool = SourcePool([Source("logs", s.X.log1p(), s.y) for s in pool])
    assert fitted(pool, genes).left_out_ == {}
    assert fitted(pool, logs).left_out_ == {"counts": "the target's values are no counts"}
    found = fitted(log_pool, genes)
    assert found.left_out_ == {"counts": "the values of source 'logs' are no counts"}
    assert found.plan_.count_weight == 0
    binary = fitted(pool, (genes > 0).astype(np.float32))
    assert binary.left_out_ == {"counts": "the target's values are no counts"}
    own = sp.hstack([genes, X[:, 80:] * 0.5], format="csr")
    assert "query_only" in fitted(pool, own).left_out_
    y = [*cells(250, 1, peaks=300)[1][:60], *[None] * 190]
    assert fitted(None, genes, y).left_out_ == {"counts": "there is no source"}


def test_a_type_that_no_reference_has_is_learned_from_the_query():
    pool, X, truth = task()
    some = SourcePool([Source("rna", s.X[s.y != "c"], s.y[s.y != "c"]) for s in pool])
    known = np.flatnonzero(truth == "c")[:8]
    y = np.full(len(truth), None, dtype=object)
    y[known] = "c"
    model = fitted(some, X, y)
    left = np.setdiff1d(np.flatnonzero(truth == "c"), known)
    assert (model.transduction_[left] == "c").mean() > 0.5
    assert (model.transduction_[known] == "c").all()


def test_cells_without_counts_and_single_cells_are_labelled():
    pool, X, _ = task()
    X = X.tolil()
    X[3] = 0
    model = fitted(pool, X.tocsr())
    assert np.isfinite(model.transduction_proba_).all()
    alone = fitted(pool, X.tocsr()[:1])
    assert alone.transduction_proba_.sum() == pytest.approx(1)
    empty = fitted(pool, sp.csr_matrix(X.shape, dtype=np.float32))
    assert empty.left_out_ == {"counts": "the target's values are no counts"}


def test_values_of_proteins_refine_labels():
    draws = np.random.default_rng(4)
    centre = draws.normal(size=(3, 20))
    known, asked = draws.integers(0, 3, 200), draws.integers(0, 3, 250)
    genes = (draws.random((450, 30)) < 0.5).astype(np.float32)
    R = np.hstack([genes[:200], centre[known] + draws.normal(size=(200, 20)) * 1.5])
    # In the query all proteins vary together, as they do with the depth of a cell.
    together = draws.normal(size=(250, 1)) * 1.5 * np.sign(draws.normal(size=20))
    noise = draws.normal(size=(250, 20)) * 0.4
    X = np.hstack([genes[200:], 0.5 * centre[asked] + together + noise])
    # Values below 0 would make it a table.
    R, X = R + 20.0, X + 20.0
    R[:, :30], X[:, :30] = genes[:200], genes[200:]
    pool = SourcePool([Source("cite", R, KINDS[known])])
    proteins = np.arange(30, 50)
    settings = {"passthrough": proteins, "scale_passthrough": True, "epochs": 5, "min_steps": 10}
    voted = accuracy(fitted(pool, X, refine_rounds=0, query_only=[], **settings), KINDS[asked])
    refined = accuracy(fitted(pool, X, query_only=[], **settings), KINDS[asked])
    assert refined > voted + 0.03


def test_a_saved_model_says_the_same(tmp_path):
    pool, X, _ = task()
    model = fitted(pool, X)
    again = priorlift.load(priorlift.save(model, tmp_path / "m.priorlift"))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_sources_in_another_order_change_nothing():
    pool, X, _ = task()
    (source,) = pool
    parts = [
        Source("one", source.X[:140], source.y[:140]),
        Source("two", source.X[140:], source.y[140:]),
    ]
    first, second = (fitted(SourcePool(order), X) for order in (parts, parts[::-1]))
    np.testing.assert_array_equal(first.transduction_proba_, second.transduction_proba_)
