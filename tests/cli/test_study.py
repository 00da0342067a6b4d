import contextlib
import json
import os
import shutil
import sqlite3
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from priorlift.cli.config import FILE_NAME

HERE = ["target.csv", "--label", "outcome", "--sources", "sources"]
PLANNED = 60  # ten repeats of two folds of three arms


def unmeasured(run):
    table = pq.read_table(run / "results.parquet")
    return table.select([name for name in table.column_names if not name.startswith("measured_")])


def recorded(run):
    with contextlib.closing(sqlite3.connect(run / "journal.sqlite")) as connection:
        return list(connection.iterdump())


def test_a_run_directory_holds_everything(finished):
    run = finished / "Lauf 1"
    for name in (FILE_NAME, "plan.json", "journal.sqlite", "results.parquet", "report.html"):
        assert (run / name).stat().st_size > 0, name
    table = unmeasured(run)
    assert table.num_rows == PLANNED
    assert table["trial"].to_pylist() == sorted(table["trial"].to_pylist())
    assert set(table["status"].to_pylist()) == {"done"}


def test_a_finished_run_resumes_from_its_folder_without_fitting(
    finished, tmp_path, cli, monkeypatch
):
    project = shutil.copytree(finished, tmp_path / "project")
    monkeypatch.chdir(tmp_path)
    before = unmeasured(project / "Lauf 1")
    journal = recorded(project / "Lauf 1")
    ended = cli("study", "project/Lauf 1", "--resume")
    assert ended.code == 0
    assert f"{PLANNED} of {PLANNED} fits (100 %), 0 s" in ended.err
    assert unmeasured(project / "Lauf 1").equals(before)
    assert recorded(project / "Lauf 1") == journal


def test_the_runner_does_not_change_the_results(finished, tmp_path, cli, monkeypatch):
    monkeypatch.chdir(finished)
    out = tmp_path / "other"
    ended = cli("study", "Lauf 1", "--out", out, "--runner", "processes", "--workers", 2)
    assert ended.code == 0, ended.err
    assert unmeasured(out).equals(unmeasured(finished / "Lauf 1"))
    workers = pq.read_table(out / "results.parquet")["measured_worker"].to_pylist()
    assert all(worker.startswith("process-") for worker in workers)


def test_the_answer_goes_to_stdout_and_the_way_there_to_stderr(
    finished, tmp_path, cli, monkeypatch
):
    monkeypatch.chdir(finished)
    shutil.copytree("Lauf 1", tmp_path / "copy")
    ended = cli("study", "Lauf 1", "--out", tmp_path / "copy", "--resume")
    assert ended.code == 0
    assert "pooled" in ended.out
    assert "left out: andere: " in ended.out
    assert f"report: {tmp_path / 'copy' / 'report.html'}" in ended.out
    for announced in (
        "target   Ziel 1: 24 labelled rows",
        "1 usable of 2",
        "design   scarce target",
    ):
        assert announced in ended.err
        assert announced not in ended.out
    assert f"{PLANNED} fits by " in ended.err
    assert "MiB" in ended.err


def test_json_is_one_document_and_nothing_else(tables, cli, no_fits):
    ended = cli("study", *HERE, "--json")
    document = json.loads(ended.out)
    assert document["run"] == str(Path("runs", "target"))
    assert document["report"] == str(Path("runs", "target", "report.html"))
    assert document["verdicts"][0]["method"] == "pooled"
    assert "NaN" not in ended.out


def test_options_reach_the_study(tables, cli, no_fits):
    ended = cli(
        *("study", *HERE, "--out", "out", "--methods", "pooled, auto", "--budgets", "10,20"),
        *("--splits", "30", "--metric", "neg_log_loss", "--groups", "ward", "--seed", "7"),
        *("--min-lift", "0.01", "--level", "0.9", "--no-rank", "--runner", "processes"),
        *("--workers", "2", "--time-budget", "60", "--max-seconds", "5"),
    )
    assert ended.code == 0, ended.err
    ((study, out, options),) = no_fits
    assert out == Path("out")
    assert {"pooled", "auto"} < set(study.methods)
    plan = study.plan
    assert (plan.metric, plan.seed, plan.level, plan.min_lift) == ("neg_log_loss", 7, 0.9, 0.01)
    assert plan.design.grouped
    assert 10 in plan.design.budgets
    assert study.rank is False
    assert options["runner"] == "processes"
    assert options["n_workers"] == 2
    assert options["time_budget"] == 60
    assert (options["max_seconds"], options["max_memory_mb"]) == (5, None)
    assert options["resume"] is False


