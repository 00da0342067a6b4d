"""Every error is one line: what, where, cause, remedy."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlift.core import errors
from priorlift.core.errors import InputError, MissingExtraError, UnknownNameError, message

SENTENCE = st.text(alphabet="abc x", min_size=1, max_size=9).map(str.strip).filter(bool)


@given(what=SENTENCE, where=SENTENCE, cause=SENTENCE, remedy=SENTENCE)
def test_the_parts_stand_in_one_order_with_one_full_stop_each(what, where, cause, remedy):
    line = message(what, where=where, cause=cause, remedy=remedy + ".")
    assert line == f"{where}: {what}. Likely cause: {cause}. Remedy: {remedy}."
    assert message(what) == f"{what}."


def test_errors_are_what_callers_of_scikit_learn_expect():
    assert issubclass(InputError, ValueError)
    assert issubclass(errors.InputTypeError, TypeError)
    assert issubclass(errors.RunDirectoryError, OSError)
    assert issubclass(MissingExtraError, ImportError)
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    ours = [kind for kind in kinds if issubclass(kind, Exception)]
    assert len(ours) >= 8
    assert all(issubclass(kind, errors.PriorliftError) for kind in ours)


def test_an_unknown_name_is_answered_with_the_closest():
    with pytest.raises(
        InputError, match=r"unknown score 'logmee'.*did you mean 'logme'\? known: logme, nce"
    ):
        raise UnknownNameError("score", "logmee", ["nce", "logme"])
    assert "did you mean" not in str(UnknownNameError("score", "zzz", ["nce"]))
    assert "known: none" in str(UnknownNameError("score", "zzz", []))


def test_a_missing_extra_is_answered_with_the_command():
    assert 'pip install "priorlift[nets]"' in str(MissingExtraError("torch", "nets"))


@pytest.mark.parametrize(
    "error",
    [
        InputError("wrong", where="a.csv", remedy="mend it"),
        UnknownNameError("score", "logm", ["logme", "nce"]),
        MissingExtraError("torch", "nets"),
    ],
)
def test_an_error_crosses_processes_as_it_is(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
