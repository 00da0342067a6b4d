"""How much memory there is, and how a number of bytes is told to people."""

import os
from pathlib import Path


def available_memory() -> int:
    """Return the memory in bytes that this process may still take.

    The smaller of what the machine and what the control group (a container's limit) have left; the
    machine's whole memory where the system tells no more.
    """
    found = [_machine_memory()]
    limit = _number_in(Path("/sys/fs/cgroup/memory.max"))
    used = _number_in(Path("/sys/fs/cgroup/memory.current"))
    if limit is not None and used is not None:
        found.append(max(limit - used, 0))
    return min(found)


def _machine_memory() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return int(os.sysconf("SC_PAGE_SIZE")) * int(os.sysconf("SC_PHYS_PAGES"))


def _number_in(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def readable(size: int) -> str:
    """Return a number of bytes for people.

    Examples
    --------
    >>> readable(2_500_000_000), readable(900)
    ('2.5 GB', '900 bytes')
    """
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
