import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from priorlift.core.errors import InputError
from priorlift.trials import Outcome
from priorlift.trials.outcome import pack_arrays, unpack_arrays

dtypes = (
    hnp.floating_dtypes()
    | hnp.integer_dtypes()
    | hnp.boolean_dtypes()
    | hnp.unicode_string_dtypes()
    | hnp.datetime64_dtypes()
)
arrays = hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))


@given(st.dictionaries(st.text(), arrays, max_size=3))
def test_arrays_come_back_bit_for_bit_under_any_name(given_arrays):
    back = unpack_arrays(pack_arrays(given_arrays))
    assert list(back) == list(given_arrays)
    for name, array in given_arrays.items():
        assert back[name].dtype == array.dtype
        assert back[name].shape == array.shape
        assert back[name].tobytes() == array.tobytes()


def test_an_object_array_is_refused_and_named():
    with pytest.raises(InputError, match=r"arrays\['labels'\] has dtype object"):
        Outcome(arrays={"labels": np.array(["a", None], dtype=object)})


def test_a_value_that_is_not_a_number_is_refused_and_named():
    with pytest.raises(InputError, match=r"values\['score'\] is nan"):
        Outcome({"score": float("nan")})


def test_an_outcome_does_not_change_with_what_it_was_made_from():
    values = {"scores": [1.0]}
    outcome = Outcome(values)
    values["scores"].append(2.0)
    assert outcome.values == {"scores": [1.0]}
