"""What users get wrong, each answered with one line on stderr, exit code 2 and nothing damaged."""

import os
from pathlib import Path

import pytest

from priorlift.cli.tables import read_task
from priorlift.trials import RunDirectory

ARGUMENTS = ["target.csv", "--label", "outcome", "--sources", "sources"]


def text(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def one_class(folder):
    rows = "".join(f"{i}.5,{i},a,ill\n" for i in range(24))
    text(folder / "target.csv", f"x1,x2,ward,outcome\n{rows}")


def three_rows(folder):
    text(folder / "target.csv", "x1,x2,ward,outcome\n1,2,a,ill\n2,1,b,well\n3,3,a,ill\n")


def no_common_column(folder):
    text(folder / "sources" / "a.csv", "u,v,outcome\n" + "1,2,ill\n3,4,well\n" * 10)


def empty_target(folder):
    text(folder / "target.csv", "")


def header_only(folder):
    text(folder / "target.csv", "x1,x2,ward,outcome\n")


def binary_target(folder):
    text(folder / "target.csv", bytes(range(256)) * 20)


def spreadsheet(folder):
    text(folder / "target.csv", b"PK\x03\x04" + bytes(100))


def gone(folder):
    (folder / "target.csv").unlink()


def folder_without_tables(folder):
    (folder / "sources" / "a.csv").unlink()


def no_folder(folder):
    folder_without_tables(folder)
    (folder / "sources").rmdir()


def only_bad_sources(folder):
    text(folder / "sources" / "a.csv", b"\x00\x01\x02")


def out_is_a_file(folder):
    text(folder / "runs", "words")


def out_is_of_something_else(folder):
    (folder / "runs" / "target").mkdir(parents=True)
    text(folder / "runs" / "target" / "thesis.tex", "words")


DAMAGES = [
    (one_class, "one class only"),
    (three_rows, "3 labelled rows"),
    (no_common_column, "no column in common"),
    (empty_target, "target.csv: is empty"),
    (header_only, "target.csv"),
    (binary_target, "target.csv"),
    (spreadsheet, "Excel"),
    (gone, "no such file"),
    (folder_without_tables, "holds no table"),
    (no_folder, "is not a folder"),
    (only_bad_sources, "no source can be used"),
    (out_is_a_file, "runs"),
    (out_is_of_something_else, "--out"),
]


def assert_refused(ended, said):
    lines = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert (ended.code, ended.out) == (2, "")
    assert len(lines) == 1
    assert ended.err.endswith(lines[0] + "\n")
    assert said in lines[0]
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("damage", "said"), DAMAGES, ids=lambda value: getattr(value, "__name__", "")
)
def test_damaged_input_is_refused_and_leaves_nothing_behind(tables, cli, damage, said):
    damage(tables)
    before = sorted(tables.rglob("*"))
    assert_refused(cli("study", *ARGUMENTS), said)
    assert sorted(tables.rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--label", "outcom"], "did you mean 'outcome'"),
        (["--label", "ward", "--groups", "ward"], "is the label column as well"),
        (["--groups", "wrd"], "did you mean 'ward'"),
        (["--methods", "pooled,frozen_fetures"], "did you mean 'frozen_features'"),
        (["--methods", ""], "--methods"),
        (["--methods", "pooled,pooled"], "named twice"),
        (["--metric", "neg_mean_absolute_error"], "metric for classification"),
        (["--metric", "acuracy"], "did you mean 'accuracy'"),
        (["--budgets", "many"], "--budgets"),
        (["--budgets", "20.5"], "--budgets"),
        (["--budgets", "-5"], "--budgets"),
        (["--budgets", "0"], "--budgets"),
        (["--budgets", "1"], "budget of 1"),
        (["--budgets", "9" * 400], "--budgets"),
        (["--budgets", ","], "--budgets"),
        (["--splits", "0"], "--splits"),
        (["--level", "95"], "--level"),
        (["--min-lift", "nan"], "--min-lift"),
        (["--seed", "-1"], "--seed"),
        (["--runner", "rays"], "--runner"),
        (["--workers", "0"], "--workers"),
        (["--time-budget", "-1"], "--time-budget"),
        (["--task", "guess"], "--task"),
        (["--task", "regression"], "column 'outcome' holds other things than numbers"),
    ],
    ids=lambda value: "=".join(value)[:40] if isinstance(value, list) else "",
)
def test_nonsense_in_an_option_is_refused_before_anything_is_written(tables, cli, options, said):
    assert_refused(cli("study", *ARGUMENTS, *options), said)
    assert not (tables / "runs").exists()


@pytest.mark.parametrize("missing", ["--label", "--sources"])
def test_a_missing_option_is_asked_for(tables, cli, missing):
    place = ARGUMENTS.index(missing)
    for command in ("study", "rank"):
        ended = cli(command, *ARGUMENTS[:place], *ARGUMENTS[place + 2 :])
        assert_refused(ended, missing)


def test_labels_that_could_be_either_ask_for_the_task(tables, cli):
    rows = "".join(f"{i},{i % 3},a,{i % 7 * 2}\n" for i in range(40))
    text(tables / "target.csv", f"x1,x2,ward,outcome\n{rows}")
    assert_refused(cli("study", *ARGUMENTS), "--task classification or --task regression")


def test_an_unusable_source_is_left_out_and_told(tables, cli, no_fits):
    text(tables / "sources" / "b.csv", "u,v,outcome\n" + "1,2,ill\n3,4,well\n" * 10)
    text(tables / "sources" / "broken.csv", b"\x00\x01")
    ended = cli("study", *ARGUMENTS)
    assert ended.code == 0
    assert "warning: source 'broken' is left out: " in ended.err
    assert "1 usable of 2" in ended.err
    skipped = {skipped.sources: skipped.reason for skipped in no_fits[0][0].plan.skipped}
    assert set(skipped) == {"b", "broken"}
    assert "no column in common" in skipped["b"]


def test_a_run_directory_in_use_is_refused(tables, cli):
    with RunDirectory(tables / "runs" / "target"):
        assert_refused(cli("study", *ARGUMENTS), f"in use by process {os.getpid()}")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_refused(tables, cli):
    tables.joinpath("runs").mkdir(mode=0o500)
    assert_refused(cli("study", *ARGUMENTS), "permission")


def test_a_place_that_cannot_be_made_is_refused(tables, cli):
    assert_refused(cli("study", *ARGUMENTS, "--out", "/dev/null/run"), "/dev/null/run")


def test_work_that_cannot_fit_is_refused_with_the_number(tables, cli, monkeypatch):
    from priorlift.study import memory

    monkeypatch.setattr(memory, "memory_estimate_mb", lambda *_: 2048.0 * 1024)
    assert_refused(cli("study", *ARGUMENTS), "2199.0 GB")


def test_a_folder_that_is_no_run_is_refused(tables, cli):
    assert_refused(cli("study", "sources", "--resume"), "without a study.toml")


def test_a_mistake_in_a_file_is_refused_with_file_and_line(tables, cli):
    text(tables / "study.toml", 'target = "target.csv"\nlable = "outcome"\n')
    assert_refused(cli("study", "study.toml"), "study.toml:2: unknown key 'lable'")


def test_a_target_among_its_own_sources_is_told(tables, capsys):
    Path("target.csv").rename(tables / "sources" / "target.csv")
    _, pool = read_task("sources/target.csv", "sources", label="outcome", groups="ward", task=None)
    assert pool.names == ("a",)
    assert "sources/target.csv lies among the sources" in capsys.readouterr().err
