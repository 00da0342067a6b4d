"""What was learned on a source, kept in a process for fits that would learn the same again.

A key says everything that a model depends on, so a model that is found is the one that would be
learned: keeping it saves time and changes nothing.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

MOST_KEPT = 16

T = TypeVar("T")
_KEPT: OrderedDict[Hashable, object] = OrderedDict()


def kept(key: Hashable, learn: Callable[[], T]) -> T:
    """Return what is kept under a key, or learn and keep it; the least recently used goes first.

    Parameters
    ----------
    key : hashable
        All that the result depends on.
    learn : callable
        Called without arguments if nothing is kept.

    Examples
    --------
    >>> forget(); kept("a", lambda: 1), kept("a", lambda: 2)
    (1, 1)
    """
    if key not in _KEPT:
        _KEPT[key] = learn()
        while len(_KEPT) > MOST_KEPT:
            _KEPT.popitem(last=False)
    _KEPT.move_to_end(key)
    return _KEPT[key]  # type: ignore[return-value]


def forget() -> None:
    """Forget everything that is kept."""
    _KEPT.clear()
