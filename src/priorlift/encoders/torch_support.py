"""What encoders need of PyTorch: its import, one device, and batches without gradients."""

import contextlib
import importlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
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
def _quiet(transformers: Any) -> Iterator[None]:
    """Keep transformers from drawing bars and tables while it loads local weights."""
    logging = transformers.utils.logging
    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()


def load_network(folder: Path, device: str, extra: str) -> Any:
    """Load a transformers network in float32 for inference, from local safetensors alone.

    Raises
    ------
    InputError
        It cannot be loaded, or the file lacks weights that features depend on.
    """
    transformers, torch = require("transformers", extra), require("torch", extra)
    try:
        with _quiet(transformers):
            network, told = transformers.AutoModel.from_pretrained(
                str(folder),
                use_safetensors=True,
                dtype=torch.float32,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
    except Exception as error:
        # Each kind of damaged folder fails in a library of its own.
        raise InputError(
            f"cannot be loaded ({str(error).splitlines()[0]})",
            where=str(folder),
            remedy="pass a folder with config.json and safetensors that fit each other",
        ) from error
    # The layer on top of BERT's first token is drawn afresh where it is missing, and not used.
    missing = sorted(name for name in told["missing_keys"] if not name.startswith("pooler"))
    if missing:
        raise InputError(f"lacks {len(missing)} weights: {missing[0]}, ...", where=str(folder))
    return network.eval().to(device)


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
