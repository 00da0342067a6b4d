"""Blocks of features on the disk: written whole, verified when read, the oldest given up for room.

A block is an array of features, the hashes of the rows that they are of, and a file of their
SHA-256 sums, which `sha256sum -c` reads too. The sums are written last: a block without them does
not exist. They are verified at the first use in a process, and again when a file has changed since.
What is torn or altered is removed, so that it is encoded again.
"""

import contextlib
import hashlib
import os
import time
import uuid
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from priorlift.core import arrays
from priorlift.core.errors import InputError

FEATURES, ROWS, SUMS = ".features.npy", ".rows.npy", ".sha256"
DTYPE = np.float32
HASH = np.dtype("S32")
_DAY = 86_400.0

# Sums that this process has verified: size and time of change of each file, by its path.
_verified: dict[Path, tuple[int, int]] = {}

Features = NDArray[np.float32]
Block = tuple[NDArray[Any], Features]


@dataclass
class BlockFolder:
    """The blocks of one encoder.

    Parameters
    ----------
    path : Path
        Of its folder, in the folder of all encoders.

    Attributes
    ----------
    n_damaged : int
        Blocks that were found damaged, and removed.
    used : set of Path
        Files of sums of the blocks that were read or written.
    """

    path: Path
    n_damaged: int = 0
    used: set[Path] = field(default_factory=set)

    def blocks(self, wanted: NDArray[Any]) -> Iterator[Block]:
        """Give hashes and memory-mapped features of each verified block with a wanted row.

        Parameters
        ----------
        wanted : ndarray of hashes, shape (n,)
            What is looked for.
        """
        for sums in sorted(self.path.glob(f"*{SUMS}")):
            try:
                found = _read(sums, wanted)
            except FileNotFoundError:
                continue  # given up for space by another process
            except (OSError, ValueError, EOFError) as error:
                self.n_damaged += 1
                warnings.warn(
                    f"{sums.with_suffix('')}: its features are damaged ({error}), and are encoded "
                    "again",
                    stacklevel=4,
                )
                remove_block(sums)
                continue
            if found is not None:
                self.used.add(sums)
                with contextlib.suppress(OSError):
                    os.utime(sums)
                yield found

    def keep(self, about: bytes, hashes: NDArray[Any], features: Features) -> None:
        """Write a block.

        Parameters
        ----------
        about : bytes
            Of the encoder, for people.
        hashes : ndarray of shape (n,)
            Of the rows.
        features : ndarray of float32, shape (n, d)
            Of the same rows.

        Raises
        ------
        InputError
            The folder cannot be written.
        """
        _write(self.path / "encoder.json", lambda file: file.write(about))
        # Named by content: no reader ever meets the sums of one writer with the arrays of another.
        stem = arrays.fingerprint([arrays.fingerprint(hashes), arrays.fingerprint(features)])
        lines = []
        for ending, array in ((FEATURES, features), (ROWS, hashes)):
            place = self.path / (stem + ending)
            _write(place, partial(np.save, arr=array, allow_pickle=False))
            lines.append(f"{_sum_of(place)}  {place.name}\n")
        sums = self.path / (stem + SUMS)
        _write(sums, lambda file: file.write("".join(lines).encode()))
        self.used.add(sums)


def make_room(folder: Path, max_bytes: float, keep: Collection[Path]) -> None:
    """Remove the blocks of a folder that were used longest ago, until it is small enough.

    Parameters
    ----------
    folder : Path
        That of all encoders.
    max_bytes : float
        What its files may take together.
    keep : collection of Path
        Files of sums whose blocks stay, whatever they take.
    """
    _remove_leftovers(folder)
    blocks = []
    for sums in folder.glob(f"*/*{SUMS}"):
        with contextlib.suppress(FileNotFoundError):
            blocks.append((sums.stat().st_mtime_ns, sums, _size_of(sums)))
    total = sum(size for _, _, size in blocks)
    for _, sums, size in sorted(blocks):
        if total <= max_bytes:
            return
        if sums not in keep:
            remove_block(sums)
            total -= size


def remove_block(sums: Path) -> None:
    """Remove a block, its sums first, so that nobody takes what is left for a block."""
    for path in (sums, *_arrays_of(sums)):
        _verified.pop(path, None)
        with contextlib.suppress(OSError):  # on some systems a mapped file cannot be removed
            path.unlink(missing_ok=True)


def _read(sums: Path, wanted: NDArray[Any]) -> Block | None:
    """Return a block, or None where no row of it is wanted; ValueError where it is damaged."""
    features_at, rows_at = _arrays_of(sums)
    text = sums.read_text(encoding="ascii")
    expected = {name: digest for digest, _, name in (s.partition("  ") for s in text.splitlines())}
    _verify(rows_at, expected)
    hashes = np.load(rows_at, allow_pickle=False)
    if hashes.dtype != HASH or hashes.ndim != 1:
        raise ValueError("they are of no rows")
    if not np.isin(hashes, wanted).any():
        return None
    _verify(features_at, expected)
    features = np.load(features_at, mmap_mode="r", allow_pickle=False)
    if features.dtype != DTYPE or features.ndim != 2 or len(features) != len(hashes):
        raise ValueError("they are not of their rows")
    return hashes, features


def _verify(path: Path, expected: dict[str, str]) -> None:
    about = path.stat()
    state = about.st_size, about.st_mtime_ns
    if _verified.get(path) == state:
        return
    if _sum_of(path) != expected.get(path.name):
        raise ValueError(f"the checksum of {path.name} is another one")
    _verified[path] = state


def _sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _arrays_of(sums: Path) -> tuple[Path, Path]:
    stem = sums.name.removesuffix(SUMS)
    return sums.with_name(stem + FEATURES), sums.with_name(stem + ROWS)


def _size_of(sums: Path) -> int:
    return sum(path.stat().st_size for path in (sums, *_arrays_of(sums)) if path.exists())


def _remove_leftovers(folder: Path) -> None:
    """Remove what a crash has left a day ago or more: half-written files, arrays without sums."""
    long_ago = time.time() - _DAY
    for path in folder.glob("*/*"):
        stem = path.name.removesuffix(FEATURES).removesuffix(ROWS)
        half = path.name.startswith(".tmp-")
        lone = stem != path.name and not path.with_name(stem + SUMS).exists()
        if half or lone:
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < long_ago:
                    path.unlink()


def _write(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Write a file beside its name and then give it the name, whole."""
    temporary = path.with_name(f".tmp-{os.getpid()}-{uuid.uuid4().hex[:8]}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"features cannot be kept ({error.strerror or error})",
            where=str(path.parent),
            remedy="free space, or name another folder",
        ) from error


def _sync_folder(folder: Path) -> None:
    """Make a new name last; only where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
