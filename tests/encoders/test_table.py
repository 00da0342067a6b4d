"""Tables become features as scikit-learn's own pipeline would make them; bad values are named."""

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
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from priorlift.core.arrays import n_rows, take_rows
from priorlift.core.errors import InputError
from priorlift.encoders import TableEncoder
from priorlift.encoders.table import numbers_of

FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}
each_library = pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
matrices = hnp.arrays(
    float, st.tuples(st.integers(2, 8), st.integers(1, 4)), elements=st.floats(-50, 50, width=16)
)


@given(X=matrices, data=st.data())
def test_numbers_are_encoded_as_scikit_learn_would(X, data):
    X = X.copy()
    X[data.draw(hnp.arrays(bool, X.shape))] = np.nan
    reference = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
    )
    wanted = reference.fit_transform(X)
    names = [f"c{i}" for i in range(X.shape[1])]
    np.testing.assert_array_equal(TableEncoder().fit_transform(X), wanted)
    for make in FRAMES.values():
        frame = make(dict(zip(names, X.T.copy(), strict=True)))
        np.testing.assert_array_equal(TableEncoder().fit_transform(frame), wanted)


@each_library
def test_a_mixed_table_is_encoded_alike_in_every_library(make):
    columns = {
        "age": [30, 40, 50, 60],
        "dose": [0.5, None, 1.5, 2.5],
        "sex": ["f", None, "m", "f"],
        "smokes": [True, False, True, True],
    }
    encoded = TableEncoder().fit_transform(make(columns))
    text = np.array([["f", "(missing)", "m", "f"], ["True", "False", "True", "True"]]).T
    numbers = np.array([[30, 0.5], [40, 1.5], [50, 1.5], [60, 2.5]])
    wanted = [
        StandardScaler().fit_transform(numbers),
        OneHotEncoder(sparse_output=False).fit_transform(text),
    ]
    np.testing.assert_allclose(encoded, np.hstack(wanted))


@given(X=matrices, weights=st.data())
def test_weights_enter_the_scale_as_repeated_rows_would(X, weights):
    times = np.array(weights.draw(st.lists(st.integers(1, 3), min_size=len(X), max_size=len(X))))
    weighted = TableEncoder().fit(X, sample_weight=times.astype(float)).scaler_
    repeated = TableEncoder().fit(np.repeat(X, times, axis=0)).scaler_
    np.testing.assert_allclose(weighted.mean_, repeated.mean_, atol=1e-9)
    np.testing.assert_allclose(weighted.var_, repeated.var_, rtol=1e-6, atol=1e-9)


def test_a_sparse_matrix_stays_sparse_and_is_not_centred():
    X = sp.random_array((30, 6), density=0.3, rng=0, format="csr") * 7
    encoded = TableEncoder().fit_transform(X)
    assert sp.issparse(encoded)
    np.testing.assert_array_equal(encoded.indices, X.indices)
    spread = X.toarray().std(axis=0)
    np.testing.assert_allclose(encoded.toarray(), X.toarray() / spread)
    assert sp.issparse(TableEncoder().fit(X).transform(X.toarray()))


@each_library
def test_an_unseen_category_is_all_zeros_and_a_missing_one_is_its_own(make):
    encoder = TableEncoder().fit(make({"w": ["a", None, "b"]}))
    encoded = encoder.transform(make({"w": ["a", "new", None]}))
    assert encoded.sum(axis=1).tolist() == [1, 0, 1]
    assert not (encoded[0] == encoded[2]).all()


def test_rare_categories_share_an_indicator():
    words = [f"w{i}" for i in range(40)] + ["common"] * 5
    encoder = TableEncoder(max_categories=3).fit(pa.table({"w": words}))
    assert encoder.n_features_out_ == 3
    assert len(np.unique(encoder.transform(pa.table({"w": words[:40]})), axis=0)) == 2


@each_library
def test_a_column_without_values_and_a_constant_column_carry_nothing(make):
    X = make({"empty": np.full(3, np.nan), "same": [7.0, 7.0, 7.0], "n": [1.0, 2.0, 3.0]})
    encoded = TableEncoder().fit_transform(X)
    np.testing.assert_array_equal(encoded[:, :2], 0)
    assert np.isfinite(encoded).all()


@each_library
def test_a_column_without_values_and_without_a_type(make):
    X = make({"empty": [None, None], "n": [1.0, 2.0]})
    encoder = TableEncoder().fit(X)
    later = encoder.transform(make({"empty": ["text", None], "n": [1.0, 2.0]}))
    assert np.isfinite(later).all()


@each_library
def test_an_infinite_value_is_named_with_its_row(make):
    with pytest.raises(InputError, match="column 'n', row 1: Input X contains infinity"):
        TableEncoder().fit(make({"m": [1.0, 2.0], "n": [1.0, -np.inf]}))


@pytest.mark.parametrize("convert", [np.asarray, sp.csr_matrix])
def test_an_infinite_value_in_a_matrix_is_refused(convert):
    X = convert([[1.0, 2.0], [3.0, np.inf]])
    with pytest.raises(InputError, match="infinity"):
        TableEncoder().fit(X)


