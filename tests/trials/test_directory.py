import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

from priorlift.core.errors import InputError, RunDirectoryError
from priorlift.trials import RunDirectory


def test_a_fresh_directory_is_made_and_reopened(tmp_path, done):
    path = tmp_path / "runs" / "first"
    with RunDirectory(path) as run:
        run.journal.record([done(1)])
        assert run.write_text_atomic("study.toml", "é = 1\n") == path / "study.toml"
        run.write_bytes_atomic("plots/a.bin", b"\x00")
    with RunDirectory(path, resume=True) as run:
        assert len(run.journal.hashes()) == 1
        assert (path / "study.toml").read_text(encoding="utf-8") == "é = 1\n"
        assert (path / "plots" / "a.bin").read_bytes() == b"\x00"


def test_recorded_trials_are_only_touched_on_resume(tmp_path, done):
    with RunDirectory(tmp_path / "run") as run:
        run.journal.record([done(1), done(2)])
    with pytest.raises(InputError, match=r"2 recorded trials.*--resume.*another --out"):
        RunDirectory(tmp_path / "run")
    with RunDirectory(tmp_path / "run", resume=True) as run:  # the refusal released the lock
        assert len(run.journal.hashes()) == 2


def test_a_start_that_recorded_nothing_can_be_repeated_and_resumed(tmp_path):
    for resume in (True, False, False, True):
        RunDirectory(tmp_path / "run", resume=resume).close()


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("words")
    for resume in (False, True):
        with pytest.raises(InputError, match=r"no run directory.*another --out"):
            RunDirectory(tmp_path, resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_hidden_files_do_not_matter(tmp_path):
    (tmp_path / ".DS_Store").touch()
    RunDirectory(tmp_path).close()


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "run").write_text("words")
    with pytest.raises(RunDirectoryError, match=r"run: the run directory cannot.*File exists"):
        RunDirectory(tmp_path / "run")


HOLD = """
import sys, time
from priorlift.trials import RunDirectory
with RunDirectory(sys.argv[1]) as run:
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_and_a_killed_one_lets_go(tmp_path, start):
    path = tmp_path / "run"
    holder = start(HOLD, path)
    assert holder.stdout.readline() == "held\n"
    for resume in (False, True):
        with pytest.raises(RunDirectoryError, match=rf"in use by process {holder.pid}\. Remedy"):
            RunDirectory(path, resume=resume)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    RunDirectory(path, resume=True).close()


def test_the_same_process_cannot_open_it_twice(tmp_path):
    refused = pytest.raises(RunDirectoryError, match=f"in use by process {os.getpid()}")
    with RunDirectory(tmp_path), refused:
        RunDirectory(tmp_path, resume=True)


def test_a_write_that_fails_keeps_the_earlier_file(tmp_path, monkeypatch):
    with RunDirectory(tmp_path) as run:
        run.write_text_atomic("report.html", "old")

        def full(descriptor):
            raise OSError(28, os.strerror(28))

        monkeypatch.setattr("priorlift.trials.files.os.fsync", full)
        with pytest.raises(RunDirectoryError, match=r"report.html.*is intact.*disk is full"):
            run.write_text_atomic("report.html", "new")
        assert (tmp_path / "report.html").read_text() == "old"
        assert not list(tmp_path.glob(".tmp-*"))


def test_a_name_cannot_leave_the_directory(tmp_path):
    refused = pytest.raises(ValueError, match="leaves the run directory")
    with RunDirectory(tmp_path / "run") as run, refused:
        run.write_text_atomic("../a.txt", "x")


def test_leftovers_of_a_crash_are_removed(tmp_path):
    RunDirectory(tmp_path).close()
    (tmp_path / ".tmp-1-ab-report.html").write_text("half")
    RunDirectory(tmp_path).close()
    assert not list(tmp_path.glob(".tmp-*"))


NOBODY = """
import os, sys
from priorlift.trials import RunDirectory
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
for path in sys.argv[1:]:
    try:
        RunDirectory(path, resume=True)
    except Exception as error:
        print(type(error).__name__, error)
"""


@pytest.fixture
def open_folder():
    """Give a folder that another user can reach, which those of pytest are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in folder.rglob("*"):
        path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="needs permissions of POSIX")
def test_a_directory_that_cannot_be_written_is_named(open_folder, start, done):
    with RunDirectory(open_folder / "old") as run:
        run.journal.record([done(1)])
    (open_folder / "old").chmod(0o555)
    (open_folder / "old" / "run.lock").chmod(0o444)
    (open_folder / "new").mkdir(mode=0o555)
    process = start(NOBODY, open_folder / "old", open_folder / "new")
    out, err = process.communicate(timeout=30)
    lines = out.splitlines()
    assert len(lines) == 2, err
    for line in lines:
        assert line.startswith("RunDirectoryError")
        assert "no permission. Remedy: make the folder writable" in line
    with RunDirectory(open_folder / "old", resume=True) as run:
        assert len(run.journal.hashes()) == 1
