"""The gap of known domains: copies, flips, shifts, groups, weights, and bad input."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from priorlift import performance_gap
from priorlift.core.errors import InputError, InputTypeError
from priorlift.pool import ModelSource, Source, SourcePool

QUICK = {"n_permutations": 0, "random_state": 0}


def domain(n, seed=0, flip=False, d=4):
    draws = np.random.default_rng(seed)
    X = draws.normal(size=(n, d))
    y = (X[:, 0] + 0.4 * draws.normal(size=n) > 0).astype(int)
    return X, 1 - y if flip else y


def pool_of(**sources):
    return SourcePool([Source(name, *rows) for name, rows in sources.items()])


@pytest.mark.parametrize("estimator", [LogisticRegression(), GaussianNB()])
def test_flipped_labels_hurt_and_a_second_sample_does_not(estimator):
    pool = pool_of(flipped=domain(150, 1, flip=True), same=domain(150, 2))
    found = performance_gap(estimator, *domain(40), pool, n_permutations=60, random_state=0)
    assert found.names == ("same", "flipped")
    assert found.hurting == ("flipped",)
    flipped = found["flipped"]
    assert flipped.leading.value > 0.4
    assert flipped.leading.p_value == pytest.approx(1 / 61)
    assert "pooling is likely to hurt (p = 0.016)" in flipped.sentence
    assert found["same"].leading.p_value > 0.05


def test_the_gap_of_a_copy_lies_inside_its_null():
    X, y = domain(60)
    outside = 0
    for seed in range(4):
        found = performance_gap(
            LogisticRegression(),
            X,
            y,
            pool_of(copy=(X, y)),
            n_permutations=60,
            level=0.98,
            random_state=seed,
        )
        for gap in (*found["copy"].on_target.values(), *found["copy"].on_source.values()):
            outside += not gap.null_low - 1e-9 <= gap.value <= gap.null_high + 1e-9
            # A copy shares all rows with the target: its gap tends to the low end, never above.
            assert gap.p_value > 0.02
    assert outside <= 3


def test_p_values_of_one_domain_cut_in_two_are_uniform():
    # 40 values; the largest distance from uniform passes 0.34 by chance in less than 1 of 10,000
    # runs; the values are multiples of 0.05.
    values = []
    for seed in range(40):
        X, y = domain(70, seed, d=2)
        found = performance_gap(
            LogisticRegression(),
            X[:25],
            y[:25],
            pool_of(rest=(X[25:], y[25:])),
            n_permutations=19,
            loss="log_loss",
            random_state=seed,
        )
        values.append(found["rest"].leading.p_value)
    values = np.sort(values)
    assert np.abs(values - np.arange(1, 41) / 40).max() < 0.34 + 0.05


def test_regression_is_in_shares_of_the_targets_variance():
    draws = np.random.default_rng(0)
    X = draws.normal(size=(300, 3))
    y = 7.0 * X[:, 0] + draws.normal(size=300)
    pool = pool_of(flipped=(X[60:], -y[60:]), same=(X[60:], y[60:]))
    for scale in (1.0, 1000.0):
        pool = pool_of(flipped=(X[60:], -scale * y[60:]), same=(X[60:], scale * y[60:]))
        found = performance_gap(
            LinearRegression(), X[:60], scale * y[:60], pool, n_permutations=20, random_state=0
        )
        assert found.losses == ("squared",)
        # Predicting -y in place of y: squared error (2y)^2, four variances.
        assert found["flipped"].leading.value == pytest.approx(4.0, rel=0.1)
        assert found["flipped"].verdict == "hurts"
        assert found["same"].verdict != "hurts"
    both = performance_gap(Ridge(), X[:60], y[:60], pool, loss=["absolute", "squared"], **QUICK)
    assert both.losses == ("absolute", "squared")


@pytest.mark.parametrize(
    ("estimator", "losses"),
    [
        (LinearSVC(), ("zero_one",)),
        (RidgeClassifier(), ("zero_one",)),
        (make_pipeline(StandardScaler(), LogisticRegression()), ("zero_one", "log_loss")),
        (RandomForestClassifier(5), ("zero_one", "log_loss")),
    ],
)
def test_any_classifier_will_do(estimator, losses):
    pool = pool_of(a=domain(50, 1))
    several = [performance_gap(estimator, *domain(30), pool, **QUICK) for _ in range(2)]
    assert several[0].losses == losses
    assert several[0]["a"].leading == several[1]["a"].leading, "random states are set"


def test_sparse_rows_give_the_gap_of_dense_ones():
    X, y = domain(30)
    S, labels = domain(60, 1)
    found = []
    for kind in (np.asarray, sp.csr_matrix):
        source = Source("a", kind(S), labels)
        source.__dict__["fingerprint"] = "alike"  # the seed derives from it
        gaps = performance_gap(
            LogisticRegression(), kind(X), y, SourcePool([source]), preprocess=None, **QUICK
        )
        found.append(gaps["a"].on_source["log_loss"].value)
    assert found[0] == pytest.approx(found[1], abs=1e-4)


def test_sparse_and_dense_rows_can_meet_and_gaps_in_x_are_filled_or_told():
    X, y = domain(30)
    S, labels = domain(60, 1)
    mixed = SourcePool([Source("a", sp.csr_matrix(S), labels)])
    assert performance_gap(LogisticRegression(), X, y, mixed, **QUICK).names == ("a",)
    holes = S.copy()
    holes[3, 1] = np.nan
    pool = pool_of(holes=(holes, labels))
    assert performance_gap(LogisticRegression(), X, y, pool, **QUICK).names == ("holes",)
    bare = performance_gap(LogisticRegression(), X, y, pool, preprocess=None, **QUICK)
    assert "NaN" in bare.skipped["holes"]


def test_raw_texts_go_through_a_pipeline():
    texts = ["red apple", "red cherry", "green leaf", "green grass"] * 6
    y = ["warm", "warm", "cold", "cold"] * 6
    pool = SourcePool([Source("twisted", texts, y[2:] + y[:2])])
    model = make_pipeline(CountVectorizer(), MultinomialNB())
    found = performance_gap(model, texts, y, pool, preprocess=None, **QUICK)
    assert found["twisted"].leading.value == 1.0
    assert "encodes" in performance_gap(model, texts, y, pool, **QUICK).skipped["twisted"]


def test_the_order_of_rows_and_sources_does_not_matter():
    X, y = domain(40)
    a, b = domain(60, 1), domain(70, 2)
    options = {"n_permutations": 5, "random_state": 3}
    first = performance_gap(LogisticRegression(), X, y, pool_of(a=a, b=b), **options)
    back = slice(None, None, -1)
    again = performance_gap(LogisticRegression(), X[back], y[back], pool_of(b=b, a=a), **options)
    assert first.names == again.names
    assert first["a"].leading.value == pytest.approx(again["a"].leading.value, abs=1e-12)


def test_a_group_never_trains_the_model_that_judges_it(monkeypatch):
    from priorlift.ranking.gap import performance

    X, y = domain(40)
    groups = np.arange(40) % 8
    pool = SourcePool([Source("a", *domain(80, 1), groups=np.arange(80) % 10)])
    seen = []
    real = performance.folds_of

    def spy(pair, of_target, how, seed):
        folds = real(pair, of_target, how, seed)
        seen.append((pair, folds))
        return folds

    monkeypatch.setattr(performance, "folds_of", spy)
    found = performance_gap(
        LogisticRegression(), X, y, pool, groups=groups, n_permutations=5, random_state=0
    )
    assert found["a"].n_permutations > 0
    ((pair, folds),) = seen
    for fold in folds:
        judged = set(pair.groups[fold.test])
        for train in (fold.source_train, fold.target_train):
            assert not judged & set(pair.groups[train])
    judged = np.concatenate([fold.test for fold in folds])
    assert len(judged) == len(set(judged)) == 120
    missing = performance_gap(
        LogisticRegression(), X, y, pool_of(a=domain(80, 1)), groups=groups, **QUICK
    )
    assert "the source has no groups" in missing.warnings[0]


def test_weights_count_as_copies_of_rows_in_the_mean():
    X, y = domain(30)
    flip = np.arange(30) < 15
    labels = np.where(flip, 1 - y, y)
    pool = pool_of(a=domain(200, 1))
    model = GaussianNB()
    heavy = performance_gap(model, X, labels, pool, sample_weight=np.where(flip, 9.0, 1.0), **QUICK)
    light = performance_gap(model, X, labels, pool, sample_weight=np.where(flip, 1.0, 9.0), **QUICK)
    assert heavy["a"].leading.value > light["a"].leading.value + 0.3


def test_a_matched_size_takes_the_advantage_of_many_rows_away():
    X, y = domain(24, d=8)
    pool = pool_of(a=domain(2000, 1, d=8))
    many, few = (
        performance_gap(
            LogisticRegression(), X, y, pool, loss="log_loss", n_repeats=4, matched_size=m, **QUICK
        )["a"].leading.value
        for m in (False, True)
    )
    assert many < few
    assert few == pytest.approx(0.0, abs=0.15)


def test_rows_that_hurt_are_named():
    X, y = domain(80)
    S, labels = domain(300, 1)
    bad = np.flatnonzero(S[:, 1] > 0.8)  # a part of the source where labels mean the opposite
    labels = labels.copy()
    labels[bad] = 1 - labels[bad]
    source = Source("s", S, [None if row == 0 else int(v) for row, v in enumerate(labels)])
    found = performance_gap(
        RandomForestClassifier(50, min_samples_leaf=3), X, y, SourcePool([source]), **QUICK
    )
    worst = found.worst_rows(20)
    assert np.mean([row.row in set(bad.tolist()) for row in worst]) > 0.8
    assert worst[0].label == labels[worst[0].row]
    assert [row.contribution for row in worst] == sorted(
        (row.contribution for row in worst), reverse=True
    )
    assert found["s"].n_left_out == 1
    assert found.worst_rows(3, by="loss_by_target")[0].loss_by_target >= worst[0].loss_by_target
    with pytest.raises(InputError, match="by is"):
        found.worst_rows(by="loss")


def test_what_cannot_be_measured_is_told():
    class Encoder:
        fingerprint = "e"

        def transform(self, X):
            return X

    X, y = domain(30)
    pool = SourcePool(
        [
            Source("one class", X, np.ones(30, dtype=int)),
            Source("wide", np.ones((4, 9)), [0, 1, 0, 1]),
            Source("two rows", X[:2], [0, 1]),
            Source("other", X, ["a", "b"] * 15),
            ModelSource("net", Encoder()),
        ],
        unusable={"file": "cannot be read"},
    )
    found = performance_gap(LogisticRegression(), X, y, pool, **QUICK)
    assert set(found.skipped) == {"one class", "wide", "two rows", "other", "net", "file"}
    assert found.summary == "no source could be measured"
    assert "two of the target's classes" in found.skipped["other"]


def test_bad_input_is_refused():
    X, y = domain(30)
    pool = pool_of(a=domain(30, 1))
    model = LogisticRegression()
    for options, said in (
        ({"n_splits": 1}, "n_splits"),
        ({"n_repeats": 0}, "n_repeats"),
        ({"n_permutations": -1}, "n_permutations"),
        ({"level": 1.0}, "level"),
        ({"loss": "squared"}, "none of zero_one"),
        ({"loss": ["zero_one", "zero_one"]}, "different"),
    ):
        with pytest.raises(InputError, match=said):
            performance_gap(model, X, y, pool, **options)
    assert "preprocess" in performance_gap(model, X, y, pool, preprocess="pca").skipped["a"]
    with pytest.raises(InputError, match="gives no probabilities"):
        performance_gap(LinearSVC(), X, y, pool, loss="log_loss")
    with pytest.raises(InputError, match="is not made for it"):
        performance_gap(Ridge(), X, y, pool)
    with pytest.raises(InputTypeError, match="SourcePool"):
        performance_gap(model, X, y, [Source("a", X, y)])
    with pytest.raises(InputTypeError, match="cannot fit"):
        performance_gap(object(), X, y, pool)
    with pytest.raises(InputError, match="cannot be split"):
        performance_gap(model, X[:3], [0, 1, 1], pool)
    weighted = Source("w", *domain(30, 1), sample_weight=np.arange(30.0))
    from sklearn.neighbors import KNeighborsClassifier

    found = performance_gap(KNeighborsClassifier(3), X, y, SourcePool([weighted]), **QUICK)
    assert "sample weights" in found.skipped["w"]
