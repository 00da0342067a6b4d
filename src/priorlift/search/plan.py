"""The plan: which candidates there are, and what each of them is as a chain of steps.

Nothing is expanded before its size is known: a grid that multiplies to more candidates than a table
can hold is refused with the number. A candidate of a plain `Pipeline` becomes the chain of its
transformers and the settings of its last step; equal steps become one object, so that the tree of
shared beginnings can be built by looking at keys alone. What cannot be taken apart safely keeps the
reason, and is fitted whole, as scikit-learn does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sklearn.base import clone
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.core.memory import available_memory, readable
from priorlift.search.keys import by_identity, digest

# What a candidate takes in the table of results: its dictionary, its row in every column.
BYTES_A_CANDIDATE = 1_000
_MISSING = object()


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a pipeline with its parameters set, not fitted.

    Parameters
    ----------
    name : str
        Its name in the pipeline.
    key : str
        Digest of its content.
    estimator : estimator
        To be cloned before it is fitted.
    """

    name: str
    key: str
    estimator: Any

    @property
    def kind(self) -> Any:
        """The estimator's exact class."""
        return type(self.estimator)

    @cached_property
    def reads_distances(self) -> bool:
        """Whether it reads distances between rows."""
        return is_pairwise(self.estimator)


@dataclass(frozen=True, eq=False)
class Candidate:
    """One setting of the search.

    Parameters
    ----------
    index : int
        Its row in `cv_results_`.
    params : mapping of str to object
        As `cv_results_["params"]` shows it.
    chain : tuple of Step, or None
        The steps before the last, without those that pass everything through; None where the
        candidate is fitted whole.
    head : Step, optional
        The last step before `settings` are set on it.
    settings : mapping of str to object
        Parameters of the last step that the search sets.
    setting_keys : mapping of str to str
        Their digests.
    reason : str
        Why the candidate is fitted whole; empty where it is not.
    """

    index: int
    params: Mapping[str, Any]
    chain: tuple[Step, ...] | None = None
    head: Step | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    setting_keys: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


def expand(param_grid: Any, n_iter: int | None, random_state: Any) -> list[dict[str, Any]]:
    """Return the candidates' parameters in scikit-learn's order.

    Parameters
    ----------
    param_grid : dict or list of dicts
        Lists of values; with `n_iter` also distributions.
    n_iter : int or None
        How many candidates are drawn; None takes the whole grid.
    random_state : int, RandomState or None
        For drawing.

    Raises
    ------
    InputError
        The grid multiplies to more candidates than memory can hold.

    Notes
    -----
    O(candidates); a drawn sample of a huge grid of lists is never expanded.

    Examples
    --------
    >>> expand({"a": [1, 2]}, None, None)
    [{'a': 1}, {'a': 2}]
    """
    if n_iter is not None:
        return list(ParameterSampler(param_grid, n_iter, random_state=random_state))
    grid = ParameterGrid(param_grid)
    n_candidates, memory = _exact_size(grid), available_memory()
    needed = n_candidates * BYTES_A_CANDIDATE
    if needed > memory:
        raise InputError(
            f"the grid multiplies to {n_candidates:,} candidates, whose results alone take about "
            f"{readable(needed)}; there are {readable(memory)}",
            cause="every value of every parameter is combined with every other",
            remedy="set n_iter to draw that many candidates from it, or thin out the lists",
        )
    return list(grid)


def _exact_size(grid: ParameterGrid) -> int:
    total = 0
    for part in grid.param_grid:
        product = 1
        for values in part.values():
            product *= len(values)
        total += product
    return total


def candidates_of(
    estimator: Any, params: Sequence[Mapping[str, Any]], first: int = 0
) -> list[Candidate]:
    """Take every candidate apart into its chain, its last step and that step's settings.

    Parameters
    ----------
    estimator : estimator
        The search's estimator.
    params : sequence of mappings
        The candidates' parameters.
    first : int
        Row of the first of them.

    Raises
    ------
    UnknownNameError
        A parameter or step that the estimator does not have; the message gives the closest one.
    """
    check_names(estimator, params)
    reason = whole_reason(estimator)
    if reason:
        return [Candidate(i, p, reason=reason) for i, p in enumerate(params, first)]
    split = (
        _PipelineSplitter(estimator) if type(estimator) is Pipeline else _HeadSplitter(estimator)
    )
    return [split.candidate(index, given) for index, given in enumerate(params, first)]


