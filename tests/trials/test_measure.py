import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from priorlift.trials import measure
from priorlift.trials.measure import measured


def busy():
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass


def test_sleep_takes_wall_time_only_and_work_takes_both():
    _, asleep = measured(lambda: time.sleep(0.05), "w")
    _, awake = measured(busy, "w")
    assert asleep.wall_seconds >= 0.05
    assert asleep.cpu_seconds < 0.04
    assert awake.cpu_seconds >= 0.05
    assert awake.wall_seconds >= 0.05


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux resets the peak of a process")
def test_the_peak_belongs_to_the_trial_and_not_to_an_earlier_one():
    _, large = measured(lambda: np.ones(2**24).sum(), "w")  # 128 MiB
    _, small = measured(lambda: None, "w")
    assert 100 < large.peak_memory_mb - small.peak_memory_mb < 200


def test_where_the_peak_cannot_be_reset_the_one_of_the_process_is_given(monkeypatch):
    monkeypatch.setattr(measure, "_CLEAR_REFS", Path("/nowhere/clear_refs"))
    result, cost = measured(lambda: 7, "w")
    assert result == 7
    assert cost.peak_memory_mb is None or 5 < cost.peak_memory_mb < 2**20


def test_time_stamps_are_utc_and_in_order():
    before = datetime.now(UTC)
    _, cost = measured(lambda: time.sleep(0.01), "w")
    started, finished = map(datetime.fromisoformat, (cost.started_at, cost.finished_at))
    assert before <= started < finished <= datetime.now(UTC)
    assert started.utcoffset().total_seconds() == 0
    assert len(cost.started_at) == len("2020-01-01T00:00:00.000000+00:00")
