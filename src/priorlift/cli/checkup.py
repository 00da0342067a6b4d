"""The doctor's examination: each part that priorlift depends on, and how to mend it."""

import os
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Literal

Mark = Literal["ok", "missing", "fault"]
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)[^;]*(?:;(.*))?$")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")
FOR_DEVELOPERS = ("all", "docs", "test")


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's answer.

    Attributes
    ----------
    part : str
        What was looked at.
    mark : {"ok", "missing", "fault"}
        "missing" is an extra that may be left out; "fault" stops priorlift from working.
    text : str
        What was found, with the remedy.
    """

    part: str
    mark: Mark
    text: str


def examine() -> list[Finding]:
    """Look at everything that priorlift depends on; nothing here raises."""
    return [
        *_system(),
        *_core(),
        *_entry_points(),
        *_extras(),
        _device(),
        _threads(),
        _cache(),
    ]


def healthy(findings: list[Finding]) -> bool:
    """Return whether nothing was found that stops priorlift from working."""
    return all(found.mark != "fault" for found in findings)


def requirements() -> dict[str, list[str]]:
    """Return the packages of the core (under "") and of each extra, from the installed metadata.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        priorlift is not installed.
    """
    found: dict[str, list[str]] = {"": []}
    for line in metadata.requires("priorlift") or ():
        parts = _REQUIREMENT.match(line)
        if parts is None:
            continue
        extra = _EXTRA.search(parts[2] or "")
        packages = found.setdefault(extra[1] if extra else "", [])
        if parts[1].lower() != "priorlift":
            packages.append(parts[1])
    return found


def _system() -> Iterator[Finding]:
    from priorlift import __version__

    yield Finding("priorlift", "ok", __version__)
    yield Finding("python", "ok", f"{platform.python_version()} ({sys.executable})")
    yield Finding("platform", "ok", platform.platform())
    yield Finding("cores", "ok", str(_cores()))
    yield _memory()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> Finding:
    from priorlift.core.memory import available_memory, readable

    try:
        return Finding("memory", "ok", f"{readable(available_memory())} available")
    except (AttributeError, OSError, ValueError):
        return Finding("memory", "ok", "unknown on this platform")


def _core() -> Iterator[Finding]:
    try:
        packages = requirements()[""]
    except metadata.PackageNotFoundError:
        yield Finding("core", "fault", "priorlift is not installed; pip install -e . in its folder")
        return
    absent = [package for package in packages if _version(package) is None]
    if absent:
        yield Finding("core", "fault", f"missing: pip install {' '.join(absent)}")
    else:
        yield Finding("core", "ok", ", ".join(f"{name} {_version(name)}" for name in packages))


def _entry_points() -> Iterator[Finding]:
    from priorlift.core import registry

    for kind in ("methods", "scores", "readers"):
        broken = {}
        for name in registry.names(kind):
            try:
                registry.get(kind, name)
            except Exception as error:
                broken[name] = " ".join(str(error).split())
        known = [name for name in registry.names(kind) if name not in broken]
        if not known:
            yield Finding(kind, "fault", "none is registered; install priorlift again")
        else:
            yield Finding(kind, "ok", ", ".join(known))
        for name, reason in broken.items():
            yield Finding(kind, "missing", f"{name} cannot be loaded: {reason}")


def _extras() -> Iterator[Finding]:
    try:
        found = requirements()
    except metadata.PackageNotFoundError:
        return
    for extra, packages in sorted(found.items()):
        if not extra or extra in FOR_DEVELOPERS:
            continue
        absent = [package for package in packages if _version(package) is None]
        if absent:
            text = f'no {", ".join(absent)}: pip install "priorlift[{extra}]"'
            yield Finding(f"[{extra}]", "missing", text)
        else:
            there = ", ".join(f"{name} {_version(name)}" for name in packages)
            yield Finding(f"[{extra}]", "ok", there)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _device() -> Finding:
    if _version("torch") is None:
        return Finding("device", "ok", "cpu (an accelerator needs PyTorch, the extra [nets])")
    try:
        torch: Any = import_module("torch")
        if torch.cuda.is_available():
            return Finding("device", "ok", f"cuda: {torch.cuda.get_device_name(0)}")
        if torch.backends.mps.is_available():
            return Finding("device", "ok", "mps: Apple GPU")
    except Exception as error:
        return Finding("device", "missing", f"cpu; PyTorch does not load: {error}")
    return Finding("device", "ok", "cpu (PyTorch sees no accelerator)")


def _threads() -> Finding:
    import numpy  # noqa: F401  # its BLAS is only seen once it is loaded
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_info

    pools = {f"{pool['internal_api']} {pool['num_threads']}" for pool in threadpool_info()}
    return Finding("threads", "ok", ", ".join(sorted(pools)) or "no thread pool found")


def _cache() -> Finding:
    import pooch

    folder = Path(pooch.os_cache("priorlift"))
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if os.access(existing, os.W_OK):
        return Finding("cache", "ok", str(folder))
    return Finding("cache", "missing", f"{folder} cannot be written; set XDG_CACHE_HOME")
