import json
import os
import subprocess
import sys

import pytest

from priorlift.cli import app, study
from priorlift.core import errors

HEAVY = {"numpy", "scipy", "sklearn", "pandas", "polars", "pyarrow", "matplotlib", "torch"}
RENDERING = {"rich", "pydantic", "jinja2", "narwhals", "pooch"}


def python(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, **options)


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [(["--help"], HEAVY | RENDERING), (["study", "--help"], HEAVY)],
    ids=["front page", "command"],
)
def test_help_loads_only_what_help_needs(arguments, unwanted):
    code = (
        "import json, sys; from priorlift.cli.app import run\n"
        f"assert run({arguments}) == 0\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = python("-c", code, check=True)
    modules = {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert "typer" in modules
    assert not modules & unwanted


def test_the_installed_command_answers_bad_input_with_one_line_and_exit_code_2(tmp_path):
    done = python(
        "-m", "priorlift", "study", "gone.csv", "--label", "y", "--sources", ".", cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: gone.csv: there is no such file")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_the_front_page_lists_the_commands(cli, arguments):
    ended = cli(*arguments)
    assert ended.code == 0
    for command in ("study", "rank", "report", "demo", "doctor"):
        assert f"\n  {command} " in ended.out


def test_the_version_is_told(cli):
    import priorlift

    assert cli("--version").out == f"priorlift {priorlift.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["stdy"], "study"),
        (["study", "--lable", "y"], "--label"),
        (["study"], "TARGET"),
        (["study", "t.csv", "--splits", "many"], "--splits"),
        (["study", "t.csv", "--label"], "--label"),
        (["doctor", "surplus"], "surplus"),
    ],
)
def test_misuse_is_one_line_with_the_remedy(cli, arguments, said):
    ended = cli(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
    assert said in ended.err
    assert "--help" in ended.err


ENDINGS = [
    (errors.InputError("bad"), 2),
    (errors.InputTypeError("bad"), 2),
    (errors.UnknownNameError("method", "poled", ["pooled"]), 2),
    (errors.MissingExtraError("torch", "nets"), 2),
    (errors.RunDirectoryError("in use"), 2),
    (errors.UntrustedFileError("no"), 2),
    (errors.NotRunnableError("all failed"), 1),
    (errors.PriorliftError("a worker died"), 1),
    (OSError(28, "No space left on device", "runs/x"), 2),
    (PermissionError(13, "Permission denied", "runs/x"), 2),
    (MemoryError(), 1),
    (ZeroDivisionError("division by zero"), 1),
    (RecursionError("two\nlines"), 1),
    (KeyboardInterrupt(), 130),
]


@pytest.mark.parametrize(("error", "code"), ENDINGS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_every_ending_has_its_exit_code_and_one_line(cli, monkeypatch, error, code, as_json):
    def fail(*_):
        raise error

    monkeypatch.setattr(study, "settings", fail)
    ended = cli("study", "t.csv", *(["--json"] if as_json else []))
    assert ended.code == code
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1
    assert "Traceback" not in ended.err
    if as_json:
        told = json.loads(ended.out)["error"]
        assert told["exit_code"] == code
        assert ended.err == f"error: {told['message']}\n"
    else:
        assert ended.out == ""


def test_stopping_says_how_to_go_on(cli, monkeypatch):
    monkeypatch.setattr(study, "settings", _interrupt)
    assert "--resume" in cli("study", "t.csv").err


def _interrupt(*_):
    raise KeyboardInterrupt


def test_debugging_shows_the_traceback_as_well(cli, monkeypatch):
    def fail(*_):
        raise errors.InputError("bad")

    monkeypatch.setattr(study, "settings", fail)
    monkeypatch.setenv("PRIORLIFT_DEBUG", "1")
    ended = cli("study", "t.csv")
    assert ended.code == 2
    assert "Traceback" in ended.err
    assert ended.err.endswith("error: bad.\n")


def test_warnings_of_libraries_do_not_reach_the_terminal(cli, monkeypatch):
    import warnings

    def warn(*_):
        warnings.warn("the solver did not converge", stacklevel=1)
        raise errors.InputError("bad")

    monkeypatch.setattr(study, "settings", warn)
    assert cli("study", "t.csv").err == "error: bad.\n"


def test_main_ends_the_process_with_the_exit_code(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["priorlift", "nonsense"])
    monkeypatch.setenv("PYTHONWARNINGS", "default")
    with pytest.raises(SystemExit) as ending:
        app.main()
    assert ending.value.code == 2