def check_names(estimator: Any, params: Iterable[Mapping[str, Any]]) -> None:
    """Refuse parameter names that the estimator does not know, before anything is fitted.

    Raises
    ------
    UnknownNameError
        With the closest known name. Names below a step that the search replaces are left to
        scikit-learn, because they depend on what the step is replaced with.
    """
    if not hasattr(estimator, "get_params"):
        return
    known: set[str] | None = None
    for given in {tuple(given): given for given in params}.values():
        if known is None:
            known = set(estimator.get_params(deep=True))
        for name, value in given.items():
            above = name.split("__")
            replaced = any("__".join(above[:n]) in given for n in range(1, len(above)))
            if name not in known and not replaced:
                _refuse_unknown(estimator, name, value, known)


def _refuse_unknown(estimator: Any, name: str, value: Any, known: set[str]) -> None:
    """Refuse a name that `get_params` does not list, unless the estimator takes it all the same."""
    try:
        clone(estimator).set_params(**{name: clone(value, safe=False)})
    except (ValueError, AttributeError, TypeError) as error:
        raise UnknownNameError("parameter", name, _near(name, known)) from error


def _near(name: str, known: set[str]) -> Iterable[str]:
    # A wrong step is answered with steps, a wrong parameter of a right step with its parameters.
    step, found, _ = name.partition("__")
    if found and step not in known:
        rest = name[len(step) :]
        steps = {other.partition("__")[0] for other in known if "__" in other}
        return {f"{other}{rest}" for other in steps if f"{other}{rest}" in known} or steps
    return {other for other in known if other.startswith(f"{step}__") == bool(found)}


def whole_reason(estimator: Any) -> str:
    """Return why an estimator must be fitted whole, as scikit-learn does; empty if it need not."""
    from sklearn import get_config

    if get_config()["array_api_dispatch"]:
        return "array API dispatch is on"
    if not hasattr(estimator, "get_params"):
        return "it has no parameters that can be read"
    if isinstance(estimator, Pipeline) and type(estimator) is not Pipeline:
        return f"{type(estimator).__name__} may fit its steps in another way than Pipeline"
    if type(estimator) is Pipeline:
        if estimator.transform_input is not None:
            return "the pipeline transforms metadata (transform_input)"
        if estimator.verbose:
            return "the pipeline reports its steps (verbose)"
    return ""


def is_nothing(step: Any) -> bool:
    """Tell whether a step of a pipeline passes everything through."""
    return step is None or (isinstance(step, str) and step == "passthrough")


