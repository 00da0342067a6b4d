import numpy as np
import pytest
import scipy.sparse as sp

from priorlift.transfer.joint.query_models import CountFeatures
from priorlift.transfer.joint.refinement import N_FOLDS, log_normalised, refine


def two_kinds(n=400, seed=0):
    """Cells of two kinds that differ in 40 of 200 features; evidence is right for three in four."""
    draws = np.random.default_rng(seed)
    level = np.exp(draws.normal(size=(2, 200)))
    level[1, 40:] = level[0, 40:]
    truth = draws.integers(0, 2, size=n)
    counts = sp.csr_matrix(draws.poisson(0.15 * level[truth]).astype(float))
    said = np.where(draws.random(n) < 0.75, truth, 1 - truth)
    return counts, np.eye(2)[said], truth


def features(counts):
    return CountFeatures.of(np.asarray(counts.sum(axis=0)).ravel(), 0.5, 1.0)


def run(counts, evidence, codes=None, weight=None, rounds=6, model=None, follow=None):
    n = len(evidence)
    codes = np.full(n, -1) if codes is None else codes
    weight = np.ones(n) if weight is None else weight
    models = [model or features(counts)]
    return refine(evidence, follow or (lambda _: evidence), [counts], models, codes, weight, rounds)


def test_structure_of_the_query_corrects_weak_evidence():
    counts, evidence, truth = two_kinds()
    shares, _ = run(counts, evidence)
    assert (evidence.argmax(axis=1) == truth).mean() < 0.8
    assert (shares.argmax(axis=1) == truth).mean() > 0.92
    assert np.exp(shares).sum(axis=1) == pytest.approx(1.0)


def test_a_round_is_that_of_the_loops():
    counts, evidence, _ = two_kinds(37)
    shares, learned = run(counts, evidence, rounds=1)
    member, model = np.exp(log_normalised(evidence)), features(counts)
    np.testing.assert_allclose(learned[0], model.learned(model.sums(counts, member)))
    for i in range(37):
        others = [j for j in range(37) if j % N_FOLDS != i % N_FOLDS]
        own = model.learned(model.sums(counts[others], member[others]))
        expected = evidence[[i]] + model.log_likelihood(counts[[i]], own)
        np.testing.assert_allclose(shares[[i]], log_normalised(expected), atol=1e-9)


def test_cells_do_not_confirm_themselves():
    """Features of noise, most of which one cell alone has, must leave confidence as it was."""
    draws = np.random.default_rng(1)
    counts = sp.csr_matrix((draws.random((200, 4000)) < 0.005).astype(float))
    evidence = draws.normal(size=(200, 2))
    before = np.exp(log_normalised(evidence)).max(axis=1).mean()
    after = np.exp(run(counts, evidence)[0]).max(axis=1).mean()
    assert after < before + 0.15  # 1.0 where each cell has a part in its models


def test_known_cells_teach_and_are_not_read_back():
    counts, _, truth = two_kinds()
    nothing = np.zeros((400, 2))
    codes = np.where(np.arange(400) < 100, truth, -1)
    shares, _ = run(counts, nothing, codes)
    assert (shares.argmax(axis=1) == truth)[100:].mean() > 0.9
    wrong = codes.copy()
    wrong[0] = 1 - wrong[0]
    assert shares[0] == pytest.approx(run(counts, nothing, wrong)[0][0], abs=0.5)


def test_cells_of_weight_zero_teach_nothing():
    counts, evidence, _ = two_kinds(100)
    weight = np.ones(100)
    weight[60:] = 0.0
    half = run(counts[:60], evidence[:60], rounds=3, model=features(counts))
    all_ = run(counts, evidence, weight=weight, rounds=3)
    np.testing.assert_allclose(all_[1][0], half[1][0])


def test_evidence_follows_the_composition():
    """A round asks for the shares of the round before, known cells by their class."""
    counts, evidence, truth = two_kinds(100)
    asked = []

    def follow(composition):
        asked.append(composition)
        return evidence + np.log(composition)

    codes = np.where(np.arange(100) < 20, truth, -1)
    shares, _ = run(counts, evidence, codes, follow=follow, rounds=2)
    member = np.exp(log_normalised(evidence))
    member[:20] = np.eye(2)[truth[:20]]
    expected = member.sum(axis=0) + 0.5
    np.testing.assert_allclose(asked[0], expected / expected.sum())
    assert len(asked) == 2
    assert np.isfinite(shares).all()


def test_one_cell_and_no_rounds_leave_the_evidence():
    counts, evidence, _ = two_kinds(5)
    alone, _ = run(counts[:1], evidence[:1])
    np.testing.assert_allclose(alone, log_normalised(evidence[:1]))
    shares, learned = run(counts, evidence, rounds=0)
    np.testing.assert_allclose(shares, log_normalised(evidence))
    assert learned == []
