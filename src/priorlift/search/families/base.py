"""What a family is: a small class that solves all settings along one axis of an estimator at once.

A search asks a family only about estimators of its exact types (a subclass may override anything).
The family may decline, and in doubt it does: a plain fit of every setting then runs, which is
always right. What it answers must be what the estimator's own fit would predict.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from priorlift.search.answers import Answers
from priorlift.search.block import Block

Settings = Sequence[Mapping[str, Any]]


@runtime_checkable
class Family(Protocol):
    """Solves settings along an axis; registered under the entry points `priorlift.families`.

    Attributes
    ----------
    name : str
        As `shared_work_` shows it.
    estimators : tuple of type
        The exact types that it solves.
    axis : frozenset of str
        The parameters whose values are solved at once.

    Notes
    -----
    A family may have an attribute `opt_in`; where it is true, its answers agree with single fits to
    the solver's tolerance only, and it runs only if the search was told so.
    """

    name: str
    estimators: tuple[type, ...]
    axis: frozenset[str]

    def declines(self, estimator: Any, settings: Settings, block: Block) -> str | None:
        """Return why the settings will not be solved; None if they will.

        Parameters
        ----------
        estimator : estimator
            Unfitted, with all parameters off the axis set.
        settings : sequence of mappings
            Values along the axis, one mapping a setting.
        block : Block
            What the estimator would be fitted and judged on.
        """
        ...

    def answers(self, estimator: Any, settings: Settings, block: Block) -> Iterator[Answers]:
        """Give the settings' predictions in their order, in chunks that bound memory.

        Parameters
        ----------
        estimator, settings, block
            As for `declines`, which has accepted them.

        Notes
        -----
        Ending before all settings are answered, or raising, hands all of them to plain fits.
        """
        ...
