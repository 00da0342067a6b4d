"""The truth: every ordered pair trained with a transfer method of the library, and no transfer.

A score is the F1 of the positive class on the target's test rows. Sources of a seed are the same
for all targets, training rows of a target the same for all sources; every seed is kept.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.metrics import f1_score

from priorlift import SourcePool

DIGITS = 5


@dataclass(frozen=True, eq=False)
class Truth:
    """Scores and CPU seconds, shape (T targets, T sources + 1, seeds); the last is no transfer."""

    family: str
    method: str
    size: int
    names: list
    scores: np.ndarray
    seconds: np.ndarray

    @property
    def gains(self):
        """Lift of each pair over no transfer, shape (T, T, seeds); NaN on the diagonal."""
        return self.scores[:, :-1] - self.scores[:, -1:]

    def write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        path = file_of(folder, self.family, self.method, self.size)
        values = {"scores": self.scores, "seconds": self.seconds}
        document = {
            **{name: getattr(self, name) for name in ("family", "method", "size", "names")},
            **{name: _rounded(array) for name, array in values.items()},
        }
        path.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path):
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        arrays = {name: np.array(document.pop(name), dtype=float) for name in ("scores", "seconds")}
        return cls(**document, **arrays)


def file_of(folder, family, method, size):
    return folder / f"{family}-{method}-{size}.json"


def train_all(family, method, estimator, size, seeds, n_jobs=2):
    """Train all pairs of a family at one label budget."""
    pools = {
        seed: [task.source(seed, family.source_rows) for task in family.tasks] for seed in seeds
    }
    jobs = [
        delayed(_train_target)(task, place, pools[seed], estimator, size, seed)
        for seed in seeds
        for place, task in enumerate(family.tasks)
    ]
    found = Parallel(n_jobs=n_jobs)(jobs)
    shape = (len(seeds), len(family.tasks), len(family.tasks) + 1)
    scores, seconds = (
        np.array([row[part] for row in found]).reshape(shape).transpose(1, 2, 0) for part in (0, 1)
    )
    return Truth(family.name, method, size, family.names, scores, seconds)


def _train_target(task, place, pool, estimator, size, seed):
    target = task.target(size, seed)
    arms = [SourcePool([source]) for source in pool] + [None]
    rows = [
        (np.nan, np.nan) if arm == place else train(estimator, target, task, sources, seed)
        for arm, sources in enumerate(arms)
    ]
    return tuple(zip(*rows, strict=True))


def train(estimator, target, task, sources, seed):
    """Return the F1 on the target's test rows and the CPU seconds of one fit."""
    start = time.process_time()
    model = clone(estimator).set_params(random_state=seed)
    model.fit(target.X, target.y, sources=sources)
    predicted = model.predict(task.X_test)
    return f1_score(task.y_test, predicted, zero_division=0.0), time.process_time() - start


def _rounded(array):
    return [
        [[None if np.isnan(v) else round(float(v), DIGITS) for v in row] for row in rows]
        for rows in array
    ]
