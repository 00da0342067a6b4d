"""Built-ins and third parties are found alike, and checked when they are loaded."""

from importlib.metadata import EntryPoint

import pytest

from priorlift.core import registry
from priorlift.core.errors import InputError, UnknownNameError


@pytest.fixture(autouse=True)
def fresh_caches():
    yield
    registry._points.cache_clear()
    registry.get.cache_clear()


def register(monkeypatch, kind, **values):
    points = [EntryPoint(name, value, f"priorlift.{kind}") for name, value in values.items()]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    registry._points.cache_clear()
    registry.get.cache_clear()


def test_a_third_party_is_found_by_name(monkeypatch):
    register(monkeypatch, "readers", zebra="priorlift.readers.tables:CSV", ant="json:dumps")
    assert registry.names("readers") == ["ant", "zebra"]
    assert ".csv" in registry.get("readers", "zebra").suffixes


def test_the_built_in_readers_satisfy_the_protocol():
    for name in registry.names("readers"):
        assert registry.get("readers", name).suffixes


def test_what_does_not_offer_what_its_kind_asks_for_is_refused(monkeypatch):
    register(monkeypatch, "readers", ant="json:dumps")
    with pytest.raises(InputError, match=r"json:dumps: entry point 'ant'.*ReaderLike"):
        registry.get("readers", "ant")


def test_an_unknown_name_is_answered_with_the_closest(monkeypatch):
    register(monkeypatch, "scores", logme="json:dumps")
    with pytest.raises(UnknownNameError, match=r"unknown score 'logmr'.*did you mean 'logme'"):
        registry.get("scores", "logmr")


def test_a_name_is_loaded_once(monkeypatch):
    register(monkeypatch, "tasks", work="json:dumps")
    assert registry.get("tasks", "work") is registry.get("tasks", "work")
