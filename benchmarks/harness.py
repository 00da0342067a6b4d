"""How every benchmark measures: both sides in one run, in turns, medians, one thread, JSON out.

Import this module first: it fixes the numerical libraries to one thread, which is only possible
before they are loaded (a benchmark that looks at two threads as well runs itself again with
PRIORLIFT_BENCH_THREADS=2). A benchmark calls `preset` for its sizes, `compare` for its sides and
`publish` for its result, and prints its headline ratio last.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
THREADS = int(os.environ.get("PRIORLIFT_BENCH_THREADS", "1"))
for _name in THREAD_VARIABLES:
    os.environ[_name] = str(THREADS)

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("priorlift", "numpy", "scipy", "scikit-learn", "joblib", "pyarrow")


def preset(description: str) -> str:
    """Return "quick" or "full", as the command line says."""
    parser = argparse.ArgumentParser(description=description)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="smaller sizes (the default)")
    size.add_argument("--full", action="store_true", help="the sizes that are published")
    return "full" if parser.parse_args().full else "quick"


def compare(sides: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, dict[str, Any]]:
    """Run each side `repeats` times, in turns, so that a change of the machine's load meets both.

    The order alternates, so that no side always follows the other. Returns, for each side, wall and
    CPU seconds: the median and every repeat. CPU seconds include worker processes that still live.
    """
    walls: dict[str, list[float]] = {name: [] for name in sides}
    cpus: dict[str, list[float]] = {name: [] for name in sides}
    for repeat in range(repeats):
        order = list(sides) if repeat % 2 == 0 else list(sides)[::-1]
        for name in order:
            wall, cpu = time.perf_counter(), cpu_seconds()
            sides[name]()
            walls[name].append(time.perf_counter() - wall)
            cpus[name].append(cpu_seconds() - cpu)
    return {
        name: {
            "wall_seconds": statistics.median(walls[name]),
            "cpu_seconds": statistics.median(cpus[name]),
            "wall_seconds_each": walls[name],
            "cpu_seconds_each": cpus[name],
        }
        for name in sides
    }


def cpu_seconds() -> float:
    """Processor time of this process, its ended children and, on Linux, its living descendants."""
    own = os.times()
    ended = own.children_user + own.children_system
    return time.process_time() + ended + sum(_living_descendants())


def _living_descendants() -> list[float]:
    parents: dict[int, int] = {}
    seconds: dict[int, float] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:  # it ended meanwhile
            continue
        pid = int(stat.parent.name)
        parents[pid] = int(fields[1])
        ticks = sum(map(int, fields[11:15]))  # own and ended children, user and system
        seconds[pid] = ticks / os.sysconf("SC_CLK_TCK")
    family = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return [seconds[pid] for pid in family - {os.getpid()}]


def publish(name: str, size: str, result: Mapping[str, Any]) -> Path:
    """Write results/NAME.json: the result, with machine, versions and date. Returns its path."""
    path = RESULTS / f"{name}.json"
    document = {"benchmark": name, "preset": size, **surroundings(), "result": dict(result)}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return path


def surroundings() -> dict[str, Any]:
    """Tell on what, with what and when a benchmark ran."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "processor": _processor(),
            "cores": os.cpu_count(),
            "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        },
        "threads": THREADS,
        "versions": {"python": platform.python_version()} | {p: _version(p) for p in PACKAGES},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
