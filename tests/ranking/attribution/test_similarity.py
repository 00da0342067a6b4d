"""Pair features: equal to double loops, and no more than chance for permuted labels."""

import numpy as np
import pytest
from scipy import stats

from priorlift.core.errors import InputError
from priorlift.ranking.attribution import (
    FEATURES,
    LinearHead,
    RidgeHeads,
    attribute,
    attribution_pairs,
    attribution_similarity,
)
from priorlift.ranking.statistics import TaskStatistics


def given(seed=0, T=3, p=7, d=11):
    draws = np.random.default_rng(seed)
    members = draws.random((T, p)) < 0.5
    members[:, 0] = True
    return [draws.normal(size=(p, d)) for _ in range(T)], members


def top(a):
    profile = np.abs(a).mean(axis=0)
    return set(np.argsort(-profile)[: max(1, int(np.ceil(0.05 * a.shape[1])))].tolist())


def cosine(u, v):
    return float(u @ v / np.linalg.norm(u) / np.linalg.norm(v))


def twin(name, s, t, own):
    p, d = s.shape
    mean_s, mean_t = np.abs(s).mean(axis=0), np.abs(t).mean(axis=0)
    if name == "attribution":
        return np.mean([cosine(s[i], t[i]) for i in range(p) if own[i]])
    if name == "attribution_all_probes":
        return np.mean([cosine(s[i], t[i]) for i in range(p)])
    if name == "attribution_overlap":
        return len(top(s) & top(t)) / len(top(s) | top(t))
    if name == "attribution_profile":
        return cosine(mean_s, mean_t)
    if name == "attribution_profile_rank":
        return stats.spearmanr(mean_s, mean_t).statistic
    if name == "attribution_complement":
        return sum(mean_t[j] for j in range(d) if j not in top(s)) / mean_t.sum()
    if name == "attribution_signs":
        return np.mean([(s[i, j] > 0) == (t[i, j] > 0) for i in range(p) for j in range(d)])
    cs, ct = s - s.mean(axis=0), t - t.mean(axis=0)
    return np.linalg.norm(cs.T @ ct) ** 2 / np.linalg.norm(cs.T @ cs) / np.linalg.norm(ct.T @ ct)


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("d", [11, 60])
def test_equal_to_double_loops(name, d):
    attributions, members = given(d=d)
    found = attribution_pairs(attributions, members, names=[name])[name]
    for s in range(3):
        for t in range(3):
            expected = twin(name, attributions[s], attributions[t], members[t])
            assert found[s, t] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", ["attribution", "attribution_complement"])
def test_standardised_by_the_mean_and_spread_of_the_null(name):
    attributions, members = given()
    draws = [given(seed)[0] for seed in (1, 2, 3)]
    found = attribution_pairs(attributions, members, nulls=iter(draws), names=[name])[name]
    drawn = np.empty((6, 3, 3))
    for b, null in enumerate(draws):
        for s in range(3):
            for t in range(3):
                drawn[2 * b, s, t] = twin(name, attributions[s], null[t], members[t])
                drawn[2 * b + 1, s, t] = twin(name, null[s], attributions[t], members[t])
    variance = drawn.var(axis=0, ddof=1)
    for s in range(3):
        for t in range(3):
            spread = np.sqrt(0.5 * (variance[s, t] + variance[:, t].mean()))
            value = twin(name, attributions[s], attributions[t], members[t])
            expected = (value - drawn[:, s, t].mean()) / spread
            assert found[s, t] == pytest.approx(expected, abs=1e-5)


def test_what_is_symmetric_and_what_is_not():
    found = attribution_pairs(*given(d=60))
    for name in FEATURES:
        same = np.allclose(found[name], found[name].T, atol=1e-6)
        assert same == (name not in ("attribution", "attribution_complement")), name


def test_scale_and_order_of_probes_change_nothing():
    attributions, members = given()
    before = attribution_pairs(attributions, members)
    order = np.random.default_rng(1).permutation(7)
    moved = [(1e3, 1e-3, 1.0)[i] * a[order] for i, a in enumerate(attributions)]
    after = attribution_pairs(moved, members[:, order])
    for name in FEATURES:
        np.testing.assert_allclose(after[name], before[name], atol=1e-6, err_msg=name)


def test_flipped_labels_flip_the_cosine_and_not_the_overlap():
    X, labels = tasks_over_one_matrix(0)
    probes = X[:30]
    one, other = (TaskStatistics.of(X, y) for y in labels[:2])
    flipped = TaskStatistics.of(X, 1 - labels[1])
    plain, turned = (RidgeHeads.of([one, task]).heads for task in (other, flipped))
    first = attribution_similarity(*plain, probes)
    assert abs(first) > 0.1
    assert attribution_similarity(*turned, probes) == pytest.approx(-first, abs=1e-9)
    scaled = LinearHead(7.0 * plain[1].weights, plain[1].intercept)
    assert attribution_similarity(plain[0], scaled, probes) == pytest.approx(first, abs=1e-9)


