"""Probes: the inputs on which all heads are compared, drawn from the tasks' own training rows.

Every task draws its share, evenly from its classes, so that rare classes are looked at. A row that
several tasks over one matrix draw is one probe that belongs to each of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from priorlift.core.arrays import fingerprint, missing_mask, to_vector
from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState, base_seed, derive_seed

PROBES = 512
MOST_STRATA = 50


@dataclass(frozen=True, eq=False)
class Probes:
    """Common probe rows.

    Attributes
    ----------
    rows : ndarray of shape (m, d)
        Features.
    names : tuple of str of length T
        The tasks.
    members : ndarray of bool, shape (T, m)
        Which task has drawn which probe.
    """

    rows: NDArray[Any]
    names: tuple[str, ...]
    members: NDArray[np.bool_]


def probe_rows(
    tasks: Mapping[str, tuple[Any, ArrayLike]],
    n_probes: int = PROBES,
    random_state: RandomState = 0,
) -> Probes:
    """Draw probes from the training rows of all tasks.

    Parameters
    ----------
    tasks : mapping of str to (X, y)
        Encoded training rows, an array or CSR matrix of shape (n, d), and labels of shape (n,);
        missing labels are passed over. Test rows have no place here.
    n_probes : int, default=512
        Probes at most, divided among the tasks; every task draws one at least.
    random_state : int, RandomState or None
        From it and from the tasks' contents the seeds derive: neither the names nor the order of
        the tasks change the rows.

    Returns
    -------
    Probes

    Raises
    ------
    InputError
        Fewer than two tasks, no common feature space, a task without labelled rows, or a feature
        that is not finite.

    Notes
    -----
    Our choice: classes drawn evenly (labels of more than 50 values at random). O(size of the
    features) for the fingerprints, each distinct matrix hashed once.
    """
    if len(tasks) < 2:
        raise InputError("there are no common probe rows of fewer than two tasks")
    widths = {name: int(X.shape[1]) for name, (X, _) in tasks.items()}
    if len(set(widths.values())) > 1:
        shown = ", ".join(f"{name!r} has {width}" for name, width in list(widths.items())[:4])
        raise InputError(
            f"there are no common probe rows: the tasks share no feature space ({shown} features)",
            remedy="encode all tasks with one encoder",
        )
    seed = base_seed(random_state)
    hashes: dict[int, str] = {}
    drawn: list[tuple[str, str, NDArray[np.intp]]] = []
    tables: dict[str, Any] = {}
    for name, (X, y) in tasks.items():
        content = hashes.setdefault(id(X), "") or fingerprint(X)
        hashes[id(X)] = content
        tables.setdefault(content, X)
        labels = to_vector(y)
        if len(labels) != X.shape[0]:
            raise InputError(f"{len(labels)} labels for {X.shape[0]} rows", where=f"task {name!r}")
        drawn.append(
            (
                content,
                fingerprint(labels),
                _draw(
                    labels,
                    name,
                    n_probes // len(tasks),
                    derive_seed(seed, "probes", content, fingerprint(labels)),
                ),
            )
        )
    rows, places = [], {}
    start = 0
    for content in sorted(tables):
        chosen = np.unique(np.concatenate([r for c, _, r in drawn if c == content]))
        places[content] = (start, chosen)
        start += len(chosen)
        block = tables[content][chosen]
        rows.append(np.asarray(block.toarray() if sparse.issparse(block) else block))
    members = np.zeros((len(tasks), start), dtype=bool)
    for task, (content, _, own) in enumerate(drawn):
        begin, chosen = places[content]
        members[task, begin + np.searchsorted(chosen, own)] = True
    stacked = np.concatenate(rows)
    stacked = stacked if stacked.dtype == np.float32 else stacked.astype(np.float64)
    finite = np.isfinite(stacked).all(axis=1)
    if not finite.all():
        task = int(members[:, int(np.argmin(finite))].argmax())
        raise InputError(
            "a feature is NaN or infinite",
            where=f"task {list(tasks)[task]!r}",
            remedy="impute missing values before scoring",
        )
    return Probes(stacked, tuple(tasks), members)


def _draw(labels: NDArray[Any], name: str, quota: int, seed: int) -> NDArray[np.intp]:
    rows = np.flatnonzero(~missing_mask(labels))
    if len(rows) == 0:
        raise InputError("there is no labelled row to probe with", where=f"task {name!r}")
    shuffled = np.random.default_rng(seed).permutation(rows)
    _, codes = np.unique(labels[shuffled].astype(str), return_inverse=True)
    if codes.max() < MOST_STRATA:
        # The first row of each class, then the second of each, until the quota is full.
        order = np.argsort(codes, kind="stable")
        firsts = np.searchsorted(codes[order], codes[order])
        turn = np.empty(len(order), dtype=np.intp)
        turn[order] = np.arange(len(order)) - firsts
        shuffled = shuffled[np.argsort(turn, kind="stable")]
    return np.sort(shuffled[: max(1, quota)])
