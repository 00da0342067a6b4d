"""What is available is what machine and container leave."""

from pathlib import Path

import pytest

from priorlift.core import memory


@pytest.fixture
def files(monkeypatch):
    """Stand-ins for the files in which Linux tells its memory."""
    content = {}

    def read(path, *_):
        if str(path) not in content:
            raise FileNotFoundError
        return content[str(path)]

    monkeypatch.setattr(Path, "read_text", read)
    return content


def test_the_machine_leaves_what_it_says(files):
    files["/proc/meminfo"] = "MemTotal: 900 kB\nMemAvailable:    500 kB\n"
    assert memory.available_memory() == 500 * 1024


def test_a_container_leaves_less(files):
    files["/proc/meminfo"] = "MemAvailable: 500 kB\n"
    files["/sys/fs/cgroup/memory.max"] = "100000\n"
    files["/sys/fs/cgroup/memory.current"] = "30000\n"
    assert memory.available_memory() == 70000
    files["/sys/fs/cgroup/memory.current"] = "300000\n"
    assert memory.available_memory() == 0
    files["/sys/fs/cgroup/memory.max"] = "max\n"
    assert memory.available_memory() == 500 * 1024


def test_a_system_that_tells_nothing_has_its_whole_memory(files):
    assert memory.available_memory() > 10**8


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (2_500_000, "2.5 MB"), (3e9, "3.0 GB")],
)
def test_bytes_are_told_in_a_unit_that_reads(size, text):
    assert memory.readable(int(size)) == text
