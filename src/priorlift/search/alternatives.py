"""Alternatives: a pipeline with several options at each step, as a pipeline and a grid.

A step that offers options is an OR: each candidate takes one of them. A `Join` is an AND: its
branches run side by side on the same rows and their columns are put together, every branch with
options of its own. An option may bring a grid for its own parameters. What comes out is plain
scikit-learn: a `Pipeline` and a list of grids, for `SharedSearchCV` or any other search.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from sklearn.pipeline import FeatureUnion, Pipeline

from priorlift.core.errors import InputError
from priorlift.search.plan import is_nothing

Grid = dict[str, list[Any]]


@dataclass(frozen=True)
class Option:
    """An estimator with a grid for its own parameters.

    Parameters
    ----------
    estimator : estimator
        The option.
    grid : mapping of str to list
        Values of its parameters, by their plain names.
    """

    estimator: Any
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Join:
    """Branches on the same rows whose columns are joined, each with options of its own.

    Parameters
    ----------
    *branches : (str, options)
        As the steps of `Alternatives`; the option None leaves a branch out.
    """

    branches: tuple[tuple[str, Any], ...]

    def __init__(self, *branches: tuple[str, Any]) -> None:
        object.__setattr__(self, "branches", branches)


class Alternatives:
    """Steps with options, as a pipeline and a grid.

    Parameters
    ----------
    steps : sequence of (str, options)
        For each step its name and an estimator, or a list of options: estimators, `Option`,
        `Join`, and None or "passthrough" for leaving the step out.

    Attributes
    ----------
    pipeline : Pipeline
        With the first option at every step.
    param_grid : list of dict
        Grids that together hold every combination, once.

    Raises
    ------
    InputError
        A step has no options, or two have the same name.

    Examples
    --------
    >>> from sklearn.linear_model import RidgeClassifier
    >>> from sklearn.preprocessing import MinMaxScaler, StandardScaler
    >>> graph = Alternatives(
    ...     [("scale", [StandardScaler(), MinMaxScaler(), None]),
    ...      ("head", [Option(RidgeClassifier(), {"alpha": [0.1, 1.0]})])])
    >>> len(graph), [name for name, _ in graph.pipeline.steps]
    (6, ['scale', 'head'])
    """

    def __init__(self, steps: Sequence[tuple[str, Any]]) -> None:
        parts = [_Part(name, options) for name, options in steps]
        _refuse_twins([part.name for part in parts])
        self.pipeline = Pipeline([(part.name, part.first) for part in parts])
        self.param_grid = _combined([part.grids for part in parts])

    def __len__(self) -> int:
        """Return how many candidates the grid has."""
        from sklearn.model_selection import ParameterGrid

        return len(ParameterGrid(self.param_grid))


class _Part:
    """One step or branch: its first option, and grids over all of them."""

    def __init__(self, name: str, options: Any, nothing: str = "passthrough") -> None:
        listed = list(options) if isinstance(options, list | tuple) else [options]
        if not listed:
            raise InputError(
                "has no options", where=f"step {name!r}", remedy="give it at least one"
            )
        self.name = name
        resolved = [_resolved(option, nothing) for option in listed]
        self.first = resolved[0][0]
        plain = [estimator for estimator, grids in resolved if grids == [{}]]
        self.grids: list[Grid] = []
        if plain:
            # A step without a choice needs no column in the table of results.
            self.grids.append({} if len(listed) == 1 else {name: plain})
        for estimator, grids in resolved:
            if grids != [{}]:
                self.grids += [
                    {name: [estimator], **{f"{name}__{sub}": v for sub, v in grid.items()}}
                    for grid in grids
                ]


def _resolved(option: Any, nothing: str) -> tuple[Any, list[Grid]]:
    """Return an option as an estimator and the grids over what is open in it."""
    if isinstance(option, Join):
        parts = [_Part(name, options, "drop") for name, options in option.branches]
        _refuse_twins([part.name for part in parts])
        union = FeatureUnion([(part.name, part.first) for part in parts])
        return union, _combined([part.grids for part in parts])
    if isinstance(option, Option):
        return option.estimator, [{name: list(values) for name, values in option.grid.items()}]
    return (nothing if is_nothing(option) else option), [{}]


def _combined(grids: Sequence[list[Grid]]) -> list[Grid]:
    return [{k: v for grid in chosen for k, v in grid.items()} for chosen in product(*grids)]


def _refuse_twins(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two steps have the name {name!r}", remedy="give each its own")
