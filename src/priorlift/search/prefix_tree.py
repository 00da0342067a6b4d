"""The prefix tree: chains of steps that begin alike share their beginning, fitted once in a fold.

The root holds the rows of one fold. Every node clones its transformer, fits it on what its parent
gives, and passes on both sides. The tree is walked depth-first and a node's rows are let go after
its last child, so what is held at once is the sum along one path; it is measured on the way.

A node whose transformer draws random numbers without an integer seed is fitted for every candidate
below it, as if nothing were shared. Several `PCA` that differ only in their number of components
are cut from one fit of the largest (`families.pca`), where that is exactly what each would give.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sklearn.base import clone

from priorlift.search.families.pca import fit_largest, shared_fit_key
from priorlift.search.memory import MemoryRefusedError, Meter
from priorlift.search.plan import Candidate, Step
from priorlift.search.sharing import is_stochastic, may_write, own_copy

StepParams = Callable[[Step], Mapping[str, Mapping[str, Any]]]


@dataclass(eq=False)
class Node:
    """A prefix: its last step, what may follow, and the candidates whose chain ends here."""

    step: Step | None = None
    children: dict[tuple[str, str], "Node"] = field(default_factory=dict)
    candidates: list[Candidate] = field(default_factory=list)

    def below(self) -> list[Candidate]:
        """Return all candidates here and further down, in the order in which they are reached."""
        found = list(self.candidates)
        for child in self.children.values():
            found.extend(child.below())
        return found

    def n_nodes(self) -> int:
        """Return how many transformers stand here and further down."""
        return (self.step is not None) + sum(c.n_nodes() for c in self.children.values())

    def depth(self) -> int:
        """Return the number of transformers on the longest path."""
        deepest = max((child.depth() for child in self.children.values()), default=0)
        return (self.step is not None) + deepest


@dataclass(frozen=True, eq=False)
class Leaf:
    """Candidates with one chain in common, and the rows behind it.

    Parameters
    ----------
    candidates : sequence of Candidate
        Their settings of the last step are still to be solved.
    transformers : tuple of (str, fitted transformer)
        The chain.
    X_train, X_test : array-like or None
        The rows behind the chain.
    seconds : float
        Each candidate's share of the time that the chain took.
    error : Exception, optional
        What a transformer of the chain raised; there are no rows then.
    """

    candidates: Sequence[Candidate]
    transformers: tuple[tuple[str, Any], ...] = ()
    X_train: Any = None
    X_test: Any = None
    seconds: float = 0.0
    error: Exception | None = None


def grow(candidates: Sequence[Candidate], marked: Callable[[Step], str] = lambda step: "") -> Node:
    """Build the tree of the candidates' chains.

    Parameters
    ----------
    candidates : sequence of Candidate
        With chains.
    marked : callable
        What tells a step from an equal one besides its content: the metadata that its name is
        given.

    Notes
    -----
    O(candidates x steps).
    """
    root = Node()
    ends: dict[int, Node] = {}
    for candidate in candidates:
        # Candidates of one chain hold the same tuple, so most of them are placed at once.
        node = ends.get(id(candidate.chain))
        if node is None:
            node = ends[id(candidate.chain)] = _end(root, candidate.chain or (), marked)
        node.candidates.append(candidate)
    return root


def _end(root: Node, chain: Sequence[Step], marked: Callable[[Step], str]) -> Node:
    node = root
    for step in chain:
        key = (step.key, marked(step))
        if key not in node.children:
            node.children[key] = Node(step)
        node = node.children[key]
    return node


class Walk:
    """Fits the transformers of a tree on one fold.

    Parameters
    ----------
    y : array-like or None
        Targets of the training rows.
    step_params : callable
        What a step's `fit`, `fit_transform` and `transform` are given beside X and y.
    meter : Meter
        Counts what is held.

    Attributes
    ----------
    n_fits : int
        Transformers fitted so far.
    """

    def __init__(self, y: Any, step_params: StepParams, meter: Meter) -> None:
        self._y = y
        self._step_params = step_params
        self._meter = meter
        self.n_fits = 0

    def leaves(self, root: Node, X_train: Any, X_test: Any) -> Iterator[Leaf]:
        """Give the leaves depth-first; each one's rows are valid until the next is asked for.

        Parameters
        ----------
        root : Node
            From `grow`.
        X_train, X_test : array-like
            The rows of the fold.

        Raises
        ------
        MemoryRefusedError
            The meter's limit is passed.
        """
        yield from self._below(root, Leaf(root.candidates, (), X_train, X_test))

    def _below(self, node: Node, here: Leaf) -> Iterator[Leaf]:
        if node.candidates:
            yield here
        children = list(node.children.values())
        for siblings in _sharing_a_fit(children):
            if len(siblings) > 1:
                yield from self._sliced(siblings, here)
            else:
                yield from self._child(siblings[0], here)

    def _child(self, node: Node, parent: Leaf) -> Iterator[Leaf]:
        assert node.step is not None
        candidates = node.below()
        if len(candidates) > 1 and is_stochastic(node.step.estimator, parent.X_train):
            for candidate in candidates:
                yield from self._fitted(_alone(node, candidate), parent)
        else:
            yield from self._fitted(node, parent)

    def _fitted(self, node: Node, parent: Leaf) -> Iterator[Leaf]:
        assert node.step is not None
        start = time.perf_counter()
        candidates = node.below()
        try:
            transformer, X_train, X_test = self._fit(node.step, parent.X_train, parent.X_test)
        except Exception as error:
            spent = time.perf_counter() - start
            yield Leaf(candidates, seconds=parent.seconds + spent / len(candidates), error=error)
            return
        spent = time.perf_counter() - start
        yield from self._held(node, parent, transformer, X_train, X_test, spent)

    def _held(
        self, node: Node, parent: Leaf, transformer: Any, X_train: Any, X_test: Any, spent: float
    ) -> Iterator[Leaf]:
        """Go on below a fitted node, its rows counted as held meanwhile."""
        assert node.step is not None
        name = node.step.name
        size = self._meter.hold(X_train, X_test, who=f"step {name!r}")
        seconds = parent.seconds + spent / len(node.below())
        transformers = (*parent.transformers, (name, transformer))
        here = Leaf(node.candidates, transformers, X_train, X_test, seconds)
        try:
            yield from self._below(node, here)
        finally:
            self._meter.release(size)

    def _fit(self, step: Step, X_train: Any, X_test: Any) -> tuple[Any, Any, Any]:
        transformer = clone(step.estimator)
        params = self._step_params(step)
        if may_write(transformer):
            X_train, X_test = own_copy(X_train), own_copy(X_test)
        self.n_fits += 1
        if hasattr(transformer, "fit_transform"):
            train = transformer.fit_transform(X_train, self._y, **params.get("fit_transform", {}))
        else:
            fitted = transformer.fit(X_train, self._y, **params.get("fit", {}))
            train = fitted.transform(X_train, **params.get("transform", {}))
        return transformer, train, transformer.transform(X_test)

    def _sliced(self, siblings: Sequence[Node], parent: Leaf) -> Iterator[Leaf]:
        """Fit the PCA with the most components once and cut the others from it."""
        steps = [node.step for node in siblings if node.step is not None]
        start = time.perf_counter()
        largest = None
        if not any(self._step_params(step) for step in steps):
            try:
                largest = fit_largest([s.estimator for s in steps], parent.X_train, parent.X_test)
            except Exception:
                # Each is fitted alone then, and shows its own error.
                largest = None
        if largest is None:
            for node in siblings:
                yield from self._child(node, parent)
            return
        self.n_fits += 1
        shared = (time.perf_counter() - start) / len(siblings)
        size = self._meter.hold(*largest.held, who="PCA")
        try:
            for node, step in zip(siblings, steps, strict=True):
                start = time.perf_counter()
                transformer, X_train, X_test = largest.slice(step.estimator)
                spent = shared + time.perf_counter() - start
                yield from self._held(node, parent, transformer, X_train, X_test, spent)
        finally:
            self._meter.release(size)


def _alone(node: Node, candidate: Candidate) -> Node:
    """Return the part of a node's subtree that leads to one candidate."""
    found = Node(node.step)
    if candidate in node.candidates:
        found.candidates = [candidate]
        return found
    for key, child in node.children.items():
        if candidate in child.below():
            found.children[key] = _alone(child, candidate)
            break
    return found


def _sharing_a_fit(children: Sequence[Node]) -> list[list[Node]]:
    """Group siblings that one fit may serve: PCAs that differ in their number of components."""
    groups: dict[Any, list[Node]] = {}
    for position, child in enumerate(children):
        assert child.step is not None
        key = shared_fit_key(child.step.estimator)
        groups.setdefault(position if key is None else ("pca", key), []).append(child)
    return list(groups.values())


__all__ = ["Leaf", "MemoryRefusedError", "Node", "Walk", "grow"]
