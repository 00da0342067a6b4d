import json

import pytest


def test_the_page_is_written_again_without_fitting(finished, cli, tmp_path):
    run = finished / "Lauf 1"
    before = (run / "report.html").stat().st_mtime_ns
    ended = cli("report", run, "--out", tmp_path / "neu ä" / "page.html")
    assert ended.code == 0
    assert "pooled" in ended.out
    assert "<html" in (tmp_path / "neu ä" / "page.html").read_text(encoding="utf-8")
    assert (run / "report.html").stat().st_mtime_ns == before
    assert cli("report", run).code == 0
    assert (run / "report.html").stat().st_mtime_ns > before


def test_json_tells_the_verdicts_and_the_page(finished, cli, tmp_path):
    ended = cli("report", finished / "Lauf 1", "--out", tmp_path / "p.html", "--json")
    document = json.loads(ended.out)
    assert document["report"] == str(tmp_path / "p.html")
    assert len(document["verdicts"]) == 1


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_what_is_no_run_directory_is_refused(cli, tmp_path, make):
    make(tmp_path / "run")
    ended = cli("report", tmp_path / "run")
    assert (ended.code, ended.out) == (2, "")
    assert "no run directory" in ended.err
    assert ended.err.count("\n") == 1


def test_a_page_that_cannot_be_written_is_one_line(finished, cli, tmp_path):
    ended = cli("report", finished / "Lauf 1", "--out", "/dev/null/page.html")
    assert ended.code == 2
    assert ended.err.count("\n") == 1
