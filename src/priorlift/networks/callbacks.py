"""What happens between epochs: seeds and rates, the best weights, checkpoints, a bar."""

import contextlib
import copy
import hashlib
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from skorch.callbacks import Callback

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.core.seeds import derive_seed
from priorlift.encoders.torch_support import Progress, require
from priorlift.networks.batches import TaskRows

if TYPE_CHECKING:
    from priorlift.networks.loop import Training

LOWEST_RATE = 1e-4
_FORMAT = "priorlift training 1"


class TrainingEnd(Exception):  # noqa: N818
    """Raised inside the loop where training has to end; never seen outside of it."""


class Epochs(Callback):
    """Seeds each epoch, sets its learning rate and writes its line of the history.

    A rate and a seed follow from the epoch's number alone, so a run that goes on from a checkpoint
    is the run that was never interrupted.
    """

    def __init__(self, training: "Training") -> None:
        self.training = training
        self.history: list[dict[str, Any]] = []

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Prepare the epoch."""
        epoch = len(self.history)
        seed = derive_seed(self.training.seed, "epoch", str(epoch))
        # torch.manual_seed would queue a call for every kind of device that is there or not.
        torch.default_generator.manual_seed(seed)
        if str(net.device).startswith("cuda"):
            torch.cuda.manual_seed(seed)
        net.batches_.epoch = epoch
        for group in net.optimizer_.param_groups:
            group["lr"] = rate(self.training.learning_rate, epoch)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Write down what the epoch showed."""
        row = net.history[-1]
        found: dict[str, Any] = getattr(net.criterion_, "end_epoch", dict)()
        self.history.append(
            {
                "train_loss": float(row["train_loss"]),
                "valid_loss": float(row.get("valid_loss", math.nan)),
                "learning_rate": rate(self.training.learning_rate, len(self.history)),
                **found,
            }
        )


