import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlift.trials import Context, Outcome, Trial, get_runner
from priorlift.trials.blocks import BLOCKS_A_WORKER, blocks_of


def numbered(groups):
    return [Trial("t", {"n": n}, group=group) for n, group in enumerate(groups)]


GROUPS = st.lists(st.sampled_from([None, "a", "b", "c"]), max_size=60)


@given(GROUPS, st.integers(1, 8))
def test_every_trial_is_in_one_block_and_a_block_is_of_one_group(groups, n_workers):
    trials = numbered(groups)
    blocks = blocks_of(trials, n_workers)
    assert sorted(t.params["n"] for b in blocks for t in b) == list(range(len(trials)))
    for block in blocks:
        assert len({trial.group for trial in block}) == 1
        assert len(block) == 1 or block[0].group is not None
    for name in "abc":
        given_order = [t.params["n"] for t in trials if t.group == name]
        assert [t.params["n"] for b in blocks for t in b if t.group == name] == given_order


@given(GROUPS, st.integers(2, 8))
def test_no_block_is_longer_than_a_fourth_of_an_even_share(groups, n_workers):
    blocks = blocks_of(numbered(groups), n_workers)
    longest = max(map(len, blocks), default=0)
    assert longest <= -(-len(groups) // (n_workers * BLOCKS_A_WORKER))


def test_one_worker_gets_a_group_uncut():
    assert [len(block) for block in blocks_of(numbered("aaabba"), 1)] == [4, 2]


def test_a_group_changes_no_hash():
    assert Trial("t", {"n": 1}, group="a") == Trial("t", {"n": 1})


@pytest.mark.parametrize("name", ["serial", "processes"])
def test_a_group_stays_in_one_worker_and_in_order(name):
    def where(trial, context):
        return Outcome({"pid": os.getpid()})

    # Forty groups of three, torn apart in the plan.
    trials = [Trial("where", {"g": n % 40, "n": n}, group=str(n % 40)) for n in range(120)]
    found = {}
    for record in get_runner(name, 2, tasks={"where": where}).run(trials, Context()):
        found.setdefault(record.trial.params["g"], []).append(record)
    for group in found.values():
        assert len({record.outcome.values["pid"] for record in group}) == 1
        numbers = [record.trial.params["n"] for record in group]
        assert numbers == sorted(numbers)
        assert len(numbers) == 3
