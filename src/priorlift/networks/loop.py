"""The one training loop: a module, an objective and rows go in, the fitted module comes out.

It is skorch's loop over domain-balanced batches. What is added here: the best epoch on validation
rows is kept, a run can go on from its checkpoint, and neither the caller's random state nor the
number of threads is changed by it. The same seed gives the same weights.
"""

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import PassthroughScoring
from torch import nn
from torch.utils.data import DataLoader

from priorlift.core.errors import InputError
from priorlift.encoders.torch_support import Progress, resolve_device
from priorlift.networks.batches import BalancedBatches, JoinedRows, TaskRows, in_order
from priorlift.networks.callbacks import Checkpoint, Epochs, KeepBest, Show, TrainingEnd


@dataclass(frozen=True)
class Training:
    """How to train.

    Parameters
    ----------
    max_epochs : int
        At most; exactly so many without validation rows.
    batch_size : int
        Rows of each task in a step.
    learning_rate, weight_decay : float
        Of Adam. The rate falls by 5 % every five epochs while it is above 1e-4 (authors' code).
    patience : int
        Epochs without a better validation loss before training stops.
    device : str
        "auto" takes a GPU where there is one.
    mixed_precision : bool
        bfloat16 on a GPU that has it; never on the CPU.
    threads : int or None
        Threads of torch during training; None leaves them. With one, results are equal bit for bit
        on a machine, and small networks train fastest.
    workers : int
        Processes that load rows; the batches are the same for any number.
    seed : int
        Seeds the order of rows and what is random inside the module.
    checkpoint : Path or None
        A safetensors file, written after each epoch; training goes on from it where it exists.
    progress : callable, True or None
        Called as `progress(epochs done, max_epochs)`; True draws a bar; None shows nothing.
    """

    max_epochs: int = 100
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-5
    patience: int = 15
    device: str = "auto"
    mixed_precision: bool = True
    threads: int | None = 1
    workers: int = 0
    seed: int = 0
    checkpoint: Path | None = None
    progress: Progress | bool | None = None


@dataclass(frozen=True)
class Trained:
    """What training gave.

    Parameters
    ----------
    module : torch.nn.Module
        With the weights of the best epoch, on the CPU, in evaluation mode.
    history : list of dict
        One an epoch: `train_loss`, `valid_loss` (NaN without validation rows), `learning_rate`, and
        what the objective's `end_epoch` returned.
    best_epoch : int
        Whose weights were kept; the last one without validation rows. The first epoch is 1.
    device : str
        What it was trained on.
    """

    module: nn.Module
    history: list[dict[str, Any]]
    best_epoch: int
    device: str = field(default="cpu")


def train(
    module: nn.Module,
    objective: nn.Module,
    tasks: Sequence[TaskRows],
    training: Training,
    valid: Sequence[TaskRows] = (),
) -> Trained:
    """Train a module.

    Parameters
    ----------
    module : torch.nn.Module
        Called with a batch of inputs `X`; trained in place.
    objective : torch.nn.Module
        Called with the module's outputs and a dict of `y`, `task` and `weight`; returns one loss.
        In evaluation mode it returns the loss by which epochs are compared. Its parameters are
        trained too. Where it has a method `end_epoch`, that is called after each epoch and returns
        numbers and arrays for the history.
    tasks : sequence of TaskRows
        Training rows.
    training : Training
        How.
    valid : sequence of TaskRows, optional
        Held-out rows: training stops where their loss no longer falls, and keeps the weights of the
        best epoch. Where `end_epoch` returns a `valid_loss`, that one decides.

    Returns
    -------
    Trained

    Raises
    ------
    InputError
        A setting is out of range, there is no such device, the module's output or the loss is NaN,
        or the checkpoint is of another training.
    """
    _check(training)
    device = resolve_device(training.device)
    epochs, best = Epochs(training), KeepBest(training.patience)
    callbacks: list[Any] = [("epochs", epochs), ("best", best)]
    if training.checkpoint is not None:
        callbacks.append(("checkpoint", Checkpoint(training, tasks, valid, epochs, best)))
    show = Show(training.progress, training.max_epochs)
    callbacks.append(("show", show))
    net = _Net(
        module,
        objective,
        optimizer=torch.optim.Adam,
        lr=training.learning_rate,
        optimizer__weight_decay=training.weight_decay,
        optimizer__fused=True,
        training=training,
        callbacks=callbacks,
        device=device,
        verbose=0,
    )
    with contextlib.closing(show), _undisturbed(training.threads, device):
        net.initialize()
        with contextlib.suppress(TrainingEnd):
            net.notify("on_train_begin", X=None, y=None)
            left = training.max_epochs - len(epochs.history)
            net.fit_loop((tuple(tasks), tuple(valid)), epochs=max(0, left))
        net.notify("on_train_end", X=None, y=None)
    return Trained(net.module_.to("cpu").eval(), epochs.history, best.epoch, device)


