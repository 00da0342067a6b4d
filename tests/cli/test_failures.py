import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlift.cli.failures import explain, report_failure
from priorlift.core.errors import InputError


@given(text=st.text(), as_json=st.booleans())
def test_any_message_becomes_one_line(text, as_json):
    import contextlib
    import io

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        assert report_failure(InputError(text), as_json=as_json) == 2
    assert err.getvalue().endswith("\n")
    assert len(err.getvalue().splitlines()) == 1
    assert bool(out.getvalue()) == as_json
    if as_json:
        assert "error" in json.loads(out.getvalue())


def test_a_full_disk_names_the_place_and_the_remedy():
    code, text = explain(OSError(28, "No space left on device", "runs/first"))
    assert code == 2
    assert "runs/first: the disk is full" in text
    assert "--resume" in text


def test_a_fault_of_ours_is_called_so():
    code, text = explain(KeyError("column"))
    assert code == 1
    assert "fault in priorlift" in text
    assert "PRIORLIFT_DEBUG=1" in text


@pytest.mark.parametrize("error", [InputError("a"), MemoryError(), OSError("odd"), ValueError()])
def test_every_text_is_a_sentence(error):
    _, text = explain(error)
    assert text.endswith(".")
    assert ".." not in text
