"""What the tests of trials share: records to write, and scripts to run beside the test."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from priorlift.trials import RUNNERS, Measured, Outcome, Trial, TrialRecord

MEASURED = Measured(
    wall_seconds=0.25,
    cpu_seconds=0.125,
    peak_memory_mb=64.0,
    worker="serial-1",
    started_at="2020-01-01T00:00:00.000000+00:00",
    finished_at="2020-01-01T00:00:00.250000+00:00",
)


@pytest.fixture(params=RUNNERS)
def runner_name(request: pytest.FixtureRequest) -> str:
    """Each runner's name; Ray's with its cluster running."""
    name: str = request.param
    if name == "ray":
        request.getfixturevalue("ray_cluster")
    return name


@pytest.fixture(scope="session")
def done() -> Callable[..., TrialRecord]:
    def make(number: int, size: int = 0) -> TrialRecord:
        outcome = Outcome({"number": number, "text": "x" * size})
        return TrialRecord(Trial("count", {"number": number}), "done", outcome, None, MEASURED)

    return make


@pytest.fixture
def start(repository: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Give a function that starts a Python script in a process that ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def run(script: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", script, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(repository / "src"), **environment},
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()
