"""The multitask estimator beyond the conformance suite: related tasks, relations, inputs, files."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

import priorlift
from priorlift.core.errors import InputError, MissingExtraError
from priorlift.pool import Source, SourcePool
from priorlift.transfer import GapMultitaskClassifier

QUICK = {
    "hidden_layer_sizes": (16,),
    "projection_size": 8,
    "max_epochs": 20,
    "learning_rate": 0.02,
    "patience": 6,
    "random_state": 0,
}


def rows(n, seed, *, turned=False, classes=3):
    draws = np.random.default_rng(seed)
    y = np.arange(n) % classes
    X = draws.normal(size=(n, 6))
    X[np.arange(n), (y + turned) % classes] += 2.5
    return X, y


X, Y = rows(18, 0)
X_NEW, Y_NEW = rows(300, 1)
POOL = SourcePool([Source("alike", *rows(60, 2)), Source("turned", *rows(60, 3, turned=True))])
LARGE = SourcePool([Source("alike", *rows(300, 2)), Source("turned", *rows(300, 3, turned=True))])


def fitted(sources=POOL, X=X, y=Y, **settings):
    return GapMultitaskClassifier(**{**QUICK, **settings}).fit(X, y, sources=sources)


@pytest.fixture(scope="module")
def learned():
    return fitted(LARGE, max_epochs=25, patience=8)


def test_a_related_task_helps_and_an_opposed_one_is_told_apart(learned):
    assert learned.score(X_NEW, Y_NEW) > fitted(None).score(X_NEW, Y_NEW) + 0.03
    relation = learned.task_relation_
    place = {name: i for i, name in enumerate(relation.names)}
    t, alike, turned = place["target"], place["alike"], place["turned"]
    assert relation.alpha[t, alike] > relation.alpha[t, turned] + 0.05
    assert relation.gap[t, turned] > relation.gap[t, alike] + 1
    assert relation.distance[t, turned] > relation.distance[t, alike]
    assert t == 0


def test_attributes_tell_how_it_went(learned):
    history = learned.history_
    assert learned.n_epochs_ == len(history["valid_loss"])
    assert learned.best_epoch_ == int(np.argmin(history["valid_loss"])) + 1
    assert history["alpha"].shape == (learned.n_epochs_, 3, 3)
    np.testing.assert_allclose(history["alpha"].sum(axis=2), 1, rtol=1e-5)
    np.testing.assert_allclose(history["alpha"][0].diagonal(), 0.9)
    assert np.ptp(history["alpha"][1, 0]) > 0.05, "not uniform after the first epoch"
    np.testing.assert_array_equal(learned.gap_, learned.task_relation_.gap)
    np.testing.assert_allclose(learned.gap_, learned.gap_.T)
    frame = learned.task_relation_.to_frame()
    assert len(frame) == 9
    assert "turned" in learned.task_relation_._repr_html_()


def test_epochs_are_chosen_on_training_rows_of_the_target_alone(monkeypatch):
    from priorlift.networks import loop

    calls = []

    def spy(network, objective, tasks, training, valid=()):
        calls.append((tasks, valid))
        return loop_train(network, objective, tasks, training, valid)

    loop_train = loop.train
    monkeypatch.setattr(loop, "train", spy)
    groups = np.arange(18) // 3
    GapMultitaskClassifier(**QUICK, preprocess=None).fit(X, Y, sources=POOL, groups=groups)
    (tasks, valid), (again, nothing) = calls
    assert not nothing
    assert [t.n_rows for t in again] == [18, 60, 60], "the second training has every row"

    def places(task):
        return {int(np.flatnonzero((row == X).all(axis=1))[0]) for row in task.X}

    training, held = places(tasks[0]), places(valid[0])
    assert not training & held
    assert training | held == set(range(18))
    assert not {groups[i] for i in training} & {groups[i] for i in held}
    assert [task.position for task in valid] == [0, 1, 2]


def test_without_refit_the_validated_weights_are_kept():
    model = fitted(refit=False)
    assert model.best_epoch_ <= model.n_epochs_
    assert not np.array_equal(model.predict_proba(X_NEW), fitted().predict_proba(X_NEW))


def test_without_sources_it_is_the_same_network_on_the_target_alone():
    model = fitted(None)
    np.testing.assert_array_equal(model.task_relation_.alpha, [[1.0]])
    assert model.gap_.shape == (1, 1)
    np.testing.assert_array_equal(
        model.predict_proba(X_NEW), fitted(None, alpha="none", alignment=0.0).predict_proba(X_NEW)
    )


@pytest.mark.parametrize("alpha", ["none", "uniform", "fixed"])
def test_other_relations(alpha):
    model = fitted(alpha=alpha, max_epochs=3)
    matrices = model.history_["alpha"]
    assert (matrices == matrices[0]).all()
    assert model.task_relation_.kind == alpha


def test_a_source_may_lack_classes_and_a_class_may_have_one_row():
    lacking = Source("two classes", *(part[rows(60, 2)[1] != 2] for part in rows(60, 2)))
    other = Source("more classes", *rows(60, 4, classes=4))
    model = fitted(SourcePool([lacking, other]), X=X[:10], y=Y[:10])
    y = Y[:10].copy()
    y[y == 2] = 0
    y[2] = 2
    single = fitted(SourcePool([lacking]), X=X[:10], y=y)
    for found in (model, single):
        assert list(found.classes_) == [0, 1, 2]
        assert np.isfinite(found.predict_proba(X_NEW)).all()


def test_constant_features_and_one_row_a_class_are_fitted():
    model = fitted(X=np.ones_like(X))
    assert np.isfinite(model.predict_proba(X_NEW)).all()
    few = fitted(X=X[:3], y=Y[:3], max_epochs=5)
    assert few.n_epochs_ == few.best_epoch_ == 5, "no rows to validate on: all epochs"


def images(n, seed):
    draws = np.random.default_rng(seed)
    y = np.arange(n) % 2
    found = draws.normal(size=(n, 1, 6, 6))
    found[y == 1, 0, :3] += 1.5
    return found, y


def convolution():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2))


def test_a_module_of_ones_own_takes_images_and_is_not_changed():
    encoder = convolution()
    before = encoder[0].weight.clone()
    pool = SourcePool([Source("more", *images(60, 1))])
    settings = {**QUICK, "encoder": encoder}
    model = GapMultitaskClassifier(**settings).fit(*images(16, 0), sources=pool)
    assert torch.equal(encoder[0].weight, before)
    assert model.score(*images(100, 2)) > 0.9
    again = GapMultitaskClassifier(**settings).fit(*images(16, 0), sources=pool)
    new = images(10, 3)[0]
    np.testing.assert_array_equal(again.predict_proba(new), model.predict_proba(new))
    with pytest.raises(InputError, match=r"inputs of shape \(1, 5, 6\)"):
        model.predict(new[:, :, :5])
    small = SourcePool([Source("small", images(20, 1)[0][:, :, :5], images(20, 1)[1])])
    with pytest.raises(InputError, match=r"source 'small'.*shape \(1, 5, 6\)"):
        GapMultitaskClassifier(**settings).fit(*images(16, 0), sources=small)


def test_a_module_of_ones_own_takes_preprocessed_columns():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = nn.Sequential(nn.Linear(6, 12), nn.BatchNorm1d(12), nn.ReLU())
    assert fitted(encoder=encoder).score(X_NEW, Y_NEW) > 0.5


def test_images_without_an_encoder_are_refused():
    with pytest.raises(InputError, match="pass an encoder"):
        GapMultitaskClassifier().fit(*images(16, 0))


class Nan(nn.Module):
    def forward(self, X):
        return X / 0.0 * 0.0


def test_an_encoder_that_gives_nan_is_named():
    with pytest.raises(InputError, match="the encoder's output is NaN"):
        fitted(encoder=Nan())


def test_it_is_saved_and_loaded_with_its_tensors_apart(learned, tmp_path):
    loaded = priorlift.load(priorlift.save(learned, tmp_path / "m.priorlift"))
    np.testing.assert_array_equal(loaded.predict_proba(X_NEW), learned.predict_proba(X_NEW))
    np.testing.assert_array_equal(loaded.task_relation_.alpha, learned.task_relation_.alpha)
    with pytest.raises(InputError, match="cannot be saved"):
        priorlift.save(fitted(encoder=nn.Linear(6, 4), max_epochs=2), tmp_path / "own.priorlift")


def test_an_interrupted_fit_goes_on(tmp_path):
    def interrupt(done, total):
        if done == 4:
            raise KeyboardInterrupt

    settings = {"max_epochs": 8, "checkpoint": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        fitted(**settings, progress=interrupt)
    assert (tmp_path / "compared.safetensors").is_file()
    whole = fitted(max_epochs=8)
    np.testing.assert_array_equal(
        fitted(**settings).predict_proba(X_NEW), whole.predict_proba(X_NEW)
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("alpha", "even"), ("alignment", -1.0), ("distance_factor", np.nan), ("projection_size", 0),
     ("norm_factor", 0.0), ("max_epochs", 0)],
)  # fmt: skip
def test_impossible_settings_are_refused(name, value):
    with pytest.raises(InputError):
        fitted(**{name: value})


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skorch", None)
    with pytest.raises(MissingExtraError, match=r"priorlift\[nets\]"):
        fitted()
