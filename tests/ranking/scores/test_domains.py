"""Domain distances against their definitions: who is where, whatever the labels."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from priorlift.core.errors import InputError
from priorlift.ranking.scores import neg_mmd, neg_proxy_a_distance

SCORES = [neg_proxy_a_distance, neg_mmd]


def domains(seed=0, n_source=90, n_target=40, n_features=3, shift=0.0):
    generator = np.random.default_rng(seed)
    source = generator.normal(size=(n_source, n_features))
    return source, generator.normal(size=(n_target, n_features)) + shift


def mmd_by_loops(S, T):
    pooled = [*S, *T]
    between = [np.sum((a - b) ** 2) for i, a in enumerate(pooled) for b in pooled[:i]]
    scale, value = np.median(between), 0.0
    for width in (0.25, 0.5, 1.0, 2.0, 4.0):

        def k(a, b, width=width):
            return np.exp(-np.sum((a - b) ** 2) / (width * scale))

        for table in (S, T):
            value += np.mean(
                [k(a, b) for i, a in enumerate(table) for j, b in enumerate(table) if i != j]
            )
        value -= 2.0 * np.mean([k(a, b) for a in S for b in T])
    return value / 5.0


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_mmd_equals_its_loops(shift):
    S, T = domains(n_source=12, n_target=9, shift=shift)
    assert neg_mmd(S, T) == pytest.approx(-mmd_by_loops(S, T), abs=1e-12)


def test_mmd_of_equal_distributions_is_zero_on_average_and_on_both_sides():
    found = np.array([neg_mmd(*domains(seed, 30, 20)) for seed in range(200)])
    # Unbiased: within four standard errors of 0, where clipping would leave a clear mean.
    assert abs(found.mean()) < 4.0 * found.std() / np.sqrt(200)
    assert 0.2 < np.mean(found > 0.0) < 0.8
    assert np.minimum(found, 0.0).mean() < -4.0 * found.std() / np.sqrt(200)


def test_mmd_of_a_data_set_with_itself_is_not_above_zero():
    S, _ = domains()
    assert 0.0 <= neg_mmd(S, S) < 0.05


def test_the_a_distance_is_twice_one_minus_twice_the_error():
    """A twin with a classifier in closed form cannot be exact; a perfect and a blind one can."""
    S, T = domains(shift=60.0)
    assert neg_proxy_a_distance(S, T) == -2.0
    assert neg_proxy_a_distance(S, S) == pytest.approx(0.0, abs=0.2)
    found = [neg_proxy_a_distance(*domains(seed)) for seed in range(12)]
    assert max(found) == 0.0  # clipped: an error above one half
    assert np.mean(found) > -0.4


def test_the_a_distance_equals_the_balanced_out_of_fold_error(monkeypatch):
    from priorlift.ranking.scores import domains as module

    S, T = domains(shift=1.0)
    seen = {}

    def folds(X, domain, member, n_folds, seed):
        cut = StratifiedKFold(5).split(X, domain)
        seen.update(X=X, domain=domain, folds=list(cut))
        return seen["folds"]

    monkeypatch.setattr(module, "_folds", folds)
    found = neg_proxy_a_distance(S, T)
    X, domain = seen["X"], seen["domain"]
    wrong = np.zeros(len(X))
    for train, test in seen["folds"]:
        Z = (X - X[train].mean(axis=0)) / X[train].std(axis=0)
        wrong[test] = _logistic(Z[train], domain[train], Z[test]) != domain[test]
    error = (wrong[domain == 0].mean() + wrong[domain == 1].mean()) / 2.0
    assert found == pytest.approx(-2.0 * (1.0 - 2.0 * error), abs=1e-12)


def _logistic(Z, domain, held_out):
    """Newton's method on the penalised, balanced log-likelihood."""
    Z, held_out = (np.column_stack([table, np.ones(len(table))]) for table in (Z, held_out))
    weights = len(domain) / (2.0 * np.bincount(domain))[domain]
    ridge, w = np.diag([1.0] * (Z.shape[1] - 1) + [0.0]), np.zeros(Z.shape[1])
    for _ in range(30):
        p = 1.0 / (1.0 + np.exp(-Z @ w))
        slope = Z.T @ (weights * (p - domain)) + ridge @ w
        w -= np.linalg.solve((Z.T * (weights * p * (1 - p))) @ Z + ridge, slope)
    return (held_out @ w > 0.0).astype(int)