@each_library
def test_text_where_the_target_has_numbers_is_named_with_its_row(make):
    encoder = TableEncoder().fit(make({"n": [1.0, 2.0]}))
    with pytest.raises(
        InputError, match=r"column 'n', row 2: holds 'many' where the target has num"
    ):
        encoder.transform(make({"n": ["3", None, "many"]}))
    text = encoder.transform(make({"n": ["3", "", None]}))
    np.testing.assert_array_equal(text, encoder.transform(make({"n": [3.0, None, None]})))


@each_library
def test_a_number_where_the_target_has_text_is_a_category(make):
    encoder = TableEncoder().fit(make({"w": ["1", "2"]}))
    np.testing.assert_array_equal(encoder.transform(make({"w": [2, 3]})), [[0, 1], [0, 0]])


MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5)
TIMES = {
    "moment": [MOMENT, None, MOMENT + datetime.timedelta(hours=3)],
    "day": [MOMENT.date(), None, MOMENT.date() + datetime.timedelta(days=2)],
    "time": [MOMENT.time(), None, datetime.time(23, 59)],
    "duration": [datetime.timedelta(1), None, datetime.timedelta(3)],
}


@pytest.mark.parametrize("library", FRAMES)
@pytest.mark.parametrize("name", TIMES)
def test_dates_and_times_with_holes_count_as_numbers(library, name):
    X = FRAMES[library]({name: TIMES[name]})
    if library == "pandas" and name in ("day", "time"):
        # pandas has no type for these: they are objects, and so categories.
        assert TableEncoder().fit_transform(X).shape == (3, 3)
        return
    encoded = TableEncoder().fit_transform(X).ravel()
    np.testing.assert_allclose(encoded, [-np.sqrt(1.5), 0, np.sqrt(1.5)], atol=1e-9)


def test_a_day_and_its_midnight_are_the_same_number():
    day = datetime.date(2021, 3, 4)
    midnight = datetime.datetime(2021, 3, 4)
    encoder = TableEncoder().fit(pa.table({"t": [day, day + datetime.timedelta(1)]}))
    np.testing.assert_array_equal(
        encoder.transform(pa.table({"t": [midnight]})), encoder.transform(pa.table({"t": [day]}))
    )


@pytest.mark.parametrize(
    "column",
    [
        pd.array([1, None, 3], dtype="Int64"),
        pd.array([1.0, None, 3.0], dtype="Float64"),
        pa.array([1, None, 3], pa.int8()),
        pa.array([1, None, 3], pa.decimal128(5, 1)),
    ],
)
def test_nullable_numbers_are_numbers(column):
    frame = pa.table({"n": column}) if isinstance(column, pa.Array) else pd.DataFrame({"n": column})
    np.testing.assert_allclose(numbers_of(frame)[[0, 2], 0], [1, 3])
    assert np.isnan(numbers_of(frame)[1, 0])


@pytest.mark.parametrize(
    "column",
    [
        pd.array(["a", None, "b"], dtype="string"),
        pd.array([True, None, False], dtype="boolean"),
        pd.Categorical(["a", None, "b"]),
    ],
)
def test_nullable_text_and_truth_values_are_categories(column):
    encoded = TableEncoder().fit_transform(pd.DataFrame({"w": column}))
    np.testing.assert_array_equal(np.unique(encoded, axis=0), np.eye(3)[::-1])


@pytest.mark.parametrize(
    "X", [np.arange(6.0).reshape(3, 2), pa.table({"a": [1.0, 2.0], "w": ["x", "y"]})]
)
def test_one_row_is_encoded_as_it_is_among_others(X):
    encoder = TableEncoder().fit(X)
    rows = [encoder.transform(take_rows(X, np.array([row]))) for row in range(n_rows(X))]
    np.testing.assert_array_equal(np.vstack(rows), encoder.transform(X))


def test_names_and_positions_meet_where_they_can():
    frame = pa.table({"a": [1.0, 2.0], "b": [3.0, 5.0]})
    array = np.array([[1.0, 3.0], [2.0, 5.0]])
    wanted = TableEncoder().fit_transform(array)
    np.testing.assert_array_equal(TableEncoder().fit(frame).transform(array), wanted)
    np.testing.assert_array_equal(TableEncoder().fit(array).transform(frame), wanted)
    with pytest.raises(InputError, match="no text column 'w'"):
        TableEncoder().fit(pa.table({"a": [1.0, 2.0], "w": ["x", "y"]})).transform(array)


def test_held_out_rows_change_nothing_that_was_learned():
    X = pa.table({"n": [1.0, 2.0, 3.0], "w": ["a", "b", "a"]})
    encoder = TableEncoder().fit(X)
    before = encoder.transform(X)
    encoder.transform(pa.table({"n": [1e9], "w": ["z"]}))
    np.testing.assert_array_equal(encoder.transform(X), before)
    np.testing.assert_array_equal(clone(encoder).fit(X).transform(X), before)


def test_a_table_without_columns_is_refused():
    with pytest.raises(InputError, match="0 feature"):
        TableEncoder().fit(pl.DataFrame())


def test_a_read_only_array_is_not_changed():
    X = np.array([[1.0, np.nan], [2.0, 3.0]])
    X.flags.writeable = False
    TableEncoder().fit(X).transform(X)
    assert np.isnan(X[0, 1])
