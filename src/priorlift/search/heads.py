"""Heads: the settings of a last step, grouped so that a family can solve each group at once."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from priorlift.core import registry
from priorlift.search.block import Block
from priorlift.search.plan import Candidate, Step, with_settings


@dataclass(frozen=True, eq=False)
class HeadGroup:
    """Candidates behind one chain whose last steps differ at most along a family's axis.

    Parameters
    ----------
    candidates : tuple of Candidate
        In the order of the grid.
    head : Step
        The last step before any setting.
    common : dict
        The settings that all of them share.
    settings : tuple of dict
        What remains: values along the axis, one dictionary a candidate, all with the same names.
    families : tuple of Family
        Those that solve this type of estimator; often none.
    """

    candidates: tuple[Candidate, ...]
    head: Step
    common: dict[str, Any]
    settings: tuple[dict[str, Any], ...]
    families: tuple[Any, ...]

    def estimator(self) -> Any:
        """Return an unfitted copy of the last step with the common settings on it."""
        return with_settings(self.head, self.common)

    @cached_property
    def unfitted(self) -> Any:
        """The same as `estimator()`, made once at most; only to be looked at."""
        return self.estimator() if self.common else self.head.estimator

    def choose(self, block: Block, paths: bool) -> tuple[Any | None, str]:
        """Return the family that solves the group on a block, or None and the reason.

        Parameters
        ----------
        block : Block
            What the last step sees.
        paths : bool
            Whether families that agree only to a solver's tolerance are allowed.
        """
        name = type(self.head.estimator).__name__
        if not self.families:
            return None, f"no family solves {name}"
        if len(self.candidates) < 2:
            return None, "one setting alone"
        estimator, reasons = self.estimator(), []
        for family in self.families:
            if getattr(family, "opt_in", False) and not paths:
                reasons.append(f"{family.name}: only with warm_start_paths=True")
                continue
            reason = family.declines(estimator, self.settings, block)
            if reason is None:
                return family, ""
            reasons.append(f"{family.name}: {reason}")
        return None, "; ".join(reasons)


def head_groups(candidates: Sequence[Candidate]) -> list[HeadGroup]:
    """Group candidates of one chain by last step, and by what lies off the family's axis.

    Notes
    -----
    O(candidates x settings).
    """
    groups: dict[tuple[Any, ...], list[Candidate]] = {}
    axes: dict[int, frozenset[str]] = {}
    for candidate in candidates:
        head, keys = candidate.head, candidate.setting_keys
        assert head is not None
        axis = axes.get(id(head))
        if axis is None:
            axis = axes[id(head)] = axis_of(head.kind)
        # Dense grids have thousands of candidates with nothing beside the axis.
        rest = _NOTHING if keys.keys() <= axis else frozenset(_beside(keys, axis))
        groups.setdefault((head.key, rest), []).append(candidate)
    return [_group(found) for found in groups.values()]


_NOTHING: frozenset[tuple[str, Any]] = frozenset()


def _beside(keys: Mapping[str, Any], axis: frozenset[str]) -> Iterator[tuple[str, Any]]:
    return (name_key for name_key in keys.items() if name_key[0] not in axis)


def _group(candidates: list[Candidate]) -> HeadGroup:
    head = candidates[0].head
    assert head is not None
    families, axis = families_for(head.kind), axis_of(head.kind)
    common = {n: v for n, v in candidates[0].settings.items() if n not in axis}
    given = {tuple(candidate.settings) for candidate in candidates}
    names = sorted({name for found in given for name in found if name in axis})
    # A candidate that does not set a parameter of the axis has the head's own value there.
    default = {name: getattr(head.estimator, name) for name in names}
    settings = tuple(
        {name: candidate.settings.get(name, default[name]) for name in names}
        for candidate in candidates
    )
    return HeadGroup(tuple(candidates), head, common, settings, families)


@cache
def families_for(kind: Hashable) -> tuple[Any, ...]:
    """Return the registered families that solve exactly this type of estimator."""
    found = []
    for name in registry.names("families"):
        family = registry.get("families", name)
        family = family() if isinstance(family, type) else family
        if kind in family.estimators:
            found.append(family)
    return tuple(found)


@cache
def axis_of(kind: Hashable) -> frozenset[str]:
    """Return the parameters that the families of a type solve at once."""
    return frozenset().union(*(family.axis for family in families_for(kind)))
