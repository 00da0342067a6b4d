"""Frozen features: what is learned on a source, and only that, is what the head sees."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import FunctionTransformer

from priorlift.encoders import HiddenLayerEncoder
from priorlift.pool import Source, SourcePool
from priorlift.testing.problems import make_problem
from priorlift.transfer import FrozenFeaturesClassifier, FrozenFeaturesRegressor
from priorlift.transfer.linear_head import fit_linear_head

SMALL = {"hidden_layer_sizes": (8,), "n_splits": 2, "random_state": 0}


def product_task(seed, n_target=40, n_source=600):
    """The label is the sign of a product: a linear head fails, learned features can do it."""
    draws = np.random.default_rng(seed)
    X = draws.normal(size=(n_target + n_source + 400, 6))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    rows = np.split(np.arange(len(X)), [n_target, n_target + n_source])
    return [(X[part], y[part]) for part in rows], draws


@pytest.fixture(scope="module")
def accuracies():
    found = {"related": [], "shuffled": [], "none": []}
    for seed in range(4):
        ((X, y), (X_source, y_source), (X_test, y_test)), draws = product_task(seed)
        pools = {
            "related": SourcePool([Source("s", X_source, np.where(y_source, "odd", "even"))]),
            "shuffled": SourcePool([Source("s", X_source, draws.permutation(y_source))]),
            "none": None,
        }
        for name, pool in pools.items():
            model = FrozenFeaturesClassifier(random_state=seed).fit(X, y, sources=pool)
            found[name].append(model.score(X_test, y_test))
    return {name: float(np.mean(values)) for name, values in found.items()}


def test_features_of_a_related_source_lift_the_score(accuracies):
    # A linear model on the columns stays at 0.5; the source has other names for the classes.
    assert accuracies["related"] > 0.72
    assert accuracies["related"] > accuracies["none"] + 0.1


def test_features_of_shuffled_labels_do_not(accuracies):
    assert accuracies["shuffled"] < accuracies["none"] + 0.05


def test_the_features_are_the_hidden_layers_side_by_side():
    p = make_problem("classification")
    model = FrozenFeaturesClassifier(**SMALL).fit(p.X, p.y, sources=p.pool)
    X = model.preprocess_.transform(p.X_new)
    layers = [np.maximum(X @ e.weights_[0] + e.biases_[0], 0.0) for e in model.encoders_]
    np.testing.assert_array_equal(model._features(X), np.hstack(layers))
    assert len(layers) == p.pool.n_sources
    expected = model.model_.predict_proba(np.hstack(layers))
    np.testing.assert_array_equal(model.predict_proba(p.X_new), expected)


def test_a_source_gives_the_same_features_alone_and_among_others():
    p = make_problem("classification")
    both = FrozenFeaturesClassifier(**SMALL).fit(p.X, p.y, sources=p.pool)
    order = [source.name for source in p.pool.by_fingerprint()]
    for name in p.pool.names:
        alone = FrozenFeaturesClassifier(**SMALL).fit(p.X, p.y, sources=p.pool.subset([name]))
        among = both.encoders_[order.index(name)]
        np.testing.assert_array_equal(alone.encoders_[0].weights_[0], among.weights_[0])


def test_the_baseline_has_random_features_of_the_same_shape():
    p = make_problem("classification")
    model = FrozenFeaturesClassifier(**SMALL).fit(p.X, p.y)
    (encoder,) = model.encoders_
    assert encoder.weights_[0].shape == (4, 8)
    assert len(encoder.weights_) == 1
    other = FrozenFeaturesClassifier(**SMALL).fit(p.X, p.y[::-1])
    np.testing.assert_array_equal(encoder.weights_[0], other.encoders_[0].weights_[0])


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("source_task", ["classification", "regression"])
def test_a_source_may_be_of_the_other_kind(task, source_task):
    p, other = make_problem(task), make_problem(source_task, seed=1)
    kind = FrozenFeaturesClassifier if task == "classification" else FrozenFeaturesRegressor
    model = kind(**SMALL).fit(p.X, p.y, sources=other.pool)
    assert {encoder.task for encoder in model.encoders_} == {source_task}
    assert set(model.predict(p.X_new)) <= set(p.y) or task == "regression"


def test_a_given_encoder_is_fitted_on_each_source():
    p = make_problem("regression")
    pca = PCA(2)
    model = FrozenFeaturesRegressor(pca, random_state=0).fit(p.X, p.y, sources=p.pool)
    assert not hasattr(pca, "components_")
    for encoder, source in zip(model.encoders_, p.pool.by_fingerprint(), strict=True):
        twin = PCA(2).fit(model.preprocess_.transform(source.X))
        np.testing.assert_allclose(encoder.components_, twin.components_)


def test_a_frozen_encoder_is_used_as_it_is_in_both_arms():
    p = make_problem("classification")
    fitted = HiddenLayerEncoder(hidden_layer_sizes=(5,), random_state=3)
    fitted.fit(p.pool["related"].X, p.pool["related"].y)
    one = SourcePool([p.pool["related"]])
    model = FrozenFeaturesClassifier(FrozenEstimator(fitted), preprocess=None, random_state=0)
    with_source = model.fit(p.X, p.y, sources=one).predict_proba(p.X_new)
    np.testing.assert_array_equal(model.encoders_[0].transform(p.X), fitted.transform(p.X))
    np.testing.assert_array_equal(model.fit(p.X, p.y).predict_proba(p.X_new), with_source)


def test_keep_input_adds_the_preprocessed_columns():
    p = make_problem("classification")
    model = FrozenFeaturesClassifier(keep_input=True, **SMALL).fit(p.X, p.y, sources=p.pool)
    X = model.preprocess_.transform(p.X_new)
    np.testing.assert_array_equal(model._features(X)[:, -4:], X)


def test_without_a_feature_map_it_is_a_linear_model():
    p = make_problem("regression")
    model = FrozenFeaturesRegressor(FunctionTransformer(), random_state=0).fit(p.X, p.y)
    slope = model.predict(p.X_new[:1] + 1.0) - model.predict(p.X_new[:1])
    other = model.predict(p.X_new[1:2] + 1.0) - model.predict(p.X_new[1:2])
    np.testing.assert_allclose(slope, other)


def test_weights_reach_the_encoder_and_the_head():
    p = make_problem("classification")
    source = p.pool["related"]
    heavy = Source("a", source.X, source.y, sample_weight=np.where(source.y, 5.0, 1.0))
    plain = FrozenFeaturesClassifier(**SMALL).fit(p.X, p.y, sources=SourcePool([source]))
    model = FrozenFeaturesClassifier(**SMALL).fit(p.X, p.y, sources=SourcePool([heavy]))
    assert not np.allclose(plain.encoders_[0].weights_[0], model.encoders_[0].weights_[0])
    weight = np.where(p.y == 1, 20.0, 1.0)
    leaning = FrozenFeaturesClassifier(**SMALL).fit(p.X, p.y, sample_weight=weight)
    even = FrozenFeaturesClassifier(**SMALL).fit(p.X, p.y)
    assert leaning.predict_proba(p.X_new)[:, 1].mean() > even.predict_proba(p.X_new)[:, 1].mean()


def test_groups_reach_the_heads_splits(monkeypatch):
    seen = []

    def spying(features, y, weight, task, splits):
        seen.append(splits)
        return fit_linear_head(features, y, weight, task, splits)

    monkeypatch.setattr("priorlift.transfer.frozen_features.fit_linear_head", spying)
    p = make_problem("classification")
    FrozenFeaturesClassifier(**SMALL).fit(p.X, p.y, groups=p.groups)
    assert seen[0]
    for train, test in seen[0]:
        assert not set(p.groups[train]) & set(p.groups[test])
