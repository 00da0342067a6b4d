import json
import os
import pickle
import threading

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from priorlift.core import arrays
from priorlift.core.errors import InputError, RunDirectoryError
from priorlift.pool import Source, Target
from priorlift.trials import DataStore, store_formats

shapes = hnp.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=5)
numbers = hnp.arrays(hnp.floating_dtypes() | hnp.integer_dtypes() | hnp.boolean_dtypes(), shapes)
words = hnp.arrays(hnp.unicode_string_dtypes(), shapes)
labels = st.lists(
    st.none() | st.text() | st.booleans() | st.integers() | st.floats(), min_size=0, max_size=6
)


def is_mapped(array):
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


@settings(max_examples=15)
@given(numbers | words)
def test_arrays_come_back_bit_for_bit_mapped_and_read_only(tmp_path_factory, array):
    data = DataStore(tmp_path_factory.mktemp("data"))
    data.put_array("key", array)
    back = data.get_array("key")
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()
    assert not back.flags.writeable
    assert is_mapped(back) or back.size == 0


def test_memory_order_is_kept(tmp_path):
    data = DataStore(tmp_path)
    data.put_array("f", np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    assert data.get_array("f").flags.f_contiguous


@settings(max_examples=15)
@given(labels)
def test_labels_of_any_kind_keep_their_types(tmp_path_factory, values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    data = DataStore(tmp_path_factory.mktemp("data"))
    data.put_array("key", array)
    back = data.get_array("key")
    assert back.dtype == object
    assert [type(item) for item in back] == [type(item) for item in values]
    assert repr(list(back)) == repr(values)


def test_an_object_array_of_something_else_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"holds a dict.*Remedy"):
        DataStore(tmp_path).put_array("key", np.array([{}, {}]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csr_array, sp.csc_array, sp.coo_matrix])
def test_sparse_comes_back_as_mapped_csr_of_its_kind(tmp_path, kind):
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(30, 7)) * (rng.random((30, 7)) < 0.3)
    data = DataStore(tmp_path)
    data.put_array("key", kind(dense))
    back = data.get_array("key")
    assert back.format == "csr"
    assert isinstance(back, sp.spmatrix) == isinstance(kind(dense), sp.spmatrix)
    assert np.array_equal(back.toarray(), dense)
    assert all(is_mapped(part) for part in (back.data, back.indices, back.indptr))
    assert np.array_equal((back @ np.eye(7)), dense)
    back.sum_duplicates()  # what estimators call; must not try to write


def test_unsorted_sparse_rows_are_stored_sorted(tmp_path):
    unsorted = sp.csr_array(
        (np.array([1.0, 2.0, 3.0]), np.array([2, 0, 0]), np.array([0, 3])), shape=(1, 3)
    )
    DataStore(tmp_path).put_array("key", unsorted)
    back = DataStore(tmp_path).get_array("key")
    assert back.indices.tolist() == [0, 2]
    assert back.data.tolist() == [5.0, 1.0]
    assert unsorted.indices.tolist() == [2, 0, 0]


def frames():
    columns = {
        "a": [1.5, None, 3.0],
        "b": ["x", None, "z"],
        "c": [1, 2, 3],
        "d": [True, False, True],
    }
    pandas = pd.DataFrame(columns, index=[7, 5, 5])
    pandas["e"] = pd.Categorical(["u", "v", "u"])
    yield pandas
    yield pl.DataFrame(columns).with_columns(pl.Series("e", ["u", "v", "u"], dtype=pl.Categorical))
    yield pa.table({**columns, "e": pa.array(["u", "v", "u"]).dictionary_encode()})


@pytest.mark.parametrize("frame", list(frames()), ids=["pandas", "polars", "pyarrow"])
def test_frames_come_back_as_tables_with_the_same_content(tmp_path, frame):
    data = DataStore(tmp_path)
    data.put_array("key", frame)
    back = data.get_array("key")
    assert isinstance(back, pa.Table)
    assert back.column_names == ["a", "b", "c", "d", "e"]
    assert back.column("a").to_pylist() == [1.5, None, 3.0]
    assert back.column("b").to_pylist() == ["x", None, "z"]
    assert back.column("e").to_pylist() == ["u", "v", "u"]
    assert not back.schema.metadata
    assert arrays.fingerprint(back) == arrays.fingerprint(frame)


def test_a_table_is_mapped_and_not_read(tmp_path):
    data = DataStore(tmp_path)
    data.put_array("key", pa.table({"a": np.zeros(10**6)}))
    before = pa.total_allocated_bytes()
    table = data.get_array("key")
    assert table.num_rows == 10**6
    assert pa.total_allocated_bytes() - before < 10**5


def test_a_column_of_mixed_types_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match=r"a column mixes types.*Remedy"):
        DataStore(tmp_path).put_array("key", pd.DataFrame({"a": [1, "x", 2.0]}))
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_stored_is_named(tmp_path):
    with pytest.raises(InputError, match="list cannot be stored"):
        DataStore(tmp_path).put_array("key", [[1.0]])
    with pytest.raises(InputError, match=r"source 'scans', X.*a Lazy cannot be stored.*encode"):
        DataStore(tmp_path).put_task(Source("scans", Lazy(), [0, 1]))
    with pytest.raises(ValueError, match="not a fingerprint"):
        DataStore(tmp_path).put_array("../key", np.zeros(2))