def test_a_file_of_settings_does_the_same_as_options(tables, cli, no_fits):
    tables.joinpath("study.toml").write_text(
        'target = "target.csv"\nlabel = "outcome"\nsources = "sources"\n'
        'out = "runs/x"\nsplits = 30\n'
    )
    assert cli("study", *HERE, "--out", "runs/y", "--splits", 30).code == 0
    assert cli("study", "study.toml").code == 0
    by_options, by_file = (call[0].plan for call in no_fits)
    assert by_options == by_file
    assert [call[1] for call in no_fits] == [Path("runs/y"), Path("runs/x")]
    kept = [(tables / "runs" / run / FILE_NAME).read_text() for run in "xy"]
    assert kept[0] == kept[1]


def test_an_earlier_run_is_left_alone_without_resume(finished, cli, monkeypatch):
    monkeypatch.chdir(finished)
    opened = ("run.lock", "journal.sqlite")  # its counter of openings changes, its rows do not
    files = [
        path for path in Path("Lauf 1").iterdir() if path.is_file() and path.name not in opened
    ]
    before = {path: path.read_bytes() for path in files}
    journal = recorded(Path("Lauf 1"))
    ended = cli("study", "Lauf 1")
    assert ended.code == 2
    assert f"{PLANNED} recorded trials" in ended.err
    assert "--resume" in ended.err
    assert "--out" in ended.err
    assert {path: path.read_bytes() for path in files} == before
    assert recorded(Path("Lauf 1")) == journal


def test_resuming_with_other_settings_is_refused_and_changes_nothing(
    finished, tmp_path, cli, monkeypatch
):
    monkeypatch.chdir(finished)
    run = shutil.copytree("Lauf 1", tmp_path / "run")
    kept = (run / FILE_NAME).read_bytes()
    ended = cli("study", "Lauf 1", "--out", run, "--resume", "--seed", 5)
    assert ended.code == 2
    assert "another study" in ended.err
    assert (run / FILE_NAME).read_bytes() == kept


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_study_that_is_stopped_says_how_to_go_on(tables, cli, monkeypatch, error):
    from priorlift.study.study import Study

    def stop(*_, **__):
        raise error

    monkeypatch.setattr(Study, "run", stop)
    ended = cli("study", *HERE)
    assert ended.code in (130, 2)
    assert "--resume" in ended.err
    assert "Traceback" not in ended.err
    assert (tables / "runs" / "target" / FILE_NAME).exists()


def test_a_study_whose_fits_all_failed_ends_with_1(tables, cli, monkeypatch):
    from priorlift.study import study

    def nothing(*_, **__):
        raise study.NotRunnableError("60 of 60 fits failed", remedy="see the errors of the trials")

    monkeypatch.setattr(study.Study, "run", nothing)
    ended = cli("study", *HERE)
    assert (ended.code, ended.out) == (1, "")
    assert "60 of 60 fits failed" in ended.err


@pytest.mark.skipif(os.name == "nt", reason="names are bytes on POSIX only")
def test_a_name_that_is_no_unicode_is_refused_in_one_line(tables, cli):
    name = os.fsdecode(b"t\xff.csv")
    (tables / "target.csv").rename(tables / name)
    ended = cli("study", name, *HERE[1:])
    assert ended.code == 2
    assert len(ended.err.splitlines()) == 1


def test_sources_can_be_cut_from_the_targets_table(tables, cli, no_fits):
    rows = [
        f"{row % 7},{row % 5},{['ill', 'well'][row % 2]},{'ab'[row // 30]}" for row in range(60)
    ]
    (tables / "both.csv").write_text("u,v,outcome,site\n" + "\n".join(rows))
    arguments = ["study", "both.csv", "--label", "outcome", "--methods", "pooled", "--no-rank"]
    ended = cli(*arguments, "--cut-by", "site=a", "--out", "cut")
    assert ended.code == 0, ended.err
    assert cli("study", "cut", "--resume").code == 0
    for study, _, _ in no_fits:
        assert study.target.name == "a"
        assert study.target.columns == ("u", "v")
        assert study.sources.names == ("b",)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--cut-by", "ward=a", "--sources", "sources"], "both given"),
        (["--cut-by", "ward=c"], "known: a, b"),
        (["--cut-by", "war=a"], "did you mean 'ward'"),
        (["--cut-by", "ward"], "cut_by"),
    ],
)
def test_a_cut_that_cannot_be_made_is_refused(tables, cli, given, said):
    ended = cli("study", "target.csv", "--label", "outcome", *given)
    assert ended.code == 2
    assert said in ended.err
