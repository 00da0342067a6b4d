"""Is the multitask network ahead of single-task nets and of hard sharing, also under label drift?

Every column is the same network with the same optimiser, epochs, validation and refit; only the
objective differs. Settings were chosen on development rows (`development=True`), which are no
test rows. One target at a time; the other tasks of the set are its sources, with as few rows.

Intervals are `priorlift.study`'s for label budgets: draws of training rows crossed with one fixed
test part, paired by row.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from gap.multitask_data import Task, digits, drawn, drifted, newsgroups, objects  # noqa: E402
from priorlift import Source, SourcePool  # noqa: E402
from priorlift.study.crossed_intervals import crossed_components_interval  # noqa: E402
from priorlift.transfer import GapMultitaskClassifier  # noqa: E402

SETS: dict[str, tuple[Callable[[Path], list[Task]], int]] = {
    "digits": (digits, 6),
    "20NG": (newsgroups, 10),
    "Office-Caltech SURF": (objects, 3),
}
DRIFT = 0.8
SETTINGS: dict[str, Any] = {"preprocess": None, "device": "cpu"}
COLUMNS = ("single task", "hard sharing", "uncertainty", "gapMTNN fixed", "gapMTNN learned")
MODES = {
    "quick": {"n_seeds": 5, "n_targets": 1},
    "full": {"n_seeds": 10, "n_targets": 4},
}


class UncertaintyMultitask(GapMultitaskClassifier):
    """Hard sharing with task weights by homoscedastic uncertainty (Kendall et al., CVPR 2018)."""

    def _objective(self, tasks: list[Any], schedule: Any = ()) -> Any:
        import torch

        from priorlift.networks.gap_objective import GapObjective

        class Uncertainty(GapObjective):
            """As in LibMTL: sum_t L_t / (2 exp(s_t)) + s_t / 2, all s_t from -0.5."""

            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self.scale = torch.nn.Parameter(torch.full((len(tasks),), -0.5))

            def combined(self, matrix: Any) -> Any:
                own = matrix.diagonal()
                return (own / (2 * self.scale.exp()) + self.scale / 2).sum()

        plain = super()._objective(tasks)
        counts = [np.bincount(t.y, t.weight, minlength=len(self.classes_)) for t in tasks]
        return Uncertainty(
            np.stack(counts), plain.centroids.sums.shape[1], relation="none", alignment=0.0,
            reweight=self.reweight,
        )  # fmt: skip


def estimator(column: str, seed: int, **settings: Any) -> GapMultitaskClassifier:
    """Return the unfitted network of a column."""
    settings = {**SETTINGS, **settings, "random_state": seed}
    plain = {"alpha": "none", "alignment": 0.0}
    if column == "uncertainty":
        return UncertaintyMultitask(**settings)
    if column in ("single task", "hard sharing"):
        return GapMultitaskClassifier(**{**settings, **plain})
    return GapMultitaskClassifier(**{"alpha": column.split()[-1], **settings})


def correct(
    tasks: list[Task], place: int, column: str, per_class: int, drift: float, seed: int,
    development: bool, **settings: Any,
) -> np.ndarray:  # fmt: skip
    """Fit one column for one target and draw, and return which held-out rows it gets right."""
    rows = [drawn(task, per_class, seed) for task in tasks]
    if drift:
        rows = [drifted(t, i, len(tasks), rows[i], drift) for i, t in enumerate(tasks)]
    target = tasks[place]
    sources = [
        Source(t.name, t.X[rows[i]], t.y[rows[i]]) for i, t in enumerate(tasks) if i != place
    ]
    model = estimator(column, seed, **settings)
    pool = None if column == "single task" else SourcePool(sources)
    model.fit(target.X[rows[place]], target.y[rows[place]], sources=pool)
    held_out = target.development if development else target.test
    return model.predict(target.X[held_out]) == target.y[held_out]


def compare(
    tasks: list[Task], per_class: int, drift: float, n_seeds: int, n_targets: int,
    *, development: bool = False, columns: tuple[str, ...] = COLUMNS, **settings: Any,
) -> dict[str, Any]:  # fmt: skip
    """Score all columns on all draws, and compare each with the learned relation."""
    seeds = range(1000, 1000 + n_seeds) if development else range(n_seeds)
    places = range(min(n_targets, len(tasks)))
    right = {
        column: np.array(
            [
                np.concatenate(
                    [
                        correct(tasks, p, column, per_class, drift, seed, development, **settings)
                        for p in places
                    ]
                )
                for seed in seeds
            ],
            dtype=float,
        )
        for column in columns
    }
    smallest = min(len(tasks[place].pool) for place in places)
    overlap = min(0.9, per_class * len(np.unique(tasks[0].y)) / smallest)
    ours = right[columns[-1]]
    return {
        "targets": [tasks[place].name for place in places],
        "training_rows_per_class": per_class,
        "drift": drift,
        "n_draws": len(seeds),
        "n_test": ours.shape[1],
        "accuracy": {c: round(100 * float(r.mean()), 2) for c, r in right.items()},
        "accuracy_per_draw": {
            c: [round(100 * float(v), 2) for v in r.mean(axis=1)] for c, r in right.items()
        },
        "learned_minus": {
            c: _interval(ours - r, overlap) for c, r in right.items() if c != columns[-1]
        },
    }


def _interval(differences: np.ndarray, overlap: float) -> dict[str, Any]:
    found = crossed_components_interval(differences, overlap=overlap)
    verdict = "not shown"
    if found.reason is None and found.excludes_zero:
        verdict = "ahead" if found.estimate > 0 else "behind"
    points = {name: round(100 * float(getattr(found, name)), 2) for name in
              ("estimate", "low", "high")}  # fmt: skip
    return {**points, "verdict": verdict}


def run(data: str | Path, mode: str = "quick") -> dict[str, Any]:
    """Measure all sets, without and with label drift.

    Parameters
    ----------
    data : path
        The folder with `digits`, `office_caltech_surf` and `ng20_counts.npz`, or its parent.
    mode : {"quick", "full"}
        One target a set and 5 draws, or all targets and 10 draws.
    """
    folder = Path(data) / "gap" if (Path(data) / "gap").is_dir() else Path(data)
    started = time.process_time()
    found: dict[str, Any] = {}
    for name, (load, per_class) in SETS.items():
        tasks = load(folder)
        for drift in (0.0, DRIFT):
            label = f"{name}, label drift" if drift else name
            found[label] = compare(tasks, per_class, drift, **MODES[mode])
            print(label, found[label]["accuracy"], flush=True)
    return {"mode": mode, "sets": found, "cpu_seconds": round(time.process_time() - started, 1)}


if __name__ == "__main__":
    import json

    print(json.dumps(run(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "quick"), indent=1))