class _Values:
    """Digests of parameter values, each computed once for an object however often it occurs."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, str]] = {}

    def key(self, value: Any) -> str:
        found = self._known.get(id(value))
        if found is None:
            # The value is kept, so that its place in memory is not given to another one.
            found = self._known[id(value)] = (value, digest(value, by_identity))
        return found[1]


_Parts = tuple[tuple[Step, ...] | None, Step | None, str]


class _HeadSplitter:
    """Candidates of an estimator that is no pipeline: the chain is empty."""

    def __init__(self, estimator: Any) -> None:
        self._values = _Values()
        self._head = Step("", digest(estimator), estimator)

    def candidate(self, index: int, params: Mapping[str, Any]) -> Candidate:
        keys = {name: self._values.key(value) for name, value in params.items()}
        return Candidate(index, params, (), self._head, params, keys)


class _PipelineSplitter:
    """Candidates of a `Pipeline`; equal steps become one object."""

    def __init__(self, pipeline: Pipeline) -> None:
        pipeline_steps = pipeline.steps
        self._base = dict(pipeline_steps)
        self._names = [name for name, _ in pipeline_steps]
        self._values = _Values()
        self._steps: dict[tuple[Any, ...], Step | None] = {}
        self._by_key: dict[tuple[str, str], Step] = {}
        self._chains: dict[tuple[Any, ...], tuple[Step, ...]] = {}
        self._seen: dict[tuple[Any, ...], tuple[Mapping[str, Any], _Parts]] = {}

    def candidate(self, index: int, params: Mapping[str, Any]) -> Candidate:
        below_head, settings, others = f"{self._names[-1]}__", {}, []
        for name, value in params.items():
            if name.startswith(below_head):
                settings[name[len(below_head) :]] = value
            else:
                others.append((name, id(value)))
        # A grid combines the same objects over and over. They are kept with the answer, so that
        # their places in memory are not given to others.
        seen = self._seen.get(tuple(others))
        if seen is None:
            seen = self._seen[tuple(others)] = (params, self._parts(params))
        chain, head, reason = seen[1]
        if reason:
            return Candidate(index, params, reason=reason)
        keys = {name: self._values.key(value) for name, value in settings.items()}
        return Candidate(index, params, chain, head, settings, keys)

    def _parts(self, params: Mapping[str, Any]) -> _Parts:
        """Return the chain and the last step before its settings, or a reason against both."""
        given: dict[str, dict[str, Any]] = {}
        replaced: dict[str, Any] = {}
        for name, value in params.items():
            step, below, rest = name.partition("__")
            if step not in self._base:
                return None, None, f"{name} concerns the pipeline as a whole"
            if below:
                given.setdefault(step, {})[rest] = value
            else:
                replaced[step] = value
        if any(isinstance(value, type) for value in replaced.values()):
            return None, None, "a step is a class where an estimator belongs"
        *before, last = self._names
        marks = tuple(self._mark(name, replaced, given) for name in before)
        chain = self._chains.get(marks)
        if chain is None:
            steps = [
                self._step(mark, name, replaced, given)
                for mark, name in zip(marks, before, strict=True)
            ]
            chain = self._chains[marks] = tuple(step for step in steps if step is not None)
        head = self._step(self._mark(last, replaced, {}), last, replaced, {})
        if head is None:
            return None, None, "the last step passes everything through"
        return chain, head, ""

    def _mark(
        self, name: str, replaced: Mapping[str, Any], given: Mapping[str, Mapping[str, Any]]
    ) -> tuple[Any, ...]:
        """Say cheaply which setting of a step this is: values are told apart by their digests."""
        whole = replaced.get(name, _MISSING)
        key = "" if whole is _MISSING else self._values.key(whole)
        below = given.get(name, {})
        return (name, key, *sorted((sub, self._values.key(value)) for sub, value in below.items()))

    def _step(
        self,
        mark: tuple[Any, ...],
        name: str,
        replaced: Mapping[str, Any],
        given: Mapping[str, Mapping[str, Any]],
    ) -> Step | None:
        if mark not in self._steps:
            self._steps[mark] = self._made(
                name, replaced.get(name, self._base[name]), given.get(name)
            )
        return self._steps[mark]

    def _made(self, name: str, whole: Any, below: Mapping[str, Any] | None) -> Step | None:
        if is_nothing(whole) and not below:
            return None
        if not below:
            key = self._values.key(whole)
            return self._by_key.setdefault((name, key), Step(name, key, whole))
        # Values are cloned, too: they may be estimators, and each fit needs its own.
        estimator = clone(whole, safe=False).set_params(**clone(dict(below), safe=False))
        key = digest(estimator)
        return self._by_key.setdefault((name, key), Step(name, key, estimator))


def with_settings(head: Step, settings: Mapping[str, Any]) -> Any:
    """Return an unfitted copy of a last step with settings on it."""
    estimator = clone(head.estimator)
    return estimator.set_params(**clone(dict(settings), safe=False)) if settings else estimator


def is_pairwise(estimator: Any) -> bool:
    """Tell whether an estimator reads distances between rows, which are cut on both sides."""
    try:
        return bool(get_tags(estimator).input_tags.pairwise)
    except (AttributeError, TypeError):
        return False
