"""NCE, LEEP and N-LEEP against sums written out, the published forms and known traps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import adjusted_mutual_info_score, mutual_info_score

from priorlift.core.errors import InputError
from priorlift.ranking.scores import (
    adjusted_nce,
    leep,
    n_leep,
    nce,
    normalized_leep,
    normalized_nce,
)

labels = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=40)


def head(seed=0, n_rows=60, n_classes=3, n_source=5, sharpness=2.0):
    """Probabilities of a source's head that know something of the labels, and the labels."""
    generator = np.random.default_rng(seed)
    y = generator.permutation(np.arange(n_rows) % n_classes)
    logits = sharpness * (np.arange(n_source) % n_classes == y[:, None])
    logits = logits + generator.normal(size=(n_rows, n_source))
    P = np.exp(logits)
    return P / P.sum(axis=1, keepdims=True), y


def clusters(seed=0, n_rows=120, n_features=6, n_classes=3, spread=3.0):
    generator = np.random.default_rng(seed)
    y = generator.permutation(np.arange(n_rows) % n_classes)
    centres = generator.normal(0.0, spread, (n_classes, n_features))
    return centres[y] + generator.normal(size=(n_rows, n_features)), y


@given(labels)
def test_nce_equals_the_sum_over_cells(pairs):
    z, y = map(np.array, zip(*pairs, strict=True))
    expected = sum(
        np.log(np.mean(y[z == source] == label)) * np.sum((y == label) & (z == source))
        for label in set(y.tolist())
        for source in set(z.tolist())
        if np.any((y == label) & (z == source))
    )
    assert nce(z, y) == pytest.approx(expected / len(y), abs=1e-12)


@given(labels)
def test_normalized_nce_is_the_share_of_explained_entropy(pairs):
    z, y = map(np.array, zip(*pairs, strict=True))
    if len(set(y.tolist())) < 2:
        with pytest.raises(InputError, match="constant"):
            normalized_nce(z, y)
        return
    entropy = stats.entropy(np.bincount(y))
    expected = np.clip(mutual_info_score(y, z) / entropy, 0, 1)
    assert normalized_nce(z, y) == pytest.approx(expected, abs=1e-12)
    assert adjusted_nce(z, y) <= normalized_nce(z, y) + 1e-9


def test_nce_is_asymmetric_and_perfect_predictions_explain_all():
    z, y = np.array([0, 1, 2, 3]), np.array([0, 0, 1, 1])
    assert normalized_nce(z, y) == pytest.approx(1.0)
    assert normalized_nce(y, z) == pytest.approx(0.5)
    assert normalized_nce(np.zeros(4), y) == 0.0


def test_adjusted_nce_equals_adjusted_mutual_information_by_label_entropy():
    generator = np.random.default_rng(0)
    y, z = generator.integers(0, 4, 60), generator.integers(0, 6, 60)
    z[:30] = y[:30]
    chance = np.mean([normalized_nce(z, generator.permutation(y)) for _ in range(600)])
    expected = (normalized_nce(z, y) - chance) / (1 - chance)
    assert adjusted_nce(z, y) == pytest.approx(expected, abs=0.01)
    assert adjusted_nce(y, y) == pytest.approx(1.0) == adjusted_mutual_info_score(y, y)


def test_chance_does_not_outrank_a_coarse_but_true_source():
    generator = np.random.default_rng(0)
    y = np.arange(100) % 10
    coarse, meaningless = y > 4, generator.integers(0, 10, 100)
    wrong = [normalized_nce(generator.integers(0, 30, 100), y) for _ in range(20)]
    assert np.mean(wrong) > normalized_nce(coarse, y)  # the trap
    assert adjusted_nce(coarse, y) > adjusted_nce(meaningless, y) + 0.1


def test_adjusted_nce_of_permuted_labels_is_about_zero():
    generator = np.random.default_rng(0)
    z = generator.integers(0, 12, 80)
    found = [adjusted_nce(z, generator.integers(0, 5, 80)) for _ in range(100)]
    # The standard error of this mean is about 0.004.
    assert abs(np.mean(found)) < 0.016


def leep_by_loops(P, y):
    n, total = len(y), 0.0
    for row in range(n):
        likelihood = 0.0
        for z in range(P.shape[1]):
            if P[:, z].sum() > 0.0:
                likelihood += P[y == y[row], z].sum() / P[:, z].sum() * P[row, z]
        total += np.log(likelihood)
    return total / n


