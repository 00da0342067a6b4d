"""From a source to its view of a target: what is learned on the source alone, once.

`learn_source` does all that depends on the source only; `view_of` then costs little a target. A
pretrained model has learned already: `view_of_model` asks it for features of the target's inputs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.core.seeds import derive_seed
from priorlift.encoders import HiddenLayerEncoder
from priorlift.pool import ModelSource, Source, Task
from priorlift.ranking.labels import Floats
from priorlift.ranking.linear_source import LinearSource, PrincipalSpace
from priorlift.ranking.plan import ScoringPlan
from priorlift.ranking.view import SourceView, TargetView

SAMPLE_ROWS = 2_000
MODEL_WIDTH = 256


@dataclass(frozen=True, eq=False)
class LearnedSource:
    """What was learned on one source.

    Attributes
    ----------
    name, fingerprint : str
        Which source.
    linear : LinearSource
        Its closed form.
    network : HiddenLayerEncoder or None
        A small network trained on it; None where the plan asks for linear heads only.
    rows : ndarray or CSR matrix of shape (m, d)
        A sample of at most 2,000 of its encoded rows.
    y : ndarray of shape (m,)
        Their labels.
    n_rows : int
        Labelled rows of the source.
    """

    name: str
    fingerprint: str
    linear: LinearSource
    network: HiddenLayerEncoder | None
    rows: Any
    y: NDArray[Any]
    n_rows: int


def random_view(X: Any, y: NDArray[Any], plan: ScoringPlan) -> TargetView:
    """Return the target's view, with an untrained network where sources get a network.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, d)
        Encoded rows.
    y : ndarray of shape (n,) or (n, k)
        Their labels.
    plan : ScoringPlan
        Settings and seed.

    Raises
    ------
    InputError
        The labels are no columns: nearly every row is a class of its own, or a value is constant.
    """
    features: Floats | None = None
    if plan.hidden_layer_sizes and X.shape[1]:
        seed = derive_seed(plan.seed, "random features")
        features = _network(plan, plan.task, seed).random(X.shape[1]).transform(X)
    view = TargetView(y, plan.task, X, plan.seed, features)
    _ = view.columns  # raises here, once, and not in each score of each source
    return view


def learn_source(
    source: Source, X: Any, plan: ScoringPlan, space: PrincipalSpace | None = None
) -> LearnedSource:
    """Learn a source's head, in closed form, and its network where the plan asks for one.

    Parameters
    ----------
    source : Source
        Where the labels come from; its fingerprint seeds the network, so its place does not matter.
    X : ndarray or CSR matrix of shape (m, d)
        The source's labelled rows, encoded like the target's.
    plan : ScoringPlan
        Settings and seed, the same for all sources.
    space : PrincipalSpace, optional
        Of X, where it is known already.

    Raises
    ------
    InputError
        The source cannot be learned from.
    """
    task = source.task or plan.task
    y = _labels(source, task)
    n_rows = len(y)
    seed = derive_seed(plan.seed, source.fingerprint)
    X, y = _sample(X, y, plan.max_source_rows, seed)
    if (y == y[0]).all():
        raise InputError("its labels are constant, there is nothing to learn from it")
    linear = LinearSource.of(X, y, task, space)
    network = None
    if plan.hidden_layer_sizes:
        network = _network(plan, task, seed).fit(X, y)
    rows, labels = _sample(X, y, SAMPLE_ROWS, derive_seed(seed, "sample"))
    return LearnedSource(source.name, source.fingerprint, linear, network, rows, labels, n_rows)


def view_of(
    learned: LearnedSource, target: TargetView, in_space: Floats | None = None
) -> SourceView:
    """Look at a target through a source.

    Parameters
    ----------
    learned : LearnedSource
        The source.
    target : TargetView
        The target.
    in_space : ndarray of shape (n, r), optional
        The target's rows in the source's principal space, where they are known already.
    """
    linear, network = learned.linear, learned.network
    if in_space is None:
        in_space = linear.space.map(target.rows)
    seen = None
    if network is not None:
        classes = linear.labels.classes is not None
        proba = network.predict_source_proba(target.rows) if classes else None
        seen = (network.transform(target.rows), proba)
    return SourceView(learned.name, target, linear, in_space, seen, (learned.rows, learned.y))


def view_of_model(
    model: ModelSource, inputs: Any, target: TargetView, in_space: Floats
) -> SourceView:
    """Look at a target through a pretrained model.

    Parameters
    ----------
    model : ModelSource
        The model.
    inputs : raw inputs, n rows
        What its encoder takes: the target's rows before any preprocessing.
    target : TargetView
        The target, as `TargetView.for_models` gives it.
    in_space : ndarray of shape (n, r)
        The target's encoded rows in their own principal space, see `own_space`.

    Raises
    ------
    InputError
        The encoder fails, or its features are not finite, not one row an input, or all equal.

    Notes
    -----
    Features are seen in their first 256 principal components at most (our choice). With up to 257
    rows that is a rotation, which loses nothing; beyond, it keeps the resamples affordable and lets
    no model win by its width.
    """
    try:
        features = model.features(inputs)
    except InputError:
        raise
    except Exception as error:  # whatever a model of the caller's does must not end the ranking
        raise InputError(f"its encoder failed: {type(error).__name__}: {error}") from error
    try:
        space = PrincipalSpace.of(features, MODEL_WIDTH)
    except InputError:
        raise InputError("its features are the same for all rows of the target") from None
    seen = (space.map(features), None)
    return SourceView(model.name, target, None, in_space, seen, None)


def own_space(rows: Any) -> Floats:
    """Return rows in their own principal space, shape (n, r); r is 0 where they do not vary."""
    try:
        return PrincipalSpace.of(rows).map(rows)
    except InputError:
        return np.empty((rows.shape[0], 0))


def _network(plan: ScoringPlan, task: Task, seed: int) -> HiddenLayerEncoder:
    return HiddenLayerEncoder(
        task=task,
        hidden_layer_sizes=plan.hidden_layer_sizes,
        alpha=plan.alpha,
        max_iter=plan.max_iter,
        random_state=seed,
    )


def _sample(X: Any, y: NDArray[Any], most: int, seed: int) -> tuple[Any, NDArray[Any]]:
    if len(y) <= most:
        return X, y
    chosen = np.random.default_rng(seed).choice(len(y), most, replace=False)
    chosen.sort()
    return arrays.take_rows(X, chosen), y[chosen]


def _labels(source: Source, task: Task) -> NDArray[Any]:
    if source.y.ndim != 1:
        raise InputError("it has 2-D labels", remedy="pick one column of y")
    y = source.y[source.labelled]
    if len(y) < 2:
        raise InputError("it has fewer than two labelled rows")
    if task == "classification":
        return np.asarray(y.tolist()) if y.dtype.kind == "O" else y
    try:
        return np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("its labels are not numbers, the target's are") from None
