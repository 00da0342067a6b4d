import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlift.cli.progress import Bar, Lines, duration, progress, time_left


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def lines_of(n_total, seconds_each, first=0):
    clock, stream = Clock(), io.StringIO()
    with Lines(stream, clock) as report:
        report(first, n_total, None)
        for n_done in range(first + 1, n_total + 1):
            clock.now += seconds_each
            report(n_done, n_total, "a record")
    return stream.getvalue().splitlines()


@given(n_total=st.integers(1, 500), first=st.integers(0, 400))
def test_there_are_at_most_a_dozen_lines_and_the_last_says_all(n_total, first):
    lines = lines_of(n_total, 0.1, min(first, n_total))
    assert 1 <= len(lines) <= 12
    assert lines[-1].startswith(f"{n_total} of {n_total} fits (100 %)")
    assert "left" not in lines[-1]


def test_the_time_left_counts_only_what_was_done_since_the_start():
    lines = lines_of(100, 1.0, first=50)
    assert lines[0].startswith("50 of 100 fits (50 %), 0 s")
    assert any(line.startswith("60 of 100") and "about 40 s left" in line for line in lines)


def test_an_estimate_comes_early_in_long_work():
    lines = lines_of(1000, 2.0)
    assert lines[1] == "2 of 1000 fits (0 %), 4 s, about 33 min 16 s left"


def test_starting_the_workers_does_not_count():
    clock, stream = Clock(), io.StringIO()
    report = Lines(stream, clock)
    report(0, 100, None)
    clock.now += 60.0
    for n_done in (1, 2, 3):
        report(n_done, 100, "a record")
        clock.now += 1.0
    assert stream.getvalue().splitlines()[-1].endswith("1 min 1 s, about 1 min 38 s left")


def test_nothing_planned_is_no_division_by_zero():
    stream = io.StringIO()
    Lines(stream)(0, 0, None)
    assert stream.getvalue().startswith("0 of 0 fits")


def test_a_terminal_gets_a_bar_and_a_file_gets_lines():
    assert isinstance(progress(io.StringIO()), Lines)
    terminal = Terminal()
    bar = progress(terminal)
    assert isinstance(bar, Bar)
    with bar as report:
        report(1, 4, "a record")
        report(4, 4, "a record")
    assert "4/4" in terminal.getvalue()


@given(st.floats(0, 1e7))
def test_a_duration_never_shows_sixty_of_anything(seconds):
    assert not re.search(r"\b60 (s|min)", duration(seconds))


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.6, "1 min 0 s"), (3599.9, "1 h 0 min"), (61, "1 min 1 s")]
)
def test_a_duration_is_rounded_first(seconds, text):
    assert duration(seconds) == text


def test_there_is_no_estimate_before_anything_is_done():
    assert time_left(0, 10, 5.0) is None
    assert time_left(1, 0, 5.0) == 0
