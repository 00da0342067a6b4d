"""Options that several commands share, so that they read the same everywhere."""

import math
from typing import Annotated

import typer

from priorlift.core.errors import InputError

Label = Annotated[str | None, typer.Option("--label", metavar="COL", help="Column of the labels.")]
Sources = Annotated[
    str | None, typer.Option("--sources", metavar="DIR", help="Folder of the sources' tables.")
]
CutBy = Annotated[
    str | None,
    typer.Option(
        "--cut-by",
        metavar="COL=VALUE",
        help="In place of --sources: rows of TARGET with this value are the target, those with "
        "each other value a source.",
    ),
]
Groups = Annotated[
    str | None,
    typer.Option("--groups", metavar="COL", help="Column of groups that no split may tear apart."),
]
Task = Annotated[
    str | None,
    typer.Option("--task", help="classification or regression; by default inferred."),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", min=0, metavar="N", help="Seed of everything random. [default: 0]"),
]
Json = Annotated[
    bool, typer.Option("--json", help="One JSON document on stdout, all else on stderr.")
]

Runner = Annotated[
    str | None, typer.Option("--runner", help="processes, serial or ray. [default: processes]")
]
Workers = Annotated[
    int | None, typer.Option("--workers", help="Worker processes. [default: one a core]")
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="A",
        help="Of a Ray cluster: auto, HOST:PORT, ray://HOST:PORT. [default: a private one]",
    ),
]

MaxSeconds = Annotated[
    float | None,
    typer.Option(
        "--max-seconds",
        metavar="S",
        help="Of a single fit; one that takes longer is ended and is a failed row. [default: none]",
    ),
]
MaxMemory = Annotated[
    float | None,
    typer.Option(
        "--max-memory-mb",
        metavar="MIB",
        help="Of the process of a single fit, as --max-seconds. [default: none]",
    ),
]


def listed(text: str | None) -> list[str] | None:
    """Split the value of an option at its commas.

    Examples
    --------
    >>> listed("pooled, auto")
    ['pooled', 'auto']
    """
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def listed_numbers(text: str | None, option: str) -> list[int] | None:
    """Split the value of an option at its commas, into whole numbers.

    Raises
    ------
    InputError
        A part is no whole number.

    Examples
    --------
    >>> listed_numbers("20,50", "--budgets")
    [20, 50]
    """
    parts = listed(text)
    if parts is None:
        return None
    for part in parts:
        if not part.removeprefix("-").isdecimal() or len(part) > 12:
            raise InputError(
                f"{part!r} is no whole number", where=option, remedy=f"{option} 20,50 for example"
            )
    return [int(part) for part in parts]


def listed_decimals(text: str | None, option: str) -> list[float] | None:
    """Split the value of an option at its commas, into finite numbers.

    Raises
    ------
    InputError
        A part is no finite number, or there is none.

    Examples
    --------
    >>> listed_decimals("0, 0.5", "--values")
    [0.0, 0.5]
    """
    parts = listed(text)
    if parts is None:
        return None
    found = []
    for part in parts:
        try:
            found.append(float(part))
        except ValueError:
            found.append(math.nan)
        if not math.isfinite(found[-1]):
            raise InputError(
                f"{part!r} is no number", where=option, remedy=f"{option} 0.25,0.5 for example"
            )
    if not found:
        raise InputError("is empty", where=option, remedy=f"{option} 0.25,0.5 for example")
    return found


def known_task(task: str | None) -> str | None:
    """Return the value of --task.

    Raises
    ------
    InputError
        It is no task.
    """
    if task not in (None, "classification", "regression"):
        raise InputError(
            f"task {task!r} is unknown", where="--task", remedy="classification or regression"
        )
    return task
