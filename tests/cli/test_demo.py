import json
from pathlib import Path


def test_the_demo_runs_its_own_task_and_can_be_repeated(tables, cli, no_fits):
    ended = cli("demo", "--out", "runs/look")
    assert ended.code == 0
    ((study, out, options),) = no_fits
    assert out == Path("runs/look")
    assert options["resume"] is True
    assert study.plan.target_name == "handwritten digits"
    assert study.plan.design.n_draws >= 20
    assert "runs/look/report.html" in ended.out
    assert (tables / "runs" / "look" / "report.html").exists()


def test_the_demo_speaks_json(tables, cli, no_fits):
    assert "verdicts" in json.loads(cli("demo", "--json").out)


def test_the_demo_of_another_version_is_left_alone(tables, cli, no_fits):
    (tables / "old").mkdir()
    (tables / "old" / "plan.json").write_text("{}")
    ended = cli("demo", "--out", "old")
    assert (ended.code, no_fits) == (2, [])
    assert "another version" in ended.err
    assert (tables / "old" / "plan.json").read_text() == "{}"
