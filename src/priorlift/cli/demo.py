"""`priorlift demo`: the main job on data that come with scikit-learn."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from priorlift.cli import options
from priorlift.core.errors import InputError

if TYPE_CHECKING:
    from priorlift.study.study import Study
    from priorlift.transfer.base import TransferEstimator

N_ROUNDS = 4


def command(
    out: Annotated[str, typer.Option("--out", metavar="RUN", help="Run directory.")] = "runs/demo",
    runner: Annotated[str, typer.Option("--runner", help="serial or processes.")] = "processes",
    workers: Annotated[
        int | None, typer.Option("--workers", help="Worker processes. [default: one a core]")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Run a whole study on handwritten digits.

    Repeated, it goes on where it stopped, or shows the outcome again.
    """
    from priorlift.cli.running import run_and_show
    from priorlift.readers.demo import LABEL_BUDGETS, N_SPLITS, SEED, demo_task
    from priorlift.study.study import Study

    target, sources = demo_task()
    study = Study(target, sources, _methods(), LABEL_BUDGETS, n_splits=N_SPLITS, random_state=SEED)
    _check_version(study, Path(out))
    run_and_show(study, Path(out), resume=True, runner=runner, workers=workers, as_json=as_json)


def _methods() -> "dict[str, TransferEstimator]":
    """Return what the demo compares; few rounds and few candidates, so that it stays short."""
    from priorlift.transfer import (
        AutoTransferClassifier,
        FrozenFeaturesClassifier,
        GapBoostClassifier,
        PooledClassifier,
        TrAdaBoostClassifier,
    )

    tradaboost = TrAdaBoostClassifier(n_estimators=N_ROUNDS)
    gap_boost = GapBoostClassifier(n_estimators=N_ROUNDS, gap_every=N_ROUNDS, target_mass=0.5)
    return {
        "pooled": PooledClassifier(),
        "frozen_features": FrozenFeaturesClassifier(n_iterations=20),
        "tradaboost": tradaboost,
        "gap_boost": gap_boost,
        "auto": AutoTransferClassifier([tradaboost, gap_boost], max_fits=11, n_splits=2),
    }


def _check_version(study: "Study", out: Path) -> None:
    """Refuse to go on with the demo of another version, which would have other trials."""
    from priorlift.study.storage import PLAN

    path = out / PLAN
    if path.exists() and json.loads(path.read_bytes()) != json.loads(
        json.dumps(study.plan.to_dict())
    ):
        raise InputError(
            "holds the demo of another version of priorlift",
            where=str(out),
            remedy="remove the folder and run the demo again, or pass another --out",
        )
