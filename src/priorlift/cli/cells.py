"""`priorlift cells`: single-cell data; `priorlift cells transfer` carries labels to a query.

The labelled query is a new file. The input is never overwritten, nor is a file that is there.
"""

import contextlib
import os
import shutil
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from priorlift.cli import options
from priorlift.cli.output import note, number, write_json, write_table
from priorlift.core.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

    from priorlift.fields.cells.result import CellTransfer

app = typer.Typer(rich_markup_mode=None, help="Single-cell data: carry cell types over.")


@app.callback()
def front_page() -> None:
    """Single-cell data: carry cell types over."""


@app.command("transfer")
def transfer(
    reference: Annotated[
        str, typer.Argument(metavar="REFERENCE", help="Annotated cells, an .h5ad file.")
    ],
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Cells to label, an .h5ad file.")],
    label: Annotated[
        str | None, typer.Option("--label", metavar="KEY", help="Column of .obs with the types.")
    ] = None,
    batch: Annotated[
        str | None, typer.Option("--batch", metavar="KEY", help="Column of .obs with the batches.")
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option("--layer", help="Where the values are. [default: counts if there, else X]"),
    ] = None,
    peaks: Annotated[
        str | None,
        typer.Option(
            "--peaks", metavar="FILE|KEY", help="Counts of the query's peaks: .h5ad, or .obsm key."
        ),
    ] = None,
    mode: Annotated[
        str, typer.Option("--mode", help="default, or published: as the authors have it.")
    ] = "default",
    unknown: Annotated[
        bool, typer.Option("--unknown", help='Call cells far from all references "unknown".')
    ] = False,
    compare: Annotated[bool, typer.Option("--compare", help="Run simpler ways, too.")] = False,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="FILE", help="[default: QUERY with -labelled in its name]"),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option("--threads", min=1, metavar="N", help="How many train. [default: one a core]"),
    ] = None,
    seed: options.Seed = None,
    as_json: options.Json = False,
) -> None:
    """Carry cell types from a reference to a query, and write the labelled query."""
    if not label:
        raise InputError(
            "--label is not given", remedy="priorlift cells transfer REFERENCE QUERY --label KEY"
        )
    target = _target(query, out, reference)
    from priorlift.fields.cells.estimating import LongTransferWarning
    from priorlift.fields.cells.transferring import transfer_labels

    with warnings.catch_warnings():
        # The result lists them; on the command line they are said once, below.
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("always", LongTransferWarning)
        warnings.showwarning = lambda message, *_: note(str(message))
        result = transfer_labels(
            reference,
            query,
            label_key=label,
            batch_key=batch,
            layer=layer,
            peaks=peaks,
            mode=mode,  # type: ignore[arg-type]  # refused by name if it is another
            unknown=unknown,
            compare=compare,
            n_jobs=threads or -1,
            random_state=seed or 0,
        )
    with _new_file(target) as partial:
        _write(result.query, Path(query), partial)
    if as_json:
        write_json(_document(result, target))
        return
    _show(result)
    print(f"\nLabelled cells: {target}")


def _target(query: str, out: str | None, reference: str) -> Path:
    """Return where the labelled query goes; refuse a file that is there."""
    source = Path(query)
    target = source.with_name(f"{source.stem}-labelled.h5ad") if out is None else Path(out)
    if target.suffix != ".h5ad":
        raise InputError(f"{target.name!r} is no .h5ad file", where="--out", remedy="FILE.h5ad")
    for given in (source, Path(reference)):
        if target.resolve() == given.resolve():
            raise InputError("is an input", where=str(target), remedy="name a new file with --out")
    if target.exists():
        raise InputError("is there already", where=str(target), remedy="name a new file with --out")
    if not target.parent.is_dir():
        raise InputError("there is no such folder", where=str(target.parent), remedy="make it")
    return target


def _write(labelled: "AnnData", query: Path, partial: Path) -> None:
    """Write the query with what was added; expression on the disk is copied there."""
    import anndata
    import h5py

    if query.suffix != ".h5ad":
        labelled.to_memory().write_h5ad(partial)
        return
    shutil.copyfile(query, partial)
    with h5py.File(partial, "r+") as file:
        for name, part in (
            ("obs", labelled.obs),
            ("obsm", dict(labelled.obsm)),
            ("uns", dict(labelled.uns)),
        ):
            if name in file:
                del file[name]
            anndata.io.write_elem(file, name, part)


@contextlib.contextmanager
def _new_file(target: Path) -> Iterator[Path]:
    """Give a path to write to; it becomes the target only when it is whole."""
    partial = target.with_name(f".{target.stem}-{uuid.uuid4().hex}.h5ad")
    try:
        yield partial
        os.replace(partial, target)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def _document(result: "CellTransfer", target: Path) -> dict[str, object]:
    counts = {str(k): int(v) for k, v in result.to_frame()["label"].value_counts().items()}
    return {
        "out": str(target),
        "cells": len(result.names),
        "types": counts,
        "median_confidence": float(result.to_frame()["confidence"].median()),
        "comparison": [
            {"way": r.name, "accuracy": r.accuracy, "macro_f1": r.macro_f1}
            for r in result.comparison
        ],
        "notes": list(result.notes),
        "warnings": list(result.warnings),
    }


def _show(result: "CellTransfer") -> None:
    frame = result.to_frame()
    rows = []
    for kind, count in frame["label"].value_counts().items():
        of_kind = frame.loc[frame["label"] == kind, "confidence"]
        rows.append((str(kind), f"{count:,}", number(float(of_kind.median()))))
    header = ("type", "cells", "median\nconfidence")
    write_table(f"{len(frame):,} cells", header, rows, numbers=header[1:], wrapped="type")
    if result.comparison:
        names = ("way", "accuracy", "macro-F1", "agrees")
        ways = [
            (r.name, number(r.accuracy), number(r.macro_f1), number(r.agreement))
            for r in result.comparison
        ]
        write_table("Simpler ways", names, ways, numbers=names[1:], wrapped="way")
    for text in result.notes:
        note(text)
    for text in result.warnings:
        print(f"warning: {text}")