class _Net(NeuralNet):
    """skorch's loop with balanced batches in place of its splits, and a check of every loss."""

    def __init__(self, *args: Any, training: Training, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.training = training

    @property
    def _default_callbacks(self) -> list[tuple[str, Any]]:
        return [
            ("train_loss", PassthroughScoring("train_loss", on_train=True)),
            ("valid_loss", PassthroughScoring("valid_loss")),
        ]

    def get_split_datasets(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        tasks, valid = X
        return JoinedRows(tasks), JoinedRows(valid) if valid else None

    def get_iterator(self, dataset: JoinedRows, training: bool = False) -> DataLoader[Any]:
        settings = self.training
        if training:
            self.batches_ = BalancedBatches(dataset.tasks, settings.batch_size, settings.seed)
        return DataLoader(
            dataset,  # type: ignore[arg-type]
            sampler=self.batches_ if training else in_order(dataset.tasks),
            batch_size=None,
            num_workers=settings.workers,
        )

    def infer(self, x: Any, **fit_params: Any) -> Any:
        use = self.training.mixed_precision and str(self.device).startswith("cuda")
        use = use and torch.cuda.is_bf16_supported()
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=use):
            return super().infer(x, **fit_params)

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Any:
        labels = {name: part.to(self.device) for name, part in y_true.items()}
        loss = self.criterion_(y_pred, labels)
        if not math.isfinite(loss.item()):
            raise _not_finite(y_pred, len(self.history))
        return loss


def _not_finite(outputs: Any, epoch: int) -> InputError:
    parts = outputs if isinstance(outputs, tuple | list) else [outputs]
    if all(bool(torch.isfinite(part).all()) for part in parts):
        return InputError(
            f"the loss became NaN or infinite in epoch {epoch}",
            cause="a learning rate that is too high",
            remedy="a smaller learning_rate, or inputs of a smaller scale",
        )
    return InputError(
        f"the module's output is NaN or infinite in epoch {epoch}",
        cause="a learning rate that is too high, or a division by 0 or a logarithm in the module",
        remedy="a smaller learning_rate; look at what the module gives for rows of the input",
    )


def _check(training: Training) -> None:
    for name in ("max_epochs", "batch_size", "patience"):
        if getattr(training, name) < 1:
            raise InputError(f"{name} is {getattr(training, name)!r}", remedy="1 or more")
    for name, lowest in (("learning_rate", 1e-12), ("weight_decay", 0.0)):
        value = getattr(training, name)
        if not lowest <= value < math.inf:
            raise InputError(f"{name} is {value!r}", remedy="a positive number")


@contextlib.contextmanager
def _undisturbed(threads: int | None, device: str) -> Iterator[None]:
    """Leave the caller's random state, threads and cuDNN settings as they were."""
    before, cudnn = torch.get_num_threads(), torch.backends.cudnn
    flags = cudnn.deterministic, cudnn.benchmark
    cuda = [torch.device(device).index or 0] if device.startswith("cuda") else []
    with torch.random.fork_rng(devices=cuda):
        try:
            if threads is not None:
                torch.set_num_threads(threads)
            cudnn.deterministic, cudnn.benchmark = True, False
            yield
        finally:
            torch.set_num_threads(before)
            cudnn.deterministic, cudnn.benchmark = flags
