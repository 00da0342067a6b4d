"""Gap-minimising multitask learning: one network for all tasks, drawn together class by class.

Target and sources share an encoder and a projection; each has a head. Class centroids of related
tasks are aligned, label shift is weighted away, and how much each head learns from each task is
learned from the performance gap between them. Without sources it is the same network trained on the
target alone.

After Wang, Mendez, Shui, Zhou, Wu, Xu, Gagné, Eaton, "Gap Minimization for Knowledge Sharing and
Transfer", JMLR 24(33), 2023. The text of the published method (gapMTNN) could not be read; this
follows its ancestors' code (SMTL, AAAI 2021; AMTNN, IJCAI 2019; WADN, ICML 2021) without their
defects, and says where it chooses for itself.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState, derive_seed
from priorlift.encoders.torch_support import Progress, require
from priorlift.networks.batches import TaskRows
from priorlift.ranking.inner_validation import inner_splits
from priorlift.transfer.base import Method, Rows, TransferTags
from priorlift.transfer.raw_inputs import RawInputClassifier
from priorlift.transfer.task_relation import TaskRelation

if TYPE_CHECKING:
    from priorlift.networks.loop import Trained, Training
    from priorlift.networks.modules import Layout

_RELATIONS = ("none", "uniform", "fixed", "learned")


class GapMultitaskClassifier(RawInputClassifier):
    """Train one network on target and sources, with aligned classes and learned task relations.

    Parameters
    ----------
    encoder : torch.nn.Module, optional
        Takes a float32 batch and returns one row for each input (more dimensions are flattened). It
        is copied for each fit, with the weights that it has. By default a small network of linear
        layers and ELU on the preprocessed columns.
    hidden_layer_sizes : tuple of int, default=(128,)
        Widths of the default encoder.
    projection_size : int, default=64
        Width of the shared projection, in which centroids are compared.
    alpha : {"learned", "fixed", "uniform", "none"}, default="learned"
        The relation matrix: refreshed after each epoch from the gaps on held-out rows, as far as
        these are many; 0.9 for the own task and the rest evenly; the same for all; or each head on
        its own task alone, which with `alignment=0` is plain hard parameter sharing.
    alignment : float, default=0.1
        Factor lambda of the distance of class centroids; 0 does not align.
    norm_factor : float, default=1.0
        C2 of the relation's objective: higher spreads the weight over more tasks.
    distance_factor : float, default=0.5
        C3 of the relation's objective: how much the distance of centroids counts beside the gap.
    reweight : bool, default=True
        Whether each task's classes are weighted to the mean label law of all tasks.
    max_epochs : int, default=100
        At most.
    batch_size : int, default=32
        Rows of each task in a step.
    learning_rate : float, default=3e-3
        Of Adam.
    weight_decay : float, default=1e-5
        Of Adam.
    patience : int, default=15
        Epochs without a better loss on validation rows before training stops.
    n_splits : int, default=5
        One of so many inner folds of the target's training rows validates; fewer folds where labels
        are few, and no validation (then `max_epochs` epochs) where there is no valid split.
    refit : bool, default=True
        Whether the number of epochs that validation chose is then trained on all rows. Otherwise
        the validated weights are kept, and a fit costs half.
    device : str, default="auto"
        A GPU where there is one.
    mixed_precision : bool, default=True
        bfloat16 on a GPU that has it.
    progress : callable or bool, optional
        Called as `progress(epochs done, max_epochs)`; True draws a bar.
    checkpoint : path, optional
        A folder for a checkpoint after each epoch, from which an interrupted fit goes on.
    preprocess : "auto", None or transformer, default="auto"
        As in every transfer estimator; inputs of more than two dimensions are passed as they are.
    preprocess_on : {"target", "all"}, default="target"
        Whose training rows the preprocessing is learned on.
    random_state : int, RandomState or None
        Seeds weights, orders and splits.

    Attributes
    ----------
    classes_ : ndarray
        The target's labelled classes.
    task_relation_ : TaskRelation
        The relation matrix with the tasks' names, gaps, losses and distances; `write_report` draws
        it.
    gap_ : ndarray of shape (n_tasks, n_tasks)
        The performance gap of each pair of tasks.
    history_ : dict of str to ndarray
        Epochs on the first axis: `train_loss`, `valid_loss`, `learning_rate`, `alpha`, `loss`,
        `gap`, `distance`, of the training whose epochs were compared.
    n_epochs_ : int
        How many epochs were compared (or trained, without validation).
    best_epoch_ : int
        The epoch that was chosen.
    model_ : FittedNetwork
        The network with the target's head.
    sources_ : dict of str to str
        Names and fingerprints of the sources.

    Raises
    ------
    InputError
        A setting is out of range; the encoder cannot take the inputs, or gives NaN.
    MissingExtraError
        torch, skorch or safetensors is not installed.

    See Also
    --------
    priorlift.transfer.pooled.PooledClassifier : Target and sources as one task.
    priorlift.networks.loop.train : The loop.

    Notes
    -----
    *As published* (abstract): the performance gap is an algorithm-dependent regulariser, minimised
    by matching class-conditional distributions across tasks.

    *As in the authors' code* (SMTL): one head a task, each trained on every task's batch with
    weight alpha; moving averages of class centroids that keep 0.7 and take gradients through the
    batch; the objective of a row of alpha, with C2 = 1 and C3 = 0.5; lambda = 0.1; 0.9 on alpha's
    diagonal at first; Adam with weight decay 1e-5 and its falling rate.

    *Our choice*: logits go into the cross-entropy; one projection carries all centroids; only
    classes in the batch move theirs, with bias correction; distances are in units of the spread
    within classes and weighted by min(p_t(y), p_k(y)); classes are weighted by mean p(y) / p_t(y),
    at most 10, in place of a sampler. Gaps are measured by probes, one linear head a task that is
    trained on its own rows alone, on rows held out of every task, since heads that share rows hide
    their gap and training rows inflate it. What task k costs task t is the gap's share of what can
    be learned about k, one standard error up, plus C3 times the distance; the weights then have a
    closed form. With n held-out rows they count n / (n + 50) against the fixed relation. Epochs are
    chosen on rows held out of the target's training rows, whole groups at a time; the network is
    then trained on all rows for so many epochs, along the same relations. Source rows whose label
    the target lacks are left out; a source may lack classes of the target.

    A step costs one forward and backward pass over `batch_size` rows of each task, and
    O(n_tasks^2 n_classes width) for the distances. An epoch has as many steps as the longest task
    needs.

    Saved files hold no code, so an estimator with an `encoder` of its own cannot be saved by
    `priorlift.save`; keep the module's class and `model_.tensors.arrays` instead.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from priorlift import Source, SourcePool
    >>> X, y = load_iris(return_X_y=True)
    >>> pool = SourcePool([Source("odd rows", X[1::2] + 0.1, y[1::2])])
    >>> model = GapMultitaskClassifier(max_epochs=30, random_state=0)
    >>> model.fit(X[::10], y[::10], sources=pool).score(X[::2], y[::2]) > 0.9
    True
    >>> model.task_relation_.names
    ('target', 'odd rows')
    """

    transfer_tags = TransferTags(labels="shared")

    def __init__(
        self,
        encoder: Any = None,
        hidden_layer_sizes: tuple[int, ...] = (128,),
        projection_size: int = 64,
        alpha: Literal["none", "uniform", "fixed", "learned"] = "learned",
        alignment: float = 0.1,
        norm_factor: float = 1.0,
        distance_factor: float = 0.5,
        reweight: bool = True,
        max_epochs: int = 100,
        batch_size: int = 32,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-5,
        patience: int = 15,
        n_splits: int = 5,
        refit: bool = True,
        device: str = "auto",
        mixed_precision: bool = True,
        progress: Progress | bool | None = None,
        checkpoint: str | Path | None = None,
        preprocess: Any = "auto",
        preprocess_on: Any = "target",
        random_state: RandomState = None,
    ) -> None:
        self.encoder = encoder
        self.hidden_layer_sizes = hidden_layer_sizes
        self.projection_size = projection_size
        self.alpha = alpha
        self.alignment = alignment
        self.norm_factor = norm_factor
        self.distance_factor = distance_factor
        self.reweight = reweight
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.patience = patience
        self.n_splits = n_splits
        self.refit = refit
        self.device = device
        self.mixed_precision = mixed_precision
        self.progress = progress
        self.checkpoint = checkpoint
        self.preprocess = preprocess
        self.preprocess_on = preprocess_on
        self.random_state = random_state

    def _fit(self, target: Rows, sources: tuple[Rows, ...]) -> None:
        for package in ("torch", "skorch", "safetensors"):
            require(package, "nets")
        self._check_settings()
        tasks = [self._task_rows(rows, place) for place, rows in enumerate((target, *sources))]
        layout = self._layout(tasks)
        held_out = self._held_out(target, sources, tasks)
        if held_out is None:
            compared = kept = self._trained(layout, tasks)
        else:
            compared = kept = self._trained(layout, *held_out)
            if self.refit:
                kept = self._trained(layout, tasks, follow=compared)
        self._keep(compared, kept, layout, ["target", *(rows.name for rows in sources)])

    def _held_out(
        self, target: Rows, sources: tuple[Rows, ...], tasks: list[TaskRows]
    ) -> tuple[list[TaskRows], list[TaskRows]] | None:
        """Cut rows off every task; None where the target has too few labels for that."""
        training, held = [], []
        for rows, task in zip((target, *sources), tasks, strict=True):
            seed = derive_seed(self._seed, "splits", rows.fingerprint)
            splits = inner_splits(rows.y, rows.groups, self._task, seed, self.n_splits)
            if splits:
                train, test = splits[0]
                training.append(_taken(task, train))
                held.append(_taken(task, test))
            elif rows is target:
                return None
            else:
                # What it trains on is all that it can be judged by.
                training.append(task)
                held.append(task)
        return training, held

    def _check_settings(self) -> None:
        if self.alpha not in _RELATIONS:
            raise InputError(f"alpha is {self.alpha!r}", remedy=", ".join(map(repr, _RELATIONS)))
        for name in ("alignment", "distance_factor"):
            if not 0.0 <= getattr(self, name) < np.inf:
                raise InputError(f"{name} is {getattr(self, name)!r}", remedy="0 or more")
        sizes = (self.projection_size, *self.hidden_layer_sizes)
        if any(size < 1 for size in sizes):
            raise InputError("a layer has no unit", remedy="sizes of 1 or more")

    def _task_rows(self, rows: Rows, position: int) -> TaskRows:
        weight = rows.sample_weight / max(float(rows.sample_weight.mean()), 1e-12)
        return TaskRows(
            rows.X,
            np.searchsorted(self.classes_, rows.y).astype(np.int64),
            weight.astype(np.float32),
            position,
            rows.fingerprint,
        )

    def _trained(
        self,
        layout: "Layout",
        tasks: list[TaskRows],
        held_out: Sequence[TaskRows] = (),
        follow: "Trained | None" = None,
    ) -> "Trained":
        """Train on tasks; `follow` gives the number of epochs and the relation of each."""
        from priorlift.networks.loop import train
        from priorlift.networks.modules import build_network

        example = tasks[0].inputs(np.arange(min(2, tasks[0].n_rows)))
        module = build_network(layout, self.encoder, example, self._seed)
        training = self._training("compared" if follow is None else "refit")
        n_epochs = self.max_epochs if follow is None else follow.best_epoch
        schedule = [] if follow is None else [row["alpha"] for row in follow.history]
        objective = self._objective(tasks, schedule)
        return train(module, objective, tasks, replace(training, max_epochs=n_epochs), held_out)

    def _layout(self, tasks: list[TaskRows]) -> "Layout":
        from priorlift.networks.modules import Layout

        return Layout(
            int(tasks[0].X.shape[1]),
            tuple(self.hidden_layer_sizes),
            self.projection_size,
            len(tasks),
            len(self.classes_),
        )

    def _objective(
        self, tasks: list[TaskRows], schedule: Sequence[NDArray[np.float64]] = ()
    ) -> Any:
        from priorlift.networks.gap_objective import GapObjective

        n_classes = len(self.classes_)
        counts = [np.bincount(t.y, weights=t.weight, minlength=n_classes) for t in tasks]
        return GapObjective(
            np.stack(counts),
            self.projection_size,
            relation=self.alpha,
            alignment=self.alignment,
            norm_factor=self.norm_factor,
            distance_factor=self.distance_factor,
            reweight=self.reweight,
            schedule=schedule,
            seed=self._seed,
        )

    def _training(self, name: str) -> "Training":
        from priorlift.networks.loop import Training

        folder = None if self.checkpoint is None else Path(self.checkpoint)
        return Training(
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            patience=self.patience,
            device=self.device,
            mixed_precision=self.mixed_precision,
            # One thread is quickest for the small default; a given encoder may be a large one.
            threads=1 if self.encoder is None else None,
            seed=derive_seed(self._seed, "training"),
            checkpoint=None if folder is None else folder / f"{name}.safetensors",
            progress=self.progress,
        )

    def _keep(
        self, compared: "Trained", kept: "Trained", layout: "Layout", names: list[str]
    ) -> None:
        from priorlift.networks.fitted import fitted

        self.history_ = _stacked(compared.history)
        self.n_epochs_ = len(compared.history)
        self.best_epoch_ = compared.best_epoch
        # Of the training that had held-out rows: on training rows alone every pair has a gap.
        last = compared.history[compared.best_epoch - 1]
        matrices = {name: last[name] for name in ("alpha", "loss", "gap", "distance")}
        self.task_relation_ = TaskRelation(
            tuple(names), kind=self.alpha, history=self.history_, **matrices
        )
        self.gap_ = self.task_relation_.gap
        self.model_ = fitted(
            kept.module, layout, self.classes_, encoder=self.encoder, device=kept.device
        )


def _taken(task: TaskRows, rows: NDArray[np.intp]) -> TaskRows:
    return replace(task, X=arrays.take_rows(task.X, rows), y=task.y[rows], weight=task.weight[rows])


def _stacked(history: list[dict[str, Any]]) -> dict[str, NDArray[np.float64]]:
    return {name: np.stack([row[name] for row in history]) for name in history[0]}


METHOD = Method(
    "gap_multitask",
    "one network for target and sources, classes aligned, relations learned",
    GapMultitaskClassifier,
    None,
)
"""The method's entry in the registry."""
