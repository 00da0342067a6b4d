"""A transfer in one file: the model, the table of labels, and what was decided.

A `.cells` file is a ZIP archive of `model.priorlift` (as `priorlift.save` writes it), `cells.npz`
(arrays of numbers, no pickle) and `cells.json`. It is loaded without the reference.
"""

import contextlib
import io
import json
import os
import tempfile
import uuid
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from priorlift.core import persistence
from priorlift.core.errors import InputError
from priorlift.fields.cells.calibrating import Calibration
from priorlift.fields.cells.result import CellTransfer

FORMAT = 1
MODEL, ARRAYS, ABOUT = "model.priorlift", "cells.npz", "cells.json"
TEXTS = ("label_key", "names", "categories", "genes", "proteins", "peaks", "plan", "unknown")
NUMBERS = ("confidence", "novelty", "proba", "embedding")


def save(result: CellTransfer, path: str | Path) -> Path:
    """Write a transfer; an earlier file is replaced only by a whole one.

    Parameters
    ----------
    result : CellTransfer
        What is kept: labels, confidence, novelty, probabilities, embedding, the fitted estimator.
        What is not: comparison, the references' embeddings and types, any expression.
    path : path
        By custom ending in `.cells`.
    """
    path = Path(path)
    about = {name: getattr(result, name) for name in TEXTS}
    about["calibration"] = asdict(result.calibration)
    about |= {"notes": result.notes, "warnings": result.warnings, "format": FORMAT}
    about["labels"] = [str(label) for label in result.labels]
    arrays = io.BytesIO()
    np.savez_compressed(arrays, **{name: getattr(result, name) for name in NUMBERS})
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(buffer, "w") as archive:
        model = persistence.save(result.estimator, Path(folder) / MODEL)
        archive.writestr(MODEL, model.read_bytes())
        archive.writestr(ARRAYS, arrays.getvalue())
        archive.writestr(ABOUT, json.dumps(about, allow_nan=False))
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        partial.write_bytes(buffer.getvalue())
        os.replace(partial, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        reason = error.strerror or str(error)
        raise InputError(
            f"cannot be written ({reason})", where=str(path), remedy="choose another path"
        ) from error
    return path


def load(path: str | Path) -> CellTransfer:
    """Load a transfer that `CellTransfer.save` wrote; the reference is not needed.

    Parameters
    ----------
    path : path
        The file. No code of it is run; see `priorlift.load`.

    Raises
    ------
    InputError
        It is no such file, is damaged, or is of a newer priorlift.
    """
    path = Path(path)
    if not path.exists():
        raise InputError("there is no such file", where=str(path), remedy="check the path")
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
            about: dict[str, Any] = json.loads(archive.read(ABOUT))
            if about["format"] != FORMAT:
                raise InputError(
                    f"is of format {about['format']}, this priorlift reads {FORMAT}",
                    where=str(path),
                    remedy="install a newer priorlift",
                )
            with np.load(io.BytesIO(archive.read(ARRAYS)), allow_pickle=False) as arrays:
                numbers = {name: arrays[name] for name in NUMBERS}
            model = Path(folder) / MODEL
            model.write_bytes(archive.read(MODEL))
            estimator = persistence.load(model)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            "is no saved transfer, or is damaged",
            where=str(path),
            cause=f"{type(error).__name__}: {error}",
            remedy="save it again with result.save(path)",
        ) from error
    kept = {name: about[name] for name in TEXTS}
    for name in ("names", "categories", "genes", "proteins", "peaks"):
        kept[name] = tuple(kept[name])
    return CellTransfer(
        **kept,
        **numbers,
        labels=np.asarray(about["labels"], dtype=object),
        estimator=estimator,
        calibration=Calibration(**about["calibration"]),
        notes=tuple(about["notes"]),
        warnings=tuple(about["warnings"]),
    )
