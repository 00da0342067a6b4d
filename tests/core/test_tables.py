"""The frame of a result is that of whichever library is installed."""

import importlib.util

import pytest

from priorlift.core import tables


@pytest.mark.parametrize(
    ("hidden", "module"),
    [((), "pandas"), (("pandas",), "polars"), (("pandas", "polars"), "pyarrow")],
)
def test_the_first_installed_library_is_used(monkeypatch, hidden, module):
    pytest.importorskip(module)
    found = importlib.util.find_spec
    monkeypatch.setattr(tables, "find_spec", lambda name: None if name in hidden else found(name))
    frame = tables.to_frame({"source": ("a", "b"), "rank": [1, None]})
    assert type(frame).__module__.split(".")[0] == module
    assert frame.shape == (2, 2)
