import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlift.core.errors import InputError
from priorlift.trials import Trial, canonical_json

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers
json_values = st.recursive(
    scalars | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
params = st.dictionaries(st.text(), json_values, max_size=4)


def backwards(value):
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(item) for item in value] if isinstance(value, list) else value


@given(params)
def test_the_order_of_keys_does_not_matter_and_text_reads_back(content):
    assert canonical_json(backwards(content)) == canonical_json(content)
    assert json.loads(canonical_json(content)) == content
    assert Trial("fit", content) == Trial("fit", backwards(content))
    assert hash(Trial("fit", content)) == hash(Trial("fit", backwards(content)))


@given(params, params)
def test_different_content_has_a_different_hash(one, other):
    same = canonical_json(one) == canonical_json(other)
    assert (Trial("fit", one).hash == Trial("fit", other).hash) is same
    assert Trial("fit", one) != Trial("score", one)


def test_the_hash_is_pinned_because_journals_outlive_versions():
    trial = Trial("fit", {"budget": 20, "methods": ("pooled", None), "alpha": 0.5, "name": "é"})
    assert trial.hash == "9a9348d44d7e0c2255e6ba22f7c3277c"


def test_a_trial_does_not_change_with_what_it_was_made_from():
    given_params = {"rows": [1, 2]}
    trial = Trial("fit", given_params)
    given_params["rows"].append(3)
    assert trial == Trial("fit", {"rows": (1, 2)})
    with pytest.raises(AttributeError):
        trial.task = "other"


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"a": math.nan}, "params['a'] is nan"),
        ({"a": [0, -math.inf]}, "params['a'][1] is -inf"),
        ({"a": np.int64(1)}, "params['a'] is a numpy.int64"),
        ({"a": {"b": np.zeros(2)}}, "params['a']['b'] is a numpy.ndarray"),
        ({"a": {1: 2}}, "params['a'] has the key 1, not a string"),
        ({"a": {"set"}}, "params['a'] is a set"),
        ({"a": b"x"}, "params['a'] is a bytes"),
    ],
)
def test_what_json_cannot_hold_is_refused_with_its_place(content, place):
    with pytest.raises(InputError) as caught:
        Trial("fit", content)
    assert str(caught.value).startswith(place)
    assert "Remedy" in str(caught.value)