def rate(start: float, epoch: int) -> float:
    """Return the learning rate of an epoch: 5 % less every five while it is above 1e-4.

    Examples
    --------
    >>> rate(1e-3, 4), round(rate(1e-3, 5), 6), rate(1e-3, 1000), rate(1e-5, 50)
    (0.001, 0.00095, 0.0001, 1e-05)
    """
    return min(start, max(LOWEST_RATE, start * 0.95 ** (epoch // 5)))


class KeepBest(Callback):
    """Keeps the weights of the epoch with the lowest validation loss, and stops when none follows.

    Without validation rows the last epoch is kept.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.loss = math.inf
        self.epoch = 0
        self.weights: dict[str, Any] = {}

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Compare the epoch with the best one so far."""
        epochs = dict(net.callbacks_)["epochs"].history
        now = epochs[-1]["valid_loss"]
        if math.isnan(now):
            self.epoch = len(epochs)
        elif now < self.loss:
            self.loss, self.epoch = now, len(epochs)
            self.weights = copy.deepcopy(net.module_.state_dict())

    def out_of_patience(self, n_epochs: int) -> bool:
        """Tell whether the best epoch lies too far back."""
        return n_epochs - self.epoch >= self.patience

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Give the module its best weights."""
        if self.weights:
            net.module_.load_state_dict(self.weights)


class Show(Callback):
    """Tells how far training is, where somebody asked, and ends it when patience has run out."""

    def __init__(self, progress: Progress | bool | None, total: int) -> None:
        self.progress = progress
        self.total = total
        self.bar: Any = None

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Draw the bar."""
        if self.progress is True:
            from rich.progress import Progress as Bar

            self.bar = Bar()
            self.bar.start()
            self.task = self.bar.add_task("training", total=self.total)
        self._stop_if_done(net)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Move it."""
        done = len(dict(net.callbacks_)["epochs"].history)
        if self.bar is not None:
            self.bar.update(self.task, completed=done)
        elif callable(self.progress):
            self.progress(done, self.total)
        self._stop_if_done(net)

    def close(self) -> None:
        """Take it away."""
        if self.bar is not None:
            self.bar.stop()

    def _stop_if_done(self, net: Any) -> None:
        named = dict(net.callbacks_)
        done = len(named["epochs"].history)
        if done and named["best"].out_of_patience(done):
            raise TrainingEnd


class Checkpoint(Callback):
    """Writes one safetensors file after each epoch, and goes on from it.

    It holds the weights, the objective's state, Adam's moments and the best weights as tensors, and
    the history as JSON. A file is only taken up by the training that wrote it: same settings, same
    rows.
    """

    def __init__(
        self,
        training: "Training",
        tasks: Sequence[TaskRows],
        valid: Sequence[TaskRows],
        epochs: Epochs,
        best: KeepBest,
    ) -> None:
        assert training.checkpoint is not None
        self.path = Path(training.checkpoint)
        self.content = _content(training, [*tasks, *valid])
        self.epochs = epochs
        self.best = best

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Take up what is there."""
        self.identity = _identity(self.content, net.module_, net.criterion_)
        if self.path.is_file():
            self._resume(net)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Write, whole or not at all."""
        save = require("safetensors.torch", "nets").save
        tensors = {f"module/{n}": v for n, v in net.module_.state_dict().items()}
        tensors |= {f"objective/{n}": v for n, v in net.criterion_.state_dict().items()}
        tensors |= {f"best/{n}": v for n, v in self.best.weights.items()}
        for index, state in net.optimizer_.state_dict()["state"].items():
            tensors |= {f"optimizer/{index}/{n}": v for n, v in state.items()}
        told = {
            "identity": self.identity,
            "history": [{n: _plain(v) for n, v in row.items()} for row in self.epochs.history],
            "best_loss": _plain(self.best.loss),
            "best_epoch": self.best.epoch,
        }
        ready = {n: v.detach().cpu().contiguous().clone() for n, v in tensors.items()}
        content = save(ready, metadata={"format": _FORMAT, "state": json.dumps(told)})
        _write(self.path, content)

    def _resume(self, net: Any) -> None:
        tensors, told = _read(self.path)
        if told["identity"] != self.identity:
            raise InputError(
                "is the checkpoint of another training",
                where=str(self.path),
                cause="other rows, settings or another seed",
                remedy="remove it, or name another file",
            )
        net.module_.load_state_dict(_below(tensors, "module/"))
        net.criterion_.load_state_dict(_below(tensors, "objective/"))
        state: dict[int, dict[str, Any]] = {}
        for name, value in _below(tensors, "optimizer/").items():
            index, part = name.split("/", 1)
            state.setdefault(int(index), {})[part] = value
        whole = net.optimizer_.state_dict()
        net.optimizer_.load_state_dict({**whole, "state": state})
        self.best.weights = _below(tensors, "best/")
        self.best.loss = math.inf if told["best_loss"] is None else told["best_loss"]
        self.best.epoch = told["best_epoch"]
        self.epochs.history[:] = [
            {name: _restored(value) for name, value in row.items()} for row in told["history"]
        ]


def _identity(content: list[Any], module: Any, objective: Any) -> str:
    """Tell one training from another by what decides its result, initial weights included."""
    weights = {**module.state_dict(), **objective.state_dict()}
    values = [
        arrays.fingerprint(v.detach().cpu().float().reshape(-1).numpy()) for v in weights.values()
    ]
    parts = [*content, *values, repr(module), repr(objective)]
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def _content(training: "Training", tasks: Sequence[TaskRows]) -> list[Any]:
    return [
        training.batch_size,
        training.learning_rate,
        training.weight_decay,
        training.seed,
        *(arrays.fingerprint(values) for t in tasks for values in (t.X, t.y, t.weight)),
        *(task.key for task in tasks),
    ]


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    safetensors = require("safetensors", "nets")
    try:
        with safetensors.safe_open(str(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            told = json.loads(file.metadata()["state"])
        return tensors, told
    except Exception as error:
        raise InputError(
            f"is no checkpoint of a training ({str(error).splitlines()[0]})",
            where=str(path),
            remedy="remove it, or name another file",
        ) from error


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise InputError(
            f"cannot be written ({error.strerror or error})",
            where=str(path),
            remedy="name a file in a folder that is writable and has space",
        ) from error


def _below(tensors: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}


def _plain(value: Any) -> Any:
    """Turn a number or matrix into JSON, what is not finite into null."""
    if isinstance(value, np.ndarray):
        return [_plain(part) for part in value.tolist()] if value.ndim else _plain(value.item())
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return float(value) if math.isfinite(value) else None


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return np.array([_restored(part) for part in value], dtype=float)
    return math.nan if value is None else value