class Lazy:
    shape = (2, 8, 8)

    def __getitem__(self, rows):
        return np.zeros((2, 8, 8))[rows]


def test_nothing_is_written_twice(tmp_path):
    data = DataStore(tmp_path)
    data.put_array("key", np.zeros(3))
    data.put_array("key", np.ones(3))
    assert data.get_array("key").tolist() == [0, 0, 0]
    assert "key" in data
    assert "other" not in data


def test_two_writers_of_one_key_leave_one_whole_copy(tmp_path, monkeypatch):
    both = threading.Barrier(2)
    save = store_formats._save

    def save_together(path, array):
        both.wait(timeout=10)
        save(path, array)

    monkeypatch.setattr(store_formats, "_save", save_together)
    writers = [
        threading.Thread(target=DataStore(tmp_path).put_array, args=("key", np.arange(9)))
        for _ in "ab"
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert DataStore(tmp_path).get_array("key").tolist() == list(range(9))
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(path, array):
        path.write_bytes(b"half")
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(store_formats, "_save", full)
    with pytest.raises(RunDirectoryError, match=r"disk is full.*free space"):
        DataStore(tmp_path).put_array("key", np.zeros(3))
    assert list(tmp_path.iterdir()) == []


def test_a_pickle_in_the_folder_is_never_loaded(tmp_path):
    DataStore(tmp_path).put_array("key", np.zeros(3))
    file = tmp_path / "key" / "dense.npy"
    file.write_bytes(pickle.dumps(np.zeros(3)))
    with pytest.raises((ValueError, RunDirectoryError)):
        DataStore(tmp_path).get_array("key")


X = np.arange(12.0).reshape(6, 2)
TASKS = [
    Source("plain", X, [0, 1, 0, 1, 0, 1]),
    Source("words", X, np.array(["a", "b", None, "a", "b", "a"], dtype=object), licence="CC0"),
    Source(
        "grouped", X, [0.5] * 6, groups=list("aabbcc"), sample_weight=np.ones(6), description="d"
    ),
    Target("marked", X, [0, 1, -1, 1, 0, -1], unlabeled=np.int64(-1)),
    Target(
        "table",
        pd.DataFrame({"a": X[:, 0], "b": list("xyzxyz")}),
        [1.0, 2.0, np.nan, 4.5, 5.0, 6.0],
    ),
    Source("sparse", sp.csr_matrix(X), [3, 1, 4, 1, 5, 9], task="regression"),
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_tasks_come_back_whole_without_hashing_their_content(tmp_path, task, monkeypatch):
    data = DataStore(tmp_path)
    fingerprint = data.put_task(task)
    assert fingerprint == task.fingerprint
    load = data.source if isinstance(task, Source) else data.target
    with monkeypatch.context() as patched:
        patched.setattr(arrays, "fingerprint", None)
        back = load(fingerprint)
        assert back.fingerprints == task.fingerprints
    assert type(back) is type(task)
    for part in ("name", "task", "unlabeled", "licence", "description", "n_rows"):
        assert getattr(back, part) == getattr(task, part)
    assert np.array_equal(back.labelled, task.labelled)
    assert repr(back.y.tolist()) == repr(task.y.tolist())
    assert (back.groups is None) == (task.groups is None)
    assert arrays.fingerprint(back.X) == task.fingerprints.X
    # Recomputed from what was read, the fingerprints are the same: content survived the trip.
    again = type(task)(
        back.name,
        back.X,
        back.y,
        groups=back.groups,
        sample_weight=back.sample_weight,
        task=back.task,
        unlabeled=back.unlabeled,
    )
    assert again.fingerprint == task.fingerprint


def test_a_loaded_task_stays_in_memory_and_may_take_another_name(tmp_path):
    data = DataStore(tmp_path)
    fingerprint = data.put_task(TASKS[0])
    assert DataStore(tmp_path).source(fingerprint) is data.source(fingerprint)
    assert data.source(fingerprint, name="copy").name == "copy"
    assert data.source(fingerprint, name="copy").fingerprint == fingerprint


def test_tasks_over_one_matrix_share_it_on_disk(tmp_path):
    data = DataStore(tmp_path)
    data.put_task(TASKS[0])
    n_before = len(list(tmp_path.iterdir()))
    data.put_task(Source("other labels", X, [1, 1, 0, 0, 1, 1]))
    assert len(list(tmp_path.iterdir())) == n_before + 2  # its labels and its description


def test_a_missing_part_is_named(tmp_path):
    data = DataStore(tmp_path)
    with pytest.raises(RunDirectoryError, match="lacks source 00ff"):
        data.source("00ff")
    fingerprint = data.put_task(TASKS[0])
    document = json.loads((tmp_path / f"source-{fingerprint}.json").read_text())
    os.rename(tmp_path / document["keys"]["X"], tmp_path / "gone")
    with pytest.raises(RunDirectoryError, match=f"lacks {document['keys']['X']}"):
        data.source(fingerprint)


def test_leftovers_of_a_crash_are_removed(tmp_path):
    (tmp_path / ".tmp-1-abc-key").mkdir()
    (tmp_path / ".tmp-1-abc-key" / "dense.npy").touch()
    data = DataStore(tmp_path)
    data.put_array("key", np.zeros(2))
    data.remove_leftovers()
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