def published_leep(P, y):
    """LEEP step by step as in the paper: joint, conditional, expected predictor, mean log."""
    n, n_target = len(y), y.max() + 1
    joint = np.zeros((n_target, P.shape[1]))
    for label in range(n_target):
        joint[label] = P[y == label].sum(axis=0) / n
    conditional = joint / joint.sum(axis=0)
    predictor = P @ conditional.T
    return np.mean(np.log(predictor[np.arange(n), y]))


@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(1, 6))
def test_leep_equals_the_sum_over_source_classes(seed, n_classes, n_source):
    P, y = head(seed, 30, n_classes, n_source)
    assert leep(P, y) == pytest.approx(leep_by_loops(P, y), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_leep_equals_the_published_form(seed):
    P, y = head(seed, 400, 7, 30)
    assert leep(P, y) == pytest.approx(published_leep(P, y), abs=1e-12)


def test_leep_by_blocks_equals_leep_at_once(monkeypatch):
    P, y = head(n_rows=50)
    whole = leep(P, y)
    monkeypatch.setattr("priorlift.ranking.scores.label_relation.BLOCK_ROWS", 7)
    assert leep(P, y) == pytest.approx(whole, abs=1e-14)


@given(labels)
def test_leep_of_certain_heads_is_nce(pairs):
    z, y = map(np.array, zip(*pairs, strict=True))
    assert leep(np.eye(5)[z], y) == pytest.approx(nce(z, y), abs=1e-12)


@given(st.integers(0, 10**6), st.floats(0.0, 30.0))
def test_leep_lies_between_the_label_entropy_and_zero(seed, sharpness):
    P, y = head(seed, 25, 4, 6, sharpness)
    assert -np.log(25) < -stats.entropy(np.bincount(y)) - 1e-12 <= leep(P, y) <= 0.0
    share = 1.0 + leep(P, y) / stats.entropy(np.bincount(y))
    assert normalized_leep(P, y) == pytest.approx(share, abs=1e-12)


def test_a_source_class_without_rows_is_left_out():
    P, y = head()
    dead = np.insert(P, 2, 0.0, axis=1)
    with np.errstate(invalid="ignore"):
        assert np.isnan(published_leep(dead, y))  # the trap
    assert leep(dead, y) == pytest.approx(leep(P, y), abs=1e-14)


def test_tiny_probabilities_do_not_underflow():
    P = np.array([[1.0, 0.0], [1.0, 5e-324], [1.0, 1e-300], [0.0, 1.0]])
    assert leep(P, [0, 1, 1, 0]) == pytest.approx(leep_by_loops(P, np.array([0, 1, 1, 0])))
    assert np.isfinite(leep(P, [0, 0, 0, 1]))


def test_a_head_that_says_nothing_leaves_the_label_entropy():
    y = np.array([0, 0, 0, 1])
    assert leep(np.full((4, 3), 1 / 3), y) == pytest.approx(-stats.entropy([3, 1]))
    assert normalized_leep(np.full((4, 3), 1 / 3), y) == pytest.approx(0.0, abs=1e-12)


@given(st.integers(0, 10**6))
def test_gaps_names_and_orders_change_no_label_score(seed):
    P, y = head(seed, 40, 3, 5)
    z = P.argmax(axis=1)
    generator = np.random.default_rng(seed)
    rows, columns = generator.permutation(40), generator.permutation(5)
    names = np.array(["z", "a", "k"])[y]
    for score in (leep, normalized_leep):
        expected = pytest.approx(score(P, y), abs=1e-12)
        assert score(P[rows], y[rows]) == expected
        assert score(P[:, columns], y) == expected
        assert score(P, names) == expected
        assert score(P, 7 + 10 * y) == expected
    for score in (nce, normalized_nce, adjusted_nce):
        expected = pytest.approx(score(z, y), abs=1e-12)
        assert score(z[rows], y[rows]) == expected
        assert score(3 + 100 * columns[z], y) == expected
        assert score(z, names) == expected
        assert score(z, 7 + 10 * y) == expected


def test_leep_takes_single_precision_and_single_row_classes():
    P, y = head(n_rows=41)
    y[0] = 9
    assert leep(P.astype(np.float32), y) == pytest.approx(leep(P, y), abs=1e-6)
    assert np.isfinite(leep(P.astype(np.float16), y))


@pytest.mark.parametrize(
    ("P", "y", "reason"),
    [
        ([[0.5, 0.6], [0.5, 0.5]], [0, 1], "row 0 sum to 1.1"),
        ([[2.0, -1.0], [0.5, 0.5]], [0, 1], "a probability is -1"),
        ([[np.nan, 1.0], [0.5, 0.5]], [0, 1], "NaN"),
        ([0.5, 0.5], [0, 1], "a table"),
        ([[0.5, 0.5]], [0, 1], "1 rows and 2 labels"),
        ([[0.5, 0.5], [0.5, 0.5]], [0, np.nan], "a label is missing"),
        ([[0.5, 0.5], [0.5, 0.5]], [[0], [1]], "one column"),
    ],
)
def test_leep_refuses_what_is_no_head_on_these_rows(P, y, reason):
    with pytest.raises(InputError, match=reason):
        leep(np.array(P), y)


@pytest.mark.parametrize("score", [normalized_nce, adjusted_nce, normalized_leep])
def test_one_class_is_refused(score):
    with pytest.raises(InputError, match="constant"):
        score(np.full((3, 1), 1.0) if score is normalized_leep else [0, 1, 2], [4, 4, 4])


@pytest.mark.parametrize(
    ("z", "y", "reason"),
    [([0, 1], [0], "do not match"), ([0, None], [0, 1], "missing"), ([], [], "one column")],
)
def test_labels_that_do_not_match_are_refused(z, y, reason):
    with pytest.raises(InputError, match=reason):
        nce(z, y)


def test_n_leep_of_far_clusters_is_zero_and_of_noise_flatters():
    F, y = clusters(spread=20.0)
    assert n_leep(F, y) == pytest.approx(0.0, abs=1e-6)
    shuffled = np.random.default_rng(1).permutation(y)
    floor = -np.log(3.0)
    assert floor < n_leep(F, shuffled) < floor + 0.1  # fitted and scored on the same rows
    near, _ = clusters(spread=0.7)
    assert n_leep(F, shuffled) < n_leep(near, y) < n_leep(F, y)


def test_n_leep_is_leep_of_a_mixture_of_the_components():
    from sklearn.decomposition import PCA
    from sklearn.mixture import GaussianMixture

    F, y = clusters(spread=20.0, n_rows=30)
    order = np.lexsort((y, F @ np.random.default_rng(0).normal(size=6)))
    Z = PCA(n_components=0.8).fit_transform(F[order])
    mixture = GaussianMixture(3, covariance_type="diag", random_state=0)
    P = mixture.fit(Z / np.sqrt(np.square(Z).mean())).predict_proba(
        Z / np.sqrt(np.square(Z).mean())
    )
    assert n_leep(F, y) == pytest.approx(leep(P, y[order]), abs=1e-6)


@pytest.mark.parametrize("covariance", ["diag", "full", "spherical"])
def test_n_leep_does_not_depend_on_scale_offset_order_or_names(covariance):
    F, y = clusters(spread=1.0)
    rows = np.random.default_rng(1).permutation(len(y))
    expected = pytest.approx(n_leep(F, y, covariance=covariance), abs=1e-5)
    assert n_leep(1e3 * F, y, covariance=covariance) == expected
    assert n_leep(F + 50.0, y, covariance=covariance) == expected
    assert n_leep(F[rows], y[rows], covariance=covariance) == expected
    assert n_leep(F.astype(np.float32), 7 + 10 * y, covariance=covariance) == expected


def test_n_leep_takes_duplicates_and_few_rows():
    F, y = clusters(n_rows=12)
    twice = np.column_stack([F, F, np.ones(12)])
    assert n_leep(twice, y) == pytest.approx(n_leep(F, y), abs=1e-6)
    # Fewer different rows than clusters.
    assert np.isfinite(n_leep(np.repeat(F[:3], 20, axis=0), np.arange(60) % 3))


@pytest.mark.parametrize(
    ("F", "y", "reason"),
    [
        (np.ones((9, 2)), [0, 1, 2] * 3, "features are constant"),
        (np.eye(9), [1] * 9, "labels are constant"),
        (np.eye(9), [0, 1], "9 rows and 2 labels"),
        (np.eye(2), [0, 1], "2 rows"),
        (np.full((9, 2), np.nan), [0, 1, 2] * 3, "NaN"),
    ],
)
def test_n_leep_refuses_what_says_nothing(F, y, reason):
    with pytest.raises(InputError, match=reason):
        n_leep(F, y)
