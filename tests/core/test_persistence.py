"""A saved model predicts as before, holds no source rows, and cannot run code."""

import contextlib
import io
import json
import pickle
import sys
import types
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from priorlift import transfer
from priorlift.core import persistence
from priorlift.core.errors import InputError, InputTypeError, UntrustedFileError
from priorlift.core.persistence import load, read_card, save
from priorlift.pool import Source, SourcePool
from priorlift.transfer import PooledClassifier, PooledRegressor
from priorlift.transfer.routing import fit_params

# Values of a source that no computation gives by chance.
MARKED = 1234.0 + np.arange(40) / 7

FRAMES = {
    "numpy": None,
    "pyarrow": pa.Table.from_pydict,
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
}


def rows_of(frame, seed, n=40, *, marked=False):
    """Two numeric columns, one with a hole, and a column of text with a hole."""
    draws = np.random.default_rng(seed)
    X = draws.normal(size=(n, 3))
    y = (X[:, 0] + 0.3 * draws.normal(size=n) > 0).astype(int)
    y[:2] = 0, 1
    X[:, 0] = MARKED if marked else X[:, 0]
    if frame == "numpy":
        return X, y
    text = [None, *("abc"[int(code)] for code in draws.integers(0, 3, n - 1))]
    columns = {"u": X[:, 0].tolist(), "v": [None, *X[1:, 1].tolist()], "w": text}
    return FRAMES[frame](columns), y


def fitted(estimator, frame="numpy"):
    X, y = rows_of(frame, 0)
    source_X, source_y = rows_of(frame, 1, marked=True)
    pool = SourcePool([Source("ward 1", source_X, source_y, licence="CC0")])
    scale = 1.5 if isinstance(estimator, transfer.base.TransferRegressor) else 1
    return estimator.fit(X, y * scale, sources=pool), rows_of(frame, 2)[0]


ESTIMATORS = [getattr(transfer, name) for name in transfer.__all__ if name.endswith("sor")]
ESTIMATORS += [getattr(transfer, name) for name in transfer.__all__ if name.endswith("Classifier")]
ESTIMATORS = [kind for kind in ESTIMATORS if not kind.__name__.startswith("Transfer")]


def made(kind):
    settings = {"random_state": 0}
    if kind.__name__.startswith("Auto"):
        settings |= {"max_fits": 4, "n_splits": 2}
    return kind(**settings)


@pytest.mark.parametrize("kind", ESTIMATORS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("frame", ["numpy", "pyarrow"])
def test_every_estimator_predicts_after_loading_as_before(kind, frame, tmp_path):
    model, X = fitted(made(kind), frame)
    path = save(model, tmp_path / "model.priorlift")
    loaded = load(path)
    assert type(loaded) is kind
    assert loaded.sources_ == model.sources_
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert not source_values_in(content_of(path))
    assert not source_values_in(pickle.dumps(model))


def content_of(path):
    with zipfile.ZipFile(path) as archive:
        inner = zipfile.ZipFile(io.BytesIO(archive.read("model.skops")))
    return b"".join(inner.read(name) for name in inner.namelist())


def source_values_in(content):
    def forms(value):
        return value.tobytes(), value.byteswap().tobytes(), repr(float(value)).encode()

    return [value for value in MARKED if any(form in content for form in forms(value))]


def test_the_search_for_source_values_can_find_them():
    assert source_values_in(pickle.dumps(MARKED)) == list(MARKED)
    assert source_values_in(pickle.dumps({"row": [float(MARKED[3])]})) == [MARKED[3]]


@pytest.mark.parametrize("frame", ["pandas", "polars"])
def test_a_model_of_any_frame_loads(frame, tmp_path):
    model, X = fitted(PooledClassifier(), frame)
    loaded = load(save(model, tmp_path / "model.priorlift"))
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_every_built_in_estimator_was_tried():
    assert len(ESTIMATORS) >= 8


@dataclass(frozen=True)
class Finding:
    """Stands for a verdict."""

    kind: str
    interval: tuple[float, float]


def test_the_card_tells_what_the_model_is(tmp_path):
    model, _ = fitted(PooledClassifier(source_weight=0.5))
    metrics = {"accuracy": np.float64(0.75), "auc": float("nan")}
    path = save(
        model, tmp_path / "m.priorlift", metrics=metrics, verdict=Finding("helps", (0.1, 0.2))
    )
    card = read_card(path)
    assert card["class"] == "priorlift.transfer.pooled.PooledClassifier"
    assert card["sources"] == model.sources_
    assert card["parameters"]["source_weight"] == "0.5"
    assert card["metrics"] == {"accuracy": 0.75, "auc": None}
    assert card["verdict"] == {"kind": "helps", "interval": [0.1, 0.2]}
    assert set(card["versions"]) == {"priorlift", "scikit-learn", "numpy"}
    assert card["date"].endswith("+00:00")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: make_pipeline(StandardScaler(), model),
        lambda model: GridSearchCV(model, {"source_weight": [1.0]}, cv=2),
    ],
    ids=["pipeline", "search"],
)
def test_a_pipeline_and_a_search_name_the_sources_of_what_is_inside(wrap, tmp_path):
    X, y = rows_of("numpy", 0)
    model = wrap(PooledClassifier())
    model.fit(
        X, y, **fit_params(model, sources=SourcePool([Source("ward 1", *rows_of("numpy", 1))]))
    )
    path = save(model, tmp_path / "m.priorlift")
    assert list(read_card(path)["sources"]) == ["ward 1"]
    np.testing.assert_array_equal(load(path).predict(X), model.predict(X))


