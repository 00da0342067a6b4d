"""Compare what the heads of many tasks look at: attribution features of all pairs of a family.

Each task has a ridge head in the common principal space, as a source on its source rows and as a
target on its few labelled rows. On common probes, rows of the targets, their attributions are
compared and standardised against heads that were trained on permuted labels, since one encoder
makes all heads alike to some degree.

After Pugantsov and McCreadie (ECIR 2022), who compared the activations of fine-tuned networks; here
the heads are linear, so that the attributions are exact and cost no backward pass.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError
from priorlift.core.seeds import derive_seed
from priorlift.ranking.attribution import LinearHead, attribute, attribution_pairs
from priorlift.ranking.labels import Floats
from priorlift.ranking.linear_source import PrincipalSpace, dense_columns
from priorlift.ranking.ridge import Scatter, leave_one_out
from priorlift.ranking.source_models import LearnedSource
from priorlift.ranking.view import TargetView

PROBES = 256
NULL_DRAWS = 4
FEATURES = ("attribution", "attribution_overlap")

Role = tuple[str, Floats, Floats]
"""A task in one role: role and name, its rows in the space, its label columns."""


def compare_attributions(
    sources: Sequence[LearnedSource],
    targets: Mapping[str, TargetView],
    space: PrincipalSpace,
    seed: int,
) -> dict[tuple[str, str], dict[str, float]]:
    """Return the attribution features of all pairs, by (target, source).

    Parameters
    ----------
    sources : sequence of LearnedSource
        In the common space.
    targets : mapping of str to TargetView
        Labelled rows of the targets, by name.
    space : PrincipalSpace
        Of all tasks.
    seed : int
        Of the probes and of the permutations.

    Returns
    -------
    dict of (str, str) to dict
        `attribution`: mean cosine of the attributions on the target probes; `attribution_overlap`:
        Jaccard index of the 5 % of the features with the largest mean |a|; both in standard
        deviations from heads of permuted labels. What cannot be told is not there: both where one
        head is constant, either where all permuted labels give the same.

    Raises
    ------
    InputError
        There are fewer than two heads.

    Notes
    -----
    O((S + T)² m d) for m <= 256 probes, times 2 x 4 + 1 draws.
    """
    roles: list[Role] = [(f"source {s.name}", s.linear.rows, _columns(s)) for s in sources]
    roles += [
        (f"target {name}", space.map(view.rows), view.columns) for name, view in targets.items()
    ]
    if len(roles) < 2:
        raise InputError("attributions are compared between two tasks or more")
    probes, owner = _probes(targets, seed)
    members = np.ones((len(roles), len(probes)), dtype=bool)
    members[len(sources) :] = owner[None] == np.arange(len(targets))[:, None]
    own = [_attributed(role, space, probes) for role in roles]
    found = attribution_pairs(own, members, _nulls(roles, space, probes, seed), FEATURES)
    return {
        (target, source.name): {
            name: float(found[name][i, len(sources) + j])
            for name in FEATURES
            if np.isfinite(found[name][i, len(sources) + j])
        }
        for j, target in enumerate(targets)
        for i, source in enumerate(sources)
    }


def _nulls(
    roles: Sequence[Role], space: PrincipalSpace, probes: Floats, seed: int
) -> Iterator[list[Floats]]:
    for draw in range(NULL_DRAWS):
        drawn = []
        for name, rows, columns in roles:
            generator = np.random.default_rng(derive_seed(seed, "null", str(draw), name))
            permuted = columns[generator.permutation(len(columns))]
            drawn.append(_attributed((name, rows, permuted), space, probes))
        yield drawn


def _attributed(role: Role, space: PrincipalSpace, probes: Floats) -> Floats:
    """Return the attributions of a role's ridge head, zeros where the head is constant."""
    _, rows, columns = role
    weights = leave_one_out(Scatter.of(rows, columns), rows, columns).weights
    directions = space.basis @ weights[:-1]
    head = LinearHead(directions, weights[-1] - space.mean @ directions)
    try:
        return attribute(head, probes).values
    except InputError:
        return np.zeros_like(probes)


def _probes(targets: Mapping[str, TargetView], seed: int) -> tuple[Floats, NDArray[np.intp]]:
    """Draw an equal share of the probes from each target, and say from which."""
    share = max(2, PROBES // max(len(targets), 1))
    drawn, owner = [], []
    for place, view in enumerate(targets.values()):
        n = view.rows.shape[0]
        generator = np.random.default_rng(derive_seed(seed, "probes", str(n)))
        chosen = np.sort(generator.choice(n, min(share, n), replace=False))
        rows = view.rows[chosen]
        drawn.append(np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows, dtype=float))
        owner.append(np.full(len(chosen), place))
    return np.concatenate(drawn), np.concatenate(owner)


def _columns(source: LearnedSource) -> Floats:
    return dense_columns(source.linear.labels)