def tasks_over_one_matrix(seed, n=400, d=30, related=True):
    """Two related tasks, one of its own, on features of a few strong directions."""
    draws = np.random.default_rng(seed)
    X = draws.normal(size=(n, d)) * np.linspace(3.0, 0.3, d) + draws.normal(size=d)
    signal = draws.normal(size=(3, d))
    signal[1] = signal[0] + 0.3 * signal[1]
    labels = [(X @ w + draws.normal(size=n) > np.median(X @ w)).astype(int) for w in signal]
    if not related:
        labels = [draws.permutation(y) for y in labels]
    return X, labels


def z_scores(X, labels, seed, names, B=8):
    first = TaskStatistics.of(X, labels[0])
    ridge = RidgeHeads.of([first, *(first.with_labels(X, y) for y in labels[1:])])
    probes = X[:64]
    nulls = (
        [attribute(head, probes).values for head in heads]
        for heads in ridge.permuted(B, random_state=seed)
    )
    values = [attribute(head, probes).values for head in ridge.heads]
    return attribution_pairs(values, nulls=nulls, names=names)


@pytest.mark.parametrize("name", ["attribution", "attribution_overlap", "attribution_signs"])
def test_permuted_labels_are_standardised_to_mean_zero_and_spread_one(name):
    found = []
    for seed in range(60):
        z = z_scores(*tasks_over_one_matrix(seed, n=200, related=False), seed, [name])[name]
        found += [z[0, 1], z[1, 2]]
    # 120 draws: their mean has a standard error of about 0.1, their spread one of about 0.08.
    assert abs(np.nanmean(found)) < 0.4
    assert 0.7 < np.nanstd(found) < 1.45


def test_related_tasks_stand_out_and_shared_geometry_does_not():
    related, unrelated = [], []
    for seed in range(20):
        z = z_scores(*tasks_over_one_matrix(seed), seed, ["attribution"])["attribution"]
        related.append(z[0, 1])
        unrelated.append(abs(z[0, 2]))
    assert np.median(related) > 2.5
    assert np.median(related) > 1.5 * np.median(unrelated)
    raw = []
    for seed in range(20):
        X, labels = tasks_over_one_matrix(seed, related=False)
        ridge = RidgeHeads.of([TaskStatistics.of(X, y) for y in labels[:2]])
        values = [attribute(head, X[:64]).values for head in ridge.heads]
        raw.append(
            attribution_pairs(values, names=["attribution_profile"])["attribution_profile"][0, 1]
        )
    assert np.median(raw) > 0.5  # alike without a reason, which is why the null is there


def test_a_constant_head_is_nan_and_harms_no_other_pair():
    attributions, members = given()
    draws = [given(seed)[0] for seed in (1, 2)]
    three = [*attributions[:2], np.zeros_like(attributions[2])]
    found = attribution_pairs(three, members, nulls=draws, names=FEATURES)
    alone = attribution_pairs(
        attributions[:2], members[:2], nulls=[d[:2] for d in draws], names=FEATURES
    )
    for name in FEATURES:
        assert np.isnan(found[name][2]).all()
        assert np.isnan(found[name][:, 2]).all()
        np.testing.assert_allclose(found[name][:2, :2], alone[name], err_msg=name)


def test_a_probe_without_direction_is_left_out():
    attributions, _ = given(T=2)
    before = attribution_pairs([a[1:] for a in attributions], names=["attribution"])
    attributions[0][0] = 0.0
    after = attribution_pairs(attributions, names=["attribution"])
    assert after["attribution"][0, 1] == pytest.approx(before["attribution"][0, 1])


def test_float32_agrees_with_float64():
    attributions, members = given(p=50, d=40)
    single = attribution_pairs([a.astype(np.float32) for a in attributions], members)
    double = attribution_pairs(attributions, members)
    for name in FEATURES:
        np.testing.assert_allclose(single[name], double[name], atol=1e-5, err_msg=name)


def test_bad_input_is_refused():
    attributions, members = given()
    with pytest.raises(InputError, match="unknown feature"):
        attribution_pairs(attributions, names=["nothing"])
    with pytest.raises(InputError, match="fewer than two tasks"):
        attribution_pairs(attributions[:1])
    with pytest.raises(InputError, match="two draws"):
        attribution_pairs(attributions, members, nulls=[attributions])
    with pytest.raises(InputError, match="probes of its own"):
        attribution_pairs(attributions, np.zeros_like(members))
    with pytest.raises(InputError, match=r"task 1: .*shape"):
        attribution_pairs([attributions[0], attributions[1][:3], attributions[2]])
    attributions[1][2, 2] = np.inf
    with pytest.raises(InputError, match="task 1: an attribution is NaN"):
        attribution_pairs(attributions)
