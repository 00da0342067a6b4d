"""Units of work: which candidates are evaluated together, on which fold.

A unit is one fold with all candidates that begin with the same transformer, because whatever they
share is then fitted in one place. Where there would be fewer units than the workers need, units are
cut between settings that are solved apart, at the price of fitting their common beginning again.
Candidates with nothing to share are units of their own, as in scikit-learn.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from priorlift.search.families.pca import shared_fit_key
from priorlift.search.fold import alone_reason
from priorlift.search.heads import head_groups
from priorlift.search.moments import solves
from priorlift.search.plan import Candidate, Step
from priorlift.search.prefix_tree import Node, grow
from priorlift.search.work import Unit

Split = tuple[Any, Any]


def units_of(
    candidates: Sequence[Candidate],
    splits: Sequence[Split],
    wanted: int = 1,
    chunk: int = 1,
    moments: bool = False,
) -> list[Unit]:
    """Divide a search into units.

    Parameters
    ----------
    candidates : sequence of Candidate
        All of them.
    splits : sequence of (train, test)
        Rows of each fold.
    wanted : int
        How many units the workers would like; more may come.
    chunk : int
        How many candidates with nothing to share make a unit.
    moments : bool
        Whether the second-moment engine is there; what it solves in a fold shares decompositions
        and is not cut.

    Returns
    -------
    list of Unit
        Every candidate on every fold, once.
    """
    by_prefix: dict[str, list[Candidate]] = {}
    apart: list[Candidate] = []
    for candidate in candidates:
        if alone_reason(candidate):
            apart.append(candidate)
        else:
            first = _beginning(candidate.chain[0]) if candidate.chain else ""
            by_prefix.setdefault(first, []).append(candidate)
    n_together = max(len(by_prefix) * len(splits), 1)
    pieces = -(-wanted // n_together)
    together = [part for found in by_prefix.values() for part in _cut(found, pieces, moments)]
    chunks = [apart[start : start + chunk] for start in range(0, len(apart), chunk)]
    return [
        Unit(fold, train, test, part)
        for parts in (together, chunks)
        for part in parts
        for fold, (train, test) in enumerate(splits)
    ]


def _beginning(step: Step) -> str:
    """Return what first steps have in common that are fitted together."""
    shared = shared_fit_key(step.estimator)
    return step.key if shared is None else f"{step.name} {shared}"


def _cut(candidates: list[Candidate], pieces: int, moments: bool) -> list[list[Candidate]]:
    if pieces == 1:
        return [candidates]
    atoms = [atom for leaf in _leaves(grow(candidates)) for atom in _atoms(leaf)]
    if moments:
        by_moments = [atom for atom in atoms if atom[0].head and solves(atom[0].head.kind)]
        others = [atom for atom in atoms if not (atom[0].head and solves(atom[0].head.kind))]
        joined = [candidate for atom in by_moments for candidate in atom]
        atoms = [joined, *others] if joined else others
    bounds = np.linspace(0, len(atoms), min(pieces, len(atoms)) + 1).round().astype(int)
    return [
        [candidate for atom in atoms[start:stop] for candidate in atom]
        for start, stop in pairwise(bounds)
    ]


def _leaves(node: Node) -> list[list[Candidate]]:
    found = [node.candidates] if node.candidates else []
    for child in node.children.values():
        found.extend(_leaves(child))
    return found


def _atoms(leaf: Sequence[Candidate]) -> list[list[Candidate]]:
    """Return what may not be cut: the settings that a family solves at once."""
    atoms: list[list[Candidate]] = []
    for group in head_groups(leaf):
        # A path that runs only on request loses little where it is cut.
        solved = any(not getattr(family, "opt_in", False) for family in group.families)
        if solved and len(group.candidates) > 1:
            atoms.append(list(group.candidates))
        else:
            atoms.extend([candidate] for candidate in group.candidates)
    return atoms
