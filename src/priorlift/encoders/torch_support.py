"""What encoders need of PyTorch: its import, one device, and batches without gradients."""

import contextlib
import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError, MissingExtraError

Progress: TypeAlias = Callable[[int, int], None]


def require(package: str, extra: str) -> Any:
    """Import an optional package.

    Raises
    ------
    MissingExtraError
        It is not installed; the message names the extra.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise MissingExtraError(package, extra) from error


def resolve_device(device: str, extra: str = "nets") -> str:
    """Turn "auto" into the device that will be used; anything else is checked and returned.

    Parameters
    ----------
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps", ...
    extra : str
        Named where PyTorch is missing.

    Returns
    -------
    str
        "cuda" where there is one, else "cpu". Apple's "mps" is used where it is asked for only: its
        results differ more.

    Raises
    ------
    InputError
        There is no such device.
    """
    torch = require("torch", extra)
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"device {device!r} cannot be used ({str(error).splitlines()[0]})",
            remedy='device="auto" or "cpu"',
        ) from error
    return device


@contextlib.contextmanager
def quiet_loading(transformers: Any) -> Iterator[None]:
    """Keep transformers from drawing a progress bar while it loads local weights."""
    logging = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def batches(
    order: Sequence[int] | NDArray[np.intp], size: int, progress: Progress | None = None
) -> Iterator[NDArray[np.intp]]:
    """Cut an order of rows into batches, telling `progress(done, total)` after each.

    Raises
    ------
    InputError
        The size is not positive.
    """
    if size < 1:
        raise InputError(f"batch_size is {size}", remedy="1 or more")
    rows = np.asarray(order, dtype=np.intp)
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
        if progress is not None:
            progress(min(start + size, len(rows)), len(rows))