class OwnLearner(ClassifierMixin, BaseEstimator):
    """A base learner that priorlift cannot know."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_a_foreign_type_is_named_and_can_be_trusted(tmp_path, monkeypatch):
    # The test runner imports this file under a name of its own; skops must find the class by it.
    module = types.ModuleType(OwnLearner.__module__)
    module.OwnLearner = OwnLearner
    monkeypatch.setitem(sys.modules, OwnLearner.__module__, module)
    path = save(fitted(PooledClassifier(OwnLearner()))[0], tmp_path / "m.priorlift")
    name = f"{OwnLearner.__module__}.OwnLearner"
    with pytest.raises(UntrustedFileError, match="OwnLearner") as caught:
        load(path)
    assert f'trusted=["{name}"]' in str(caught.value)
    assert "PooledClassifier" not in str(caught.value)
    assert isinstance(load(path, trusted=[name]).model_, OwnLearner)
    assert isinstance(load(path, trusted=[OwnLearner]).model_, OwnLearner)


@pytest.mark.parametrize("wrong", ["os.system", True])
def test_trust_is_a_list(wrong, tmp_path):
    with pytest.raises(InputTypeError, match="trusted="):
        load(tmp_path / "m.priorlift", trusted=wrong)


def test_a_function_is_not_trusted(tmp_path):
    model, _ = fitted(PooledClassifier(preprocess=FunctionTransformer(np.abs)))
    load(save(model, tmp_path / "known.priorlift"))
    model, _ = fitted(PooledClassifier(preprocess=FunctionTransformer(_halve)))
    with pytest.raises(UntrustedFileError, match="_halve"):
        load(save(model, tmp_path / "own.priorlift"))


def _halve(X):
    return X / 2


def repack(path, **parts):
    """Write the archive again with other parts; None leaves one out."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content.update(
        {
            name.replace("_skops", ".skops").replace("_json", ".json"): part
            for name, part in parts.items()
        }
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in content.items():
            if part is not None:
                archive.writestr(name, part)
    return path


def with_schema(path, change):
    """Change the schema inside the model, as an attacker would."""
    with zipfile.ZipFile(path) as archive:
        inner = zipfile.ZipFile(io.BytesIO(archive.read("model.skops")))
    parts = {name: inner.read(name) for name in inner.namelist()}
    schema = json.loads(parts["schema.json"])
    change(schema)
    parts["schema.json"] = json.dumps(schema).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return repack(path, model_skops=buffer.getvalue())


@pytest.fixture
def saved(tmp_path):
    return save(fitted(PooledClassifier())[0], tmp_path / "model.priorlift")


