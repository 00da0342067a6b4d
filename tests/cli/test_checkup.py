from importlib import metadata

import pytest

from priorlift.cli import checkup


@pytest.fixture
def machine(monkeypatch):
    """Pretend which packages are installed and what priorlift asks for."""

    def pretend(requires, installed):
        def version(package):
            if package not in installed:
                raise metadata.PackageNotFoundError(package)
            return "1.0"

        monkeypatch.setattr(checkup.metadata, "requires", lambda _: requires)
        monkeypatch.setattr(checkup.metadata, "version", version)

    return pretend


REQUIRES = [
    "numpy>=1.26",
    "scikit-learn>=1.8",
    "torch>=2.4; extra == 'nets'",
    'mkdocs<2; extra == "docs"',
]


def test_requirements_are_sorted_by_extra(machine):
    machine(REQUIRES, set())
    assert checkup.requirements() == {
        "": ["numpy", "scikit-learn"],
        "nets": ["torch"],
        "docs": ["mkdocs"],
    }


def test_a_missing_extra_is_told_with_the_command_that_installs_it(machine):
    machine(REQUIRES, {"numpy", "scikit-learn"})
    (found,) = checkup._extras()
    assert found.mark == "missing"
    assert found.text.endswith('pip install "priorlift[nets]"')
    assert checkup.healthy([found])


def test_a_missing_core_package_is_a_fault(machine):
    machine(REQUIRES, {"numpy"})
    (found,) = checkup._core()
    assert found.mark == "fault"
    assert "pip install scikit-learn" in found.text
    assert not checkup.healthy([found])


def test_running_from_a_folder_that_is_not_installed_is_a_fault(monkeypatch):
    def absent(_):
        raise metadata.PackageNotFoundError("priorlift")

    monkeypatch.setattr(checkup.metadata, "requires", absent)
    (found,) = checkup._core()
    assert found.mark == "fault"
    assert "pip install -e ." in found.text
    assert list(checkup._extras()) == []


def test_an_entry_point_that_does_not_load_is_named(monkeypatch):
    from priorlift.core import registry

    def get(kind, name):
        if name == "pooled":
            raise ImportError("no such\nmodule")

    monkeypatch.setattr(registry, "get", get)
    broken = [found for found in checkup._entry_points() if found.mark == "missing"]
    assert [found.text for found in broken] == ["pooled cannot be loaded: no such module"]


def test_a_torch_that_does_not_load_is_no_fault(machine, monkeypatch):
    def fail(name):
        raise OSError("libcudart is missing")

    machine(REQUIRES, {"torch"})
    monkeypatch.setattr(checkup, "import_module", fail)
    found = checkup._device()
    assert found.mark == "missing"
    assert "libcudart" in found.text


def test_a_cache_that_cannot_be_written_is_told(monkeypatch):
    monkeypatch.setattr(checkup.os, "access", lambda *_: False)
    assert "XDG_CACHE_HOME" in checkup._cache().text
