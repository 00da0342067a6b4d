import csv
import os
import random
from dataclasses import dataclass

import pytest

from priorlift.cli.app import run


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys):
    """Run a command line in this process, through the one place where it ends."""

    def call(*arguments):
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Ended(code, *capsys.readouterr())

    return call


def write_table(
    path, n_rows, seed=0, columns=("x1", "x2"), label="outcome", values=("ill", "well")
):
    """Write a table whose label depends on its first column, with a group column of two wards."""
    rng = random.Random(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*columns, "ward", label])
        for row in range(n_rows):
            numbers = [rng.gauss(0, 1) for _ in columns]
            value = values[int(numbers[0] + rng.gauss(0, 0.5) > 0)]
            writer.writerow([*(f"{number:.4f}" for number in numbers), "ab"[row % 2], value])


@pytest.fixture(name="write_table", scope="session")
def _write_table():
    """Write tables of any size."""
    return write_table


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """Go to a folder with target.csv (24 rows) and sources/a.csv (40 rows)."""
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "target.csv", 24)
    write_table(tmp_path / "sources" / "a.csv", 40, seed=1)
    return tmp_path


SMALL = ("--methods", "pooled", "--groups", "ward", "--budgets", "12", "--no-rank")


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """Give a folder whose names hold spaces and umlauts, with tables and one finished run in it."""
    folder = tmp_path_factory.mktemp("eine Studie ü")
    write_table(folder / "Ziel 1.csv", 24)
    write_table(folder / "Quellen ö" / "Klinik A.csv", 40, seed=1)
    write_table(folder / "Quellen ö" / "andere.csv", 40, seed=2, columns=("u", "v"))
    before = os.getcwd()
    os.chdir(folder)
    try:
        arguments = [
            "Ziel 1.csv",
            "--label",
            "outcome",
            "--sources",
            "Quellen ö",
            "--out",
            "Lauf 1",
        ]
        assert run(["study", *arguments, *SMALL]) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def no_fits(finished, monkeypatch):
    """Let every study give the finished result at once; returns the calls of `Study.run`."""
    from priorlift.study.results import StudyResult
    from priorlift.study.study import Study

    calls = []

    def give_result(study, out=None, **options):
        calls.append((study, out, options))
        return StudyResult.load(finished / "Lauf 1")

    monkeypatch.setattr(Study, "run", give_result)
    return calls