def test_a_large_source_cannot_be_guessed():
    S, T = domains(n_source=900, n_target=40)
    assert neg_proxy_a_distance(S, T) > -0.5  # always "source" errs on 4 % of the rows


@pytest.mark.parametrize("score", SCORES)
def test_nearer_is_better(score):
    found = [score(*domains(shift=shift)) for shift in (3.0, 1.0, 0.0)]
    assert found == sorted(found)
    assert found[0] < -0.5 < found[2]


@pytest.mark.parametrize("score", SCORES)
def test_neither_scale_nor_order_matters(score):
    S, T = domains(shift=0.5)
    generator = np.random.default_rng(1)
    expected = pytest.approx(score(S, T), abs=1e-9)
    assert score(1e3 * S, 1e3 * T) == expected
    assert score(generator.permutation(S), T[::-1]) == expected
    assert score(generator.permutation(S), T, max_rows=30) == pytest.approx(
        score(S, T, max_rows=30), abs=1e-9
    )
    assert score(S.astype(np.float32), T.astype(np.float32)) == pytest.approx(score(S, T), abs=1e-5)


def test_duplicated_and_constant_columns():
    S, T = domains(shift=1.0)
    twice = [np.column_stack([table, table]) for table in (S, T)]
    assert neg_mmd(*twice) == pytest.approx(neg_mmd(S, T), abs=1e-12)
    fixed = [np.column_stack([table, np.full(len(table), 7.0)]) for table in (S, T)]
    assert neg_mmd(*fixed) == pytest.approx(neg_mmd(S, T), abs=1e-12)
    assert np.isfinite(neg_proxy_a_distance(*twice))
    assert np.isfinite(neg_proxy_a_distance(*fixed))


def test_mmd_of_mostly_equal_rows_has_a_bandwidth():
    S, T = np.zeros((20, 2)), np.zeros((20, 2))
    T[:5] = 1.0
    assert -0.3 < neg_mmd(S, T) < 0.0


def test_groups_are_not_split_between_folds():
    generator = np.random.default_rng(0)
    # Each group has a place of its own: whoever has seen part of a group knows all of it.
    places = generator.normal(size=(12, 30)) * 5.0
    ids = np.repeat(np.arange(12), 12)
    rows = places[ids] + 0.1 * generator.normal(size=(144, 30))
    S, T, s, t = rows[:72], rows[72:], ids[:72], ids[72:]
    assert neg_proxy_a_distance(S, T) < -1.9
    assert neg_proxy_a_distance(S, T, source_groups=s, groups=t) > -1.0
    names = np.array(list("abcdefghijkl"))
    shuffled = generator.permutation(72)
    again = neg_proxy_a_distance(S[shuffled], T, source_groups=names[s][shuffled], groups=names[t])
    assert again == neg_proxy_a_distance(S, T, source_groups=s, groups=t)


def test_a_group_on_both_sides_is_one_group():
    from priorlift.ranking.scores import domains as module

    S, T = domains(n_source=20, n_target=20)
    groups = np.arange(20) // 2
    members = module._numbered(
        module._group_names(S, groups, "source") + module._group_names(T, groups, "target")
    )
    np.testing.assert_array_equal(members[:20], members[20:])
    apart = module._numbered(
        module._group_names(S, None, "source") + module._group_names(T, None, "target")
    )
    assert len(set(apart.tolist())) == 40


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        (np.ones((5, 2)), np.ones((5, 2)), "features are constant"),
        (np.eye(5), np.eye(4), "5 columns, the target 4"),
        (np.eye(5)[:1], np.eye(5), "source has fewer than two rows"),
        (np.eye(5), np.eye(5)[:1], "target has fewer than two rows"),
        (np.full((5, 2), np.nan), np.ones((5, 2)), "NaN"),
        (np.ones(5), np.ones((5, 2)), "a table"),
    ],
)
def test_what_cannot_be_compared_is_refused(score, source, target, reason):
    with pytest.raises(InputError, match=reason):
        score(source, target)


def test_groups_that_allow_no_folds_are_refused():
    S, T = domains()
    with pytest.raises(InputError, match="single group"):
        neg_proxy_a_distance(S, T, groups=["one"] * 40)
    with pytest.raises(InputError, match="40 rows and 3 labels"):
        neg_proxy_a_distance(S, T, groups=[1, 2, 3])
    with pytest.raises(InputError, match="single group"):
        neg_proxy_a_distance(S, T, n_folds=1)
