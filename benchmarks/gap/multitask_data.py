"""Three sets of related tasks with shared classes, from public files: digits, newsgroups, objects.

Each task's rows are cut once, stratified, into a test part, a development part and a pool from
which training rows are drawn. Settings are chosen on the development part; the test part is only
ever scored. Features are computed without labels, on all rows of a set.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from scipy.io import loadmat
from scipy.sparse.linalg import svds
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


@dataclass(frozen=True)
class Task:
    """Rows of one task: a pool to draw from, a development part and a test part."""

    name: str
    X: np.ndarray
    y: np.ndarray
    pool: np.ndarray
    development: np.ndarray
    test: np.ndarray


def digits(data: Path) -> list[Task]:
    """Return USPS, MNIST (2,000 rows) and scikit-learn's digits at 8 x 8 pixels in [0, 1]."""
    import h5py

    with h5py.File(data / "digits" / "usps.h5") as file:
        usps = np.array(file["train"]["data"]), np.array(file["train"]["target"])
    with h5py.File(data / "digits" / "MNIST_vs_USPS.mat") as file:
        mnist = np.array(file["Xs"]), np.array(file["Ys"]).ravel() - 1
    mnist = (mnist[0].T if mnist[0].shape[0] == 256 else mnist[0]), mnist[1]
    small = load_digits()
    return _cut(
        {
            "USPS": (_halved(usps[0]), usps[1].astype(int)),
            "MNIST": (_halved(mnist[0]), mnist[1].astype(int)),
            "digits 8x8": (small.data / 16.0, small.target),
        }
    )


def newsgroups(data: Path) -> list[Task]:
    """Return four tasks of four classes: one newsgroup of comp, rec, sci and talk in each task."""
    kept = np.load(data / "ng20_counts.npz", allow_pickle=False)
    counts = sp.csr_matrix((kept["data"], kept["indices"], kept["indptr"]), shape=kept["shape"])
    y = kept["y"].astype(int)
    groups = {"comp": (1, 2, 3, 4), "rec": (7, 8, 9, 10), "sci": (11, 12, 13, 14)}
    groups["talk"] = (16, 17, 18, 19)
    rows = np.flatnonzero(np.isin(y, sum(groups.values(), ())))
    binary = (counts[rows] > 0).astype(float)
    _, unique = np.unique([hash(row.indices.tobytes()) for row in binary], return_index=True)
    rows, binary = rows[np.sort(unique)], binary[np.sort(unique)]
    binary = binary[:, np.asarray(binary.sum(axis=0)).ravel() >= 3]
    left = svds(binary, k=100, rng=np.random.default_rng(0))[0] * np.sqrt(len(rows))
    labels = np.array(list(groups))
    tasks = {}
    for place in range(4):
        wanted = [numbers[place] for numbers in groups.values()]
        chosen = np.isin(y[rows], wanted)
        codes = np.array([wanted.index(g) for g in y[rows][chosen]])
        tasks[f"groups {place + 1}"] = (left[chosen], labels[codes])
    return _cut(tasks)


def objects(data: Path) -> list[Task]:
    """Return the domains of Office-Caltech: 60 principal directions of z-scored SURF counts."""
    found = {}
    for name in ("amazon", "caltech10", "webcam", "dslr"):
        kept = loadmat(data / "office_caltech_surf" / f"{name}.mat")
        X = kept["fts"].astype(float)
        X = X / X.sum(axis=1, keepdims=True)
        X = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-12)
        found[name] = (X, kept["labels"].ravel().astype(int))
    stacked = np.vstack([X for X, _ in found.values()])
    directions = svds(stacked, k=60, rng=np.random.default_rng(0))[2].T
    scale = (stacked @ directions).std(axis=0).mean()
    return _cut({name: (X @ directions / scale, y) for name, (X, y) in found.items()})


def drawn(task: Task, per_class: int, seed: int) -> np.ndarray:
    """Return training rows: so many of each class, out of the pool."""
    draws = np.random.default_rng([seed, *task.name.encode()])
    rows = [
        draws.permutation(task.pool[task.y[task.pool] == label])[:per_class]
        for label in np.unique(task.y)
    ]
    return np.concatenate(rows)


def drifted(task: Task, place: int, n_tasks: int, rows: np.ndarray, share: float) -> np.ndarray:
    """Drop a share of the rows of a block of classes, another block in each task; one row stays."""
    block = np.array_split(np.unique(task.y), n_tasks)[place]
    kept = []
    for label in np.unique(task.y):
        of_class = rows[task.y[rows] == label]
        n = max(1, round((1 - share) * len(of_class))) if label in block else len(of_class)
        kept.append(of_class[:n])
    return np.concatenate(kept)


def _halved(images: np.ndarray) -> np.ndarray:
    return images.reshape(-1, 8, 2, 8, 2).mean(axis=(2, 4)).reshape(-1, 64)


def _cut(tasks: dict[str, tuple[np.ndarray, np.ndarray]]) -> list[Task]:
    # Test parts of one size, so that each task counts the same.
    size = min(300, min(len(y) for _, y in tasks.values()) // 3)
    found = []
    for name, (X, y) in tasks.items():
        rest, test = train_test_split(np.arange(len(y)), test_size=size, stratify=y, random_state=0)
        pool, development = train_test_split(rest, test_size=size, stratify=y[rest], random_state=1)
        found.append(Task(name, X, y, pool, development, np.sort(test)))
    return found
