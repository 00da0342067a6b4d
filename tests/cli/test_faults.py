"""A study survives being killed at any moment; the harness is the one that the benchmark runs."""

import importlib.util
import random
import sys

import pytest


@pytest.fixture(scope="module")
def harness(request):
    path = request.config.rootpath / "benchmarks" / "kill_and_resume.py"
    spec = importlib.util.spec_from_file_location("kill_and_resume", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.slow
def test_three_kills_change_nothing(harness, tmp_path):
    story = harness.kill_and_resume(
        tmp_path, n_kills=3, seed=20261124, runners=("serial",), splits_a_kill=20
    )
    assert story.problems == []
    assert story.n_kills == 3
    assert any(0 < recorded < story.n_planned for recorded in story.recorded_at_kills)


def test_the_harness_sees_what_is_lost_or_changed(harness):
    before = {"a": (1, "serial"), "b": (2, "serial")}
    assert harness._lost(before, {**before, "c": (3, "serial")}) == []
    assert harness._lost(before, {"a": (1, "serial")}) == ["b was recorded and is lost"]
    assert harness._lost(before, {**before, "b": (9, "serial")}) == [
        "b was recorded and has changed"
    ]


def test_the_harness_sees_what_ran_again(harness, tmp_path):
    (tmp_path / "log").write_text("c\nd\n")
    assert harness._run_again(tmp_path, {"a": (1, "serial")}) == []
    (tmp_path / "log").write_text("c\na\n")
    assert harness._run_again(tmp_path, {"a": (1, "serial")}) == ["a was recorded and ran again"]
    (tmp_path / "log").write_text("c\nc\n")
    assert harness._run_again(tmp_path, {}) == ["c was recorded and ran again"]


def test_the_harness_sees_other_results(harness, finished, tmp_path):
    import shutil

    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    whole, broken = finished / "Lauf 1", tmp_path / "broken"
    shutil.copytree(whole, broken)
    assert harness._differences(whole, broken) == []
    table = pq.read_table(broken / "results.parquet")
    place = table.column_names.index("score")
    moved = table.set_column(place, "score", pc.add(table["score"], 1e-15))
    pq.write_table(moved, broken / "results.parquet")
    (broken / "report.html").unlink()
    assert harness._differences(whole, broken) == [
        "results.parquet differs in columns that are not measured",
        "report.html is missing",
    ]


def test_the_tables_of_the_harness_repeat(harness, tmp_path):
    for name in "ab":
        harness.write_tables(tmp_path / name, random.Random(1))
    assert (tmp_path / "a" / "target.csv").read_text() == (
        tmp_path / "b" / "target.csv"
    ).read_text()
