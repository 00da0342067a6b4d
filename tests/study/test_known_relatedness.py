"""Tasks whose relatedness is set by hand: verdicts and gaps have to say what was put in."""

from sklearn.linear_model import LogisticRegression

from priorlift import SourcePool, Study
from priorlift.ranking import performance_gap
from priorlift.theory import make_correlated_tasks

SIZES = {"latent": 20, "inputs": 40, "random_state": 3}


def verdict_of(**knobs):
    source, target, _ = make_correlated_tasks(600, 240, **SIZES, **knobs)
    study = Study(
        target, SourcePool([source]), ["pooled"], (20,), n_splits=20, rank=False, forecast=False
    )
    result = study.run()
    (claim,) = result.verdicts
    return claim.verdict, claim.against_same_class.estimate


def test_the_same_task_helps():
    verdict, lift = verdict_of()
    assert verdict == "helps"
    assert lift > 0.05


def test_the_opposite_task_hurts():
    verdict, lift = verdict_of(qt=-1.0)
    assert verdict == "hurts"
    assert lift < -0.1


def test_a_task_that_shares_nothing_is_not_said_to_help():
    verdict, _ = verdict_of(qt=0.0, qF=0.0)
    assert verdict != "helps"


def test_the_gap_falls_with_relatedness():
    gaps = []
    for qt in (1.0, 0.0, -1.0):
        source, target, _ = make_correlated_tasks(600, 240, **SIZES, qt=qt)
        found = performance_gap(
            LogisticRegression(),
            target.X,
            target.y,
            SourcePool([source]),
            n_permutations=0,
            random_state=0,
        )
        gaps.append(found["source"].on_target["zero_one"].value)
    assert gaps == sorted(gaps)
    assert gaps[2] - gaps[0] > 0.2
