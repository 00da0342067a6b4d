"""Every kind of X is looked at alike; equal content has one fingerprint, whatever holds it."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from priorlift.core import arrays
from priorlift.core.errors import InputError

FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}
MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5)
COLUMNS = {
    "whole": [1, 2, 3, 4],
    "holes": [1.5, None, 3.0, -0.5],
    "text": ["a", None, "", "b"],
    "truth": [True, False, True, True],
    "moment": [MOMENT, None, MOMENT, MOMENT],
    "day": [MOMENT.date(), None, MOMENT.date(), MOMENT.date()],
}
each_library = pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)

floats = st.floats(-100, 100) | st.just(float("nan"))
matrices = hnp.arrays(float, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=floats)


def rows_as_text(X):
    """The rows of a frame of any library as comparable text."""
    columns = [arrays.column_values(X, name) for name in arrays.column_names(X)]
    return [
        tuple("-" if arrays.is_missing(v) else str(v) for v in row)
        for row in zip(*columns, strict=True)
    ]


@each_library
def test_a_frame_of_any_library_is_looked_at_alike(make):
    X = make(COLUMNS)
    assert arrays.kind_of(X) == "frame"
    assert arrays.n_rows(X) == 4
    assert arrays.n_columns(X) == 6
    assert arrays.column_names(X) == tuple(COLUMNS)
    assert arrays.column_names(arrays.select_columns(X, ["text", "whole"])) == ("text", "whole")


@pytest.mark.parametrize(
    ("X", "kind", "columns"),
    [
        (np.eye(3), "dense", 3),
        (np.eye(3, dtype=bool), "dense", 3),
        (sp.csr_matrix(np.eye(3)), "sparse", 3),
        (sp.coo_array(np.eye(3)), "sparse", 3),
        (["a", "b", "c"], "raw", None),
        (np.array(["a", "b", "c"]), "raw", None),
        (np.zeros((3, 8, 8)), "raw", None),
    ],
)
def test_other_input_is_told_apart(X, kind, columns):
    assert arrays.kind_of(X) == kind
    assert arrays.n_rows(X) == 3
    assert arrays.n_columns(X) == columns
    assert arrays.column_names(X) is None
    assert not arrays.is_frame(X)


def test_numbers_are_no_names():
    assert arrays.column_names(pd.DataFrame(np.eye(2))) is None
    assert arrays.column_names(pd.DataFrame(np.eye(2), columns=["a", "b"])) == ("a", "b")


@each_library
@given(rows=st.lists(st.integers(0, 3), max_size=6))
def test_rows_are_taken_in_their_order(make, rows):
    X = make(COLUMNS)
    wanted = [rows_as_text(X)[row] for row in rows]
    taken = arrays.take_rows(X, np.array(rows, dtype=int))
    assert type(taken) is type(X)
    assert rows_as_text(taken) == wanted


@pytest.mark.parametrize(
    "X", [np.arange(8).reshape(4, 2), sp.coo_matrix(np.arange(8).reshape(4, 2))]
)
def test_masks_slices_and_indices_agree(X):
    dense = np.arange(8).reshape(4, 2)
    for rows in (np.array([2, 0]), np.array([True, False, True, False]), slice(1, 3)):
        taken = arrays.take_rows(X, rows)
        np.testing.assert_array_equal(taken.toarray() if sp.issparse(taken) else taken, dense[rows])
    assert arrays.take_rows(["a", "b", "c"], np.array([2, 0])) == ["c", "a"]


@pytest.mark.parametrize("first", FRAMES)
@pytest.mark.parametrize("second", FRAMES)
def test_frames_of_different_libraries_stack(first, second):
    top, bottom = FRAMES[first](COLUMNS), FRAMES[second](dict(reversed(COLUMNS.items())))
    stacked = arrays.stack_rows([top, bottom])
    assert type(stacked) is type(top)
    wanted = rows_as_text(top) + rows_as_text(arrays.select_columns(bottom, tuple(COLUMNS)))
    assert arrays.n_rows(stacked) == 8
    assert [row[:2] for row in rows_as_text(stacked)][:4] == [row[:2] for row in wanted][:4]
    assert [row[2] for row in rows_as_text(stacked)] == [row[2] for row in wanted]


@each_library
def test_numbers_of_different_types_stack_without_loss(make):
    stacked = arrays.stack_rows([make({"n": [1, 2]}), make({"n": [1.5, None]})])
    assert rows_as_text(stacked) == [("1.0",), ("2.0",), ("1.5",), ("-",)]


@each_library
def test_numbers_and_text_do_not_stack(make):
    with pytest.raises(InputError, match="column 'n': is numbers in one table"):
        arrays.stack_rows([make({"n": [1, 2]}), make({"n": ["a", "b"]})])


def test_arrays_and_sparse_matrices_stack():
    np.testing.assert_array_equal(arrays.stack_rows([np.eye(2), np.ones((1, 2))])[-1], [1, 1])
    stacked = arrays.stack_rows([sp.csr_matrix(np.eye(2)), np.ones((1, 2))])
    assert sp.issparse(stacked)
    np.testing.assert_array_equal(stacked.toarray()[-1], [1, 1])


NAN = float("nan")
LABELS = [
    (["a", None, "b"], ["a", None, "b"]),
    (["a", NAN, "b"], ["a", None, "b"]),
    (pd.Series(["a", None, "b"]), ["a", None, "b"]),
    (pd.Series(["a", None, "b"], dtype="category"), ["a", None, "b"]),
    (pd.Series(["a", None, "b"], dtype="string"), ["a", None, "b"]),
    (pd.Series([1, None, 0], dtype="Int64"), [1, None, 0]),
    (pd.Series([True, None, False], dtype="boolean"), [True, None, False]),
    (pl.Series(["a", None, "b"]), ["a", None, "b"]),
    (pa.chunked_array([["a", None], ["b"]]), ["a", None, "b"]),
    (pa.array(["a", None, "b"]).dictionary_encode(), ["a", None, "b"]),
]


@pytest.mark.parametrize(("given_labels", "expected"), LABELS)
def test_a_missing_label_is_missing_in_every_container(given_labels, expected):
    vector = arrays.to_vector(given_labels)
    assert vector.tolist() == expected
    np.testing.assert_array_equal(arrays.missing_mask(vector), [False, True, False])


@pytest.mark.parametrize("values", [[1.5, NAN], pd.Series([1.5, NAN]), np.array([1.5, NAN])])
def test_nan_stays_nan_among_numbers(values):
    assert arrays.to_vector(values).dtype == float
    np.testing.assert_array_equal(arrays.missing_mask(arrays.to_vector(values)), [False, True])


def test_labels_of_two_columns_and_of_uneven_length():
    for make in FRAMES.values():
        vector = arrays.to_vector(make({"a": [1.0, NAN], "b": [3.0, 4.0]}))
        assert vector.shape == (2, 2)
        np.testing.assert_array_equal(arrays.missing_mask(vector), [False, True])
    assert arrays.to_vector([[1, 2], [3]]).tolist() == [[1, 2], [3]]


@given(X=matrices)
def test_the_layout_in_memory_does_not_matter(X):
    wanted = arrays.fingerprint(X)
    padded = np.zeros((2 * X.shape[0], 3 * X.shape[1]))
    padded[::2, ::3] = X
    for same in (np.asfortranarray(X), padded[::2, ::3], X.astype(">f8"), X.copy()):
        assert arrays.fingerprint(same) == wanted
    assert arrays.fingerprint(np.where(X == 0, -0.0, X)) == wanted


@given(X=matrices, data=st.data())
def test_every_value_matters(X, data):
    changed = X.copy()
    index = tuple(data.draw(st.integers(0, side - 1)) for side in X.shape)
    changed[index] = 1000.0
    assert arrays.fingerprint(changed) != arrays.fingerprint(X)


def test_shape_names_and_kind_matter():
    X = np.arange(6.0)
    prints = [
        arrays.fingerprint(value)
        for value in (
            X.reshape(2, 3),
            X.reshape(3, 2),
            X.astype(np.float32).reshape(2, 3),
            sp.csr_matrix(X.reshape(2, 3)),
            pa.table({"a": X}),
            pa.table({"b": X}),
            ["0", "1"],
            ["01"],
            ["0", ""],
            ["0", None],
            None,
        )
    ]
    assert len(set(prints)) == len(prints)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_has_one_fingerprint_in_every_library(name):
    prints = {arrays.fingerprint(make({name: COLUMNS[name]})) for make in FRAMES.values()}
    assert len(prints) == 1


def test_categories_and_nullable_columns_have_the_fingerprint_of_their_values():
    text = pa.table({"a": ["x", None, "y"]})
    numbers = pa.table({"a": [1, None, 3]})
    for same in (
        pd.DataFrame({"a": pd.Categorical(["x", None, "y"])}),
        pd.DataFrame({"a": pd.array(["x", None, "y"], dtype="string")}),
        pl.DataFrame({"a": pl.Series(["x", None, "y"], dtype=pl.Categorical)}),
        pa.table({"a": text["a"].combine_chunks().dictionary_encode()}),
    ):
        assert arrays.fingerprint(same) == arrays.fingerprint(text)
    assert arrays.fingerprint(pd.DataFrame({"a": pd.array([1, None, 3], dtype="Int64")})) == (
        arrays.fingerprint(numbers)
    )


@given(X=hnp.arrays(float, (3, 4), elements=st.integers(-3, 3).map(float)))
def test_a_sparse_matrix_has_the_fingerprint_of_its_canonical_form(X):
    csr = sp.csr_matrix(X)
    rows, columns = np.indices(X.shape)
    halves = (np.tile(X.ravel() / 2, 2), (np.tile(rows.ravel(), 2), np.tile(columns.ravel(), 2)))
    full = sp.csr_matrix((X.ravel(), (rows.ravel(), columns.ravel())), shape=X.shape)
    wanted = arrays.fingerprint(csr)
    for same in (
        csr.tocsc(),
        csr.tocoo(),
        sp.coo_matrix(halves, shape=X.shape),
        full,
        sp.csr_array(csr),
    ):
        before = same.nnz
        assert arrays.fingerprint(same) == wanted
        assert same.nnz == before


def test_a_memory_mapped_array_is_read_by_blocks(tmp_path, monkeypatch):
    X = np.random.default_rng(0).normal(size=(2 * arrays.BLOCK_ROWS + 5, 3))
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    longest = []
    asarray = np.asarray

    def watched(values, *args, **kwargs):
        longest.append(len(values) if np.ndim(values) else 0)
        return asarray(values, *args, **kwargs)

    wanted = arrays.fingerprint(X)
    monkeypatch.setattr(np, "asarray", watched)
    assert arrays.fingerprint(mapped) == wanted
    assert max(longest) == arrays.BLOCK_ROWS
    X[-1, -1] += 1
    assert arrays.fingerprint(X) != wanted
