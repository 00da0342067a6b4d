import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlift.cli import toml_text
from priorlift.core.errors import InputError

KEYS = st.sampled_from(["label", "splits", "out", "budgets"])
# TOML is Unicode text without surrogates.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.one_of(
    TEXTS,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(TEXTS, max_size=3),
    st.lists(st.integers(0, 1000), max_size=3),
)


@given(st.dictionaries(KEYS, VALUES))
def test_what_is_written_reads_back(values):
    assert tomllib.loads(toml_text.write(values)) == values


def test_a_value_of_none_is_left_out():
    assert toml_text.write({"a": None, "b": 1}) == "b = 1\n"


DECOYS = [
    "# {key} = 1",
    'other = "{key} = 1"',
    'other = """\n{key} = 1\n"""',
    "other = '''\n{key} = 1\n'''",
    "{key}_too = 1",
    "",
]
FORMS = ["{key} = 7", '"{key}" = 7', "'{key}' = 7", "  {key}=7", "[{key}]\nx = 7", "{key}.x = 7"]


@given(
    key=KEYS,
    before=st.lists(st.sampled_from(DECOYS), max_size=4, unique=True),
    form=st.sampled_from(FORMS),
)
def test_the_line_of_a_key_is_found_among_decoys(key, before, form):
    seen = [text.replace("other", f"other{i}") for i, text in enumerate(before)]
    lines = "\n".join([*seen, form]).format(key=key).split("\n")
    text = "\n".join(lines)
    assert key in tomllib.loads(text)
    expected = len("\n".join(seen).split("\n")) + 1 if seen else 1
    assert toml_text.line_of(key, text) == expected


def test_a_key_that_is_not_there_has_no_line():
    assert toml_text.line_of("label", "labels = 1\n# label = 2") is None


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_its_line(text):
    told = "study.toml:"
    try:
        toml_text.parse(text, "study.toml")
    except InputError as error:
        told = str(error)
    assert told.startswith("study.toml:")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a = 1\nb = = 2\n", "s.toml:2:"),
        ("a = 1\nb", "s.toml:2:"),
        ("a = 1\na = 2\n", "s.toml:2:"),
        ("a = " + "9" * 5000, "s.toml:1:"),
        ("a = " + "[" * 5000, "s.toml:"),
        ("a = 2020-13-41", "s.toml:1:"),
    ],
    ids=["twice =", "no value", "key twice", "endless number", "endless nesting", "no date"],
)
def test_a_mistake_is_told_with_its_line(text, where):
    with pytest.raises(InputError) as refused:
        toml_text.parse(text, "s.toml")
    assert str(refused.value).startswith(where)
