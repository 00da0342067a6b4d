"""The built-in runners pass the suite; runners that lose or change records do not."""

from dataclasses import replace

import pytest

from priorlift.testing import RunnerConformance
from priorlift.trials import get_runner


class TestSerial(RunnerConformance):
    def make_runner(self, n_workers, tasks):
        return get_runner("serial", n_workers, tasks=tasks)


class TestProcesses(RunnerConformance):
    def make_runner(self, n_workers, tasks):
        return get_runner("processes", n_workers, tasks=tasks)


class Wrapped:
    def __init__(self, tasks):
        self.inner = get_runner("serial", tasks=tasks)


class LosesFailures(Wrapped):
    def run(self, trials, context):
        return (r for r in self.inner.run(trials, context) if r.status == "done")


class SeedsByPosition(Wrapped):
    def run(self, trials, context):
        for position, trial in enumerate(trials):
            yield from self.inner.run([trial], replace(context, seed=position))


@pytest.mark.parametrize(
    ("broken", "message"),
    [(LosesFailures, "not one record for each trial"), (SeedsByPosition, "another values")],
)
def test_a_broken_runner_is_caught(broken, message):
    suite = RunnerConformance()
    suite.make_runner = lambda n_workers, tasks: broken(tasks)
    with pytest.raises(AssertionError, match=message):
        suite.test_results_are_those_of_the_serial_runner()