ATTACKS = [
    {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"},
    {"__class__": "eval", "__module__": "builtins", "__loader__": "TypeNode"},
    {"__class__": "main", "__module__": "priorlift.cli.app", "__loader__": "FunctionNode"},
    {"__class__": "main", "__module__": "priorlift.__main__", "__loader__": "FunctionNode"},
    {"__class__": "load", "__module__": "priorlift.core.persistence", "__loader__": "FunctionNode"},
    {"__class__": "Path", "__module__": "priorlift.pool", "__loader__": "TypeNode"},
    {"__class__": "SourcePool", "__module__": "priorlift.pool", "__loader__": "TypeNode"},
    {"__class__": "Source", "__module__": "priorlift.pool", "__loader__": "TypeNode"},
    {"__class__": "Journal", "__module__": "priorlift.trials.journal", "__loader__": "TypeNode"},
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: f"{a['__module__']}.{a['__class__']}")
def test_a_crafted_file_is_refused_before_anything_is_built(saved, attack, monkeypatch):
    def change(schema):
        schema["content"]["content"]["model_"] = attack

    monkeypatch.setattr("skops.io.loads", lambda *_, **__: pytest.fail("it was built"))
    with pytest.raises(UntrustedFileError, match=attack["__class__"]):
        load(with_schema(saved, change))


def test_the_model_must_be_what_the_card_says(saved):
    card = read_card(saved) | {"class": "priorlift.transfer.pooled.PooledRegressor"}
    with pytest.raises(InputError, match="its card says"):
        load(repack(saved, card_json=json.dumps(card)))


def test_a_newer_format_is_told_from_a_damaged_file(saved):
    card = read_card(saved) | {"format": 3}
    with pytest.raises(InputError, match="install the newest priorlift"):
        load(repack(saved, card_json=json.dumps(card)))


@pytest.mark.parametrize(
    "parts",
    [
        {"card_json": None},
        {"model_skops": None},
        {"card_json": b"no json"},
        {"card_json": b"[" * 100_000},
        {"card_json": b"[1]"},
        {"model_skops": b"no archive"},
        {"../../escaped": b"out"},
        {"/absolute": b"out"},
    ],
    ids=["no card", "no model", "text", "deep", "list", "junk", "slip", "absolute"],
)
def test_a_damaged_archive_is_an_input_error(saved, parts):
    with pytest.raises(InputError, match="is not a whole model"):
        load(repack(saved, **parts))
    assert not (saved.parent.parent / "escaped").exists()


def test_a_path_inside_the_model_is_refused(saved):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../escaped", b"out")
    with pytest.raises(InputError, match="holds the path"):
        load(repack(saved, model_skops=buffer.getvalue()))


def test_a_model_larger_than_memory_is_refused_before_it_is_unpacked(saved, monkeypatch):
    monkeypatch.setattr(persistence, "available_memory", lambda: 1000)
    with pytest.raises(InputError, match="333 bytes are allowed"):
        load(saved)


def test_a_bomb_inside_the_model_is_refused(saved, monkeypatch):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.npy", bytes(10**7))
    monkeypatch.setattr(persistence, "available_memory", lambda: 3 * 10**6)
    with pytest.raises(InputError, match=r"unpacks to 10\.0 MB"):
        load(repack(saved, model_skops=buffer.getvalue()))


@settings(max_examples=60)
@given(st.data())
def test_a_cut_or_scrambled_file_loads_whole_or_not_at_all(saved_bytes, data):
    content = bytearray(saved_bytes)
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path = saved_bytes.path.with_name("scrambled.priorlift")
    path.write_bytes(content)
    with contextlib.suppress(InputError, UntrustedFileError):
        assert isinstance(load(path), PooledClassifier)


class SavedBytes(bytes):
    path: Path


@pytest.fixture(scope="module")
def saved_bytes(tmp_path_factory):
    path = save(fitted(PooledClassifier())[0], tmp_path_factory.mktemp("saved") / "m.priorlift")
    content = SavedBytes(path.read_bytes())
    content.path = path
    return content


@settings(max_examples=40)
@given(junk=st.binary(max_size=200))
def test_junk_is_an_input_error(tmp_path_factory, junk):
    path = tmp_path_factory.getbasetemp() / "junk.priorlift"
    path.write_bytes(junk)
    for read in (load, read_card):
        with pytest.raises(InputError, match="junk"):
            read(path)


@pytest.mark.parametrize("path", ["missing.priorlift", "."])
def test_a_missing_file_and_a_folder_are_input_errors(tmp_path, path):
    with pytest.raises(InputError, match="Remedy"):
        load(tmp_path / path)


def test_a_damaged_decision_tree_never_predicts(tmp_path):
    X, y = rows_of("numpy", 0)
    forest = RandomForestClassifier(n_estimators=3, random_state=0).fit(X, y)
    path = save(forest, tmp_path / "forest.priorlift")
    np.testing.assert_array_equal(load(path).predict_proba(X), forest.predict_proba(X))
    tree = forest.estimators_[1].tree_
    state = tree.__getstate__()
    state["nodes"]["feature"][0] = 10**6
    tree.__setstate__(state)
    with pytest.raises(InputError, match="point nowhere"):
        load(save(forest, path))


def test_a_tree_that_goes_in_a_circle_is_refused(tmp_path):
    X, y = rows_of("numpy", 0)
    forest = RandomForestClassifier(n_estimators=1, random_state=0).fit(X, y)
    tree = forest.estimators_[0].tree_
    state = tree.__getstate__()
    state["nodes"]["left_child"][0] = 0
    tree.__setstate__(state)
    with pytest.raises(InputError, match="point nowhere"):
        load(save(forest, tmp_path / "forest.priorlift"))


def test_what_cannot_be_saved_is_told(tmp_path):
    path = tmp_path / "m.priorlift"
    with pytest.raises(InputTypeError, match="list"):
        save([1], path)
    with pytest.raises(InputError, match="not fitted"):
        save(PooledClassifier(), path)
    model, _ = fitted(PooledClassifier())
    model.extra_ = (value for value in ())
    with pytest.raises(InputError, match="cannot be saved"):
        save(model, path)
    model.extra_ = SourcePool([Source("a", np.eye(2), [0, 1])])
    with pytest.raises(InputError, match="rows of a source"):
        save(model, path)
    assert not path.exists()


def test_a_failed_save_leaves_the_earlier_file(saved, monkeypatch):
    before = saved.read_bytes()
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match="No space left"):
        save(model, saved)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_a_folder_that_does_not_exist_is_an_input_error(tmp_path):
    model = PooledRegressor().fit(np.eye(3), [0.5, 1.0, 2.5])
    with pytest.raises(InputError, match="cannot be written"):
        save(model, tmp_path / "nowhere" / "m.priorlift")
