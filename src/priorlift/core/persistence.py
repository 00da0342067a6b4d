"""Save a fitted estimator to one file, and load it without running code from that file.

A `.priorlift` file is a ZIP archive of `model.skops` (values and the names of types, no pickle) and
`card.json` (what the model is, what it learned from, how good it is); a model with a network has
its weights in `tensors.safetensors` beside them. Sources are named in the card with their
fingerprints; no row of them is in the file.
"""

import contextlib
import io
import json
import os
import uuid
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from priorlift.core.cards import FORMAT, FORMAT_WITH_TENSORS, make_card, type_name
from priorlift.core.errors import (
    InputError,
    InputTypeError,
    MissingExtraError,
    PriorliftError,
    UntrustedFileError,
)
from priorlift.core.memory import available_memory, readable
from priorlift.core.tensors import from_bytes, tensors_apart, to_bytes
from priorlift.core.trust import check_trees, is_trusted

CARD = "card.json"
MODEL = "model.skops"
TENSORS = "tensors.safetensors"
_PARTS = {FORMAT: {CARD, MODEL}, FORMAT_WITH_TENSORS: {CARD, MODEL, TENSORS}}
MAX_CARD_BYTES = 1 << 20
# The unpacked archive, the arrays in it, and the model made of them.
COPIES_IN_MEMORY = 3


def save(
    estimator: Any,
    path: str | Path,
    *,
    metrics: Mapping[str, float] | None = None,
    verdict: Any = None,
) -> Path:
    """Save a fitted estimator, with a card that tells what it is.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Fitted.
    path : path
        The file, by custom ending in `.priorlift`. An earlier file is replaced only by a whole one.
    metrics : mapping of str to float, optional
        For the card.
    verdict : str, dataclass or mapping, optional
        For the card: whether the sources helped.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputTypeError
        It is no scikit-learn estimator.
    InputError
        It is not fitted, holds rows of a source or what cannot be saved, or the file cannot be
        written.
    """
    path = Path(path)
    card = make_card(estimator, metrics or {}, verdict)
    with tensors_apart({}) as tensors:
        model = _dumped(estimator)
    card["format"] = FORMAT_WITH_TENSORS if tensors else FORMAT
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(CARD, json.dumps(card, indent=2, allow_nan=False) + "\n")
        archive.writestr(MODEL, model)
        if tensors:
            archive.writestr(TENSORS, to_bytes(tensors))
    _write(path, buffer.getvalue())
    return path


def load(path: str | Path, *, trusted: Sequence[str | type] = ()) -> Any:
    """Load an estimator that `save` wrote.

    Nothing is built unless every type in the file is trusted: scikit-learn's and priorlift's
    estimators, NumPy's arrays, and what `trusted` names. No function is trusted unless named.

    Parameters
    ----------
    path : path
        The file.
    trusted : sequence of str or type
        Further types, a base learner of your own, say. Trust only what you know: loading calls it.

    Returns
    -------
    estimator
        Fitted as it was.

    Raises
    ------
    UntrustedFileError
        The file holds types that are not trusted; they are listed, and nothing was loaded.
    InputError
        The file is damaged, too large, or of a newer priorlift.
    """
    from skops.io import get_untrusted_types, loads

    if isinstance(trusted, str | bool):
        raise InputTypeError(f"trusted is {trusted!r}", remedy='a list: trusted=["package.Type"]')
    path = Path(path)
    card, data, tensors = _unpacked(path)
    names = [type_name(kind) for kind in trusted]
    with _clear_errors(path):
        found = get_untrusted_types(data=data)
        refused = [name for name in found if name not in names and not is_trusted(name)]
        if refused:
            raise _untrusted(refused, path)
        with tensors_apart(from_bytes(tensors) if tensors else {}):
            model = loads(data, trusted=found)
        check_trees(model)
    if type_name(type(model)) != card["class"]:
        raise _damaged(path, f"its card says {card['class']}, its model {type_name(type(model))}")
    return model


def read_card(path: str | Path) -> dict[str, Any]:
    """Return the card of a saved model without loading the model.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    dict
        Keys `format`, `class`, `versions`, `parameters`, `sources` (names and fingerprints),
        `licences`, `metrics`, `verdict`, `date`.

    Raises
    ------
    InputError
        The file is damaged or of a newer priorlift.
    """
    path = Path(path)
    with _opened(path) as archive:
        return _card_in(archive, path)


