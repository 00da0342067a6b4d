"""The conformance suite of runners: the same results wherever trials run."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from priorlift.core.seeds import derive_seed
from priorlift.testing.assertions import require, require_equal
from priorlift.trials import Context, Outcome, Trial, TrialRecord, get_runner
from priorlift.trials.runners import Runner

TASK = "conformance"


def draw(trial: Trial, context: Context) -> Outcome:
    """Draw from the trial's own seed; every fifth trial fails."""
    if trial.params["number"] % 5 == 3:
        raise ValueError("this one fails")
    draws = np.random.default_rng(derive_seed(context.seed, trial.hash))
    return Outcome({"number": trial.params["number"]}, {"values": draws.normal(size=3)})


class RunnerConformance:
    """Tests that every runner has to pass; subclass it and return yours from `make_runner`.

    `make_runner(n_workers, tasks)` returns a runner that finds task functions in the mapping first.
    """

    make_runner: Callable[[int, Mapping[str, Any]], Runner]

    def test_results_are_those_of_the_serial_runner(self) -> None:
        """Bit for bit, for one worker and two, in any order, failures included."""
        trials = [Trial(TASK, {"number": number}) for number in range(8)]
        expected = self._by_trial(get_runner("serial", tasks={TASK: draw}).run(trials, Context()))
        for n_workers in (1, 2):
            runner = self.make_runner(n_workers, {TASK: draw})
            found = self._by_trial(runner.run(trials[::-1], Context()))
            require(found.keys() == expected.keys(), "not one record for each trial")
            for trial, record in found.items():
                self._require_same(record, expected[trial])

    def test_closing_the_iterator_stops_the_work(self) -> None:
        """A caller may take the first record and leave."""
        running = self.make_runner(1, {TASK: draw}).run(
            [Trial(TASK, {"number": number}) for number in range(4)], Context()
        )
        require(isinstance(next(running), TrialRecord), "the first is no record")
        running.close()
        require(next(running, None) is None, "records come after close")

    def _by_trial(self, records: Any) -> dict[Trial, TrialRecord]:
        return {record.trial: record for record in records}

    def _require_same(self, found: TrialRecord, expected: TrialRecord) -> None:
        require(
            (found.status, found.error) == (expected.status, expected.error),
            f"{found.status} ({found.error}) instead of {expected.status} ({expected.error})",
        )
        if found.outcome is not None and expected.outcome is not None:
            require(found.outcome.values == expected.outcome.values, "other values")
            for name, values in expected.outcome.arrays.items():
                require_equal(found.outcome.arrays[name], values, f"another {name}")