def _dumped(estimator: Any) -> bytes:
    from skops.io import dumps, get_untrusted_types

    try:
        data = bytes(dumps(estimator))
        found = get_untrusted_types(data=data)
    except Exception as error:
        # skops lets whatever a foreign object raises through.
        raise InputError(
            f"this {type(estimator).__name__} cannot be saved ({_first_line(error)})",
            cause="a parameter or a fitted attribute of a type that cannot be written",
            remedy="use estimators of scikit-learn and priorlift as its parts",
        ) from error
    rows = [name for name in found if name.startswith("priorlift.pool.")]
    if rows:
        raise InputError(
            f"this {type(estimator).__name__} holds {', '.join(rows)}: rows of a source or target",
            remedy="keep names and fingerprints in fitted attributes, never the rows",
        )
    return data


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}")
    try:
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot be written ({error.strerror or error}); an earlier file is intact",
            where=str(path),
            remedy="choose a folder that exists, is writable and has space",
        ) from error


@contextlib.contextmanager
def _opened(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError:
        raise InputError(
            "there is no such file", where=str(path), remedy="check the path"
        ) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise _damaged(path, _first_line(error)) from error
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror or error})",
            where=str(path),
            remedy="name a file that you may read",
        ) from error


def _unpacked(path: Path) -> tuple[dict[str, Any], bytes, bytes]:
    limit = available_memory() // COPIES_IN_MEMORY
    with _opened(path) as archive:
        card = _card_in(archive, path)
        data = _member(archive, MODEL, path, limit)
        apart = card["format"] == FORMAT_WITH_TENSORS
        tensors = _member(archive, TENSORS, path, limit) if apart else b""
    with _opened_inside(data, path) as inner:
        size = sum(member.file_size for member in inner.infolist())
        strange = [name for name in inner.namelist() if "/" in name or "\\" in name]
    if strange:
        raise _damaged(path, f"it holds the path {strange[0]!r}")
    _require_size(size + len(tensors), path, available_memory() // COPIES_IN_MEMORY)
    return card, data, tensors


def _opened_inside(data: bytes, path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as error:
        raise _damaged(path, "its model is cut") from error


def _card_in(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    try:
        card = json.loads(_member(archive, CARD, path, MAX_CARD_BYTES))
    except (ValueError, RecursionError) as error:
        if isinstance(error, PriorliftError):
            raise
        raise _damaged(path, "its card is not JSON") from error
    if not isinstance(card, dict) or not isinstance(card.get("class"), str):
        raise _damaged(path, "its card does not name a class")
    if card.get("format") not in list(_PARTS):
        raise InputError(
            f"has format {card.get('format')!r}, this priorlift reads {FORMAT_WITH_TENSORS}",
            where=str(path),
            remedy="install the newest priorlift",
        )
    # Last, so that a newer format, which may hold more, is told from a damaged file.
    parts = _PARTS[card["format"]]
    unknown = sorted(set(archive.namelist()) - parts)
    if unknown or len(archive.namelist()) != len(parts):
        raise _damaged(path, f"it holds {unknown[0]!r}" if unknown else "a part is there twice")
    return card


def _member(archive: zipfile.ZipFile, name: str, path: Path, limit: int) -> bytes:
    try:
        size = archive.getinfo(name).file_size
    except KeyError:
        raise _damaged(path, f"it holds no {name}") from None
    _require_size(size, path, limit)
    return archive.read(name)


def _require_size(size: int, path: Path, limit: int) -> None:
    if size > limit:
        raise InputError(
            f"unpacks to {readable(size)}, and {readable(limit)} are allowed",
            where=str(path),
            cause="a crafted file, or too little memory",
            remedy="load it on a machine with more memory, if you trust its origin",
        )


@contextlib.contextmanager
def _clear_errors(path: Path) -> Any:
    try:
        yield
    except (UntrustedFileError, MissingExtraError):
        raise
    except InputError as error:
        raise InputError(str(error).rstrip("."), where=str(path)) from error
    except Exception as error:
        # A damaged file can make skops, NumPy or scikit-learn raise anything.
        raise _damaged(path, _first_line(error)) from error


def _untrusted(names: list[str], path: Path) -> UntrustedFileError:
    listed = ", ".join(f'"{name}"' for name in names)
    return UntrustedFileError(
        f"holds types that priorlift does not trust: {', '.join(names)}; nothing was loaded",
        where=str(path),
        remedy=f"if you know them and who wrote the file, load(path, trusted=[{listed}])",
    )


def _damaged(path: Path, reason: str) -> InputError:
    return InputError(
        f"is not a whole model of priorlift ({reason})",
        where=str(path),
        cause="an interrupted copy, or another kind of file",
        remedy="copy or save it again",
    )


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0][:200].rstrip(".") if lines else type(error).__name__
