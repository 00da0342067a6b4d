"""`priorlift theory`: what transfer would bring between two tasks whose relatedness is known.

`curve` gives the learning curves of one pair of tasks, `phase-diagram` the map over how related
they are. Nothing of the user's is read: the tasks are made up, see
`priorlift.theory.correlated_tasks`.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from priorlift.cli import options
from priorlift.cli.output import note, write_json
from priorlift.cli.progress import progress
from priorlift.core.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from priorlift.theory.phase_result import Knob, PhaseDiagram
    from priorlift.theory.solution import Loss

NEUTRAL = {"qF": 1.0, "qt": 1.0, "eta": 0.0, "delta": 0.0}
ENDINGS = (".json", ".csv", ".svg", ".png", ".html")
LARGEST = 2_000

app = typer.Typer(
    rich_markup_mode=None, help="Compute by theory what transfer would bring, on made-up tasks."
)

N = Annotated[
    str | None,
    typer.Option("--n", metavar="A,B", help="Numbers of labels. [default: width/4 to 16 widths]"),
]
Alpha = Annotated[
    str | None,
    typer.Option("--alpha", metavar="A,B", help="In place of --n: labels for each feature."),
]
Lambda = Annotated[
    float | None,
    typer.Option(
        "--lambda",
        metavar="L",
        help="Regulariser, for features of mean variance 1; a tiny one shows double descent. "
        "[default: the best at each point]",
    ),
]
LossName = Annotated[
    str, typer.Option("--loss", help="Of the heads: logistic, square_labels or square.")
]
Noise = Annotated[
    float, typer.Option("--noise", metavar="V", help="Variance of noise on the target's field.")
]
Flips = Annotated[
    float, typer.Option("--flips", metavar="P", help="Share of the target's labels turned over.")
]
Latent = Annotated[
    int,
    typer.Option("--latent", min=1, max=LARGEST, help="Generative features of the source, d."),
]
Inputs = Annotated[int, typer.Option("--inputs", min=1, max=LARGEST, help="Inputs, D.")]
Width = Annotated[int, typer.Option("--width", min=1, max=LARGEST, help="Features learned, p.")]
Sources = Annotated[
    int, typer.Option("--n-sources", min=1, max=100, help="Sources to draw and average over.")
]
Scratch = Annotated[
    bool, typer.Option("--scratch", help="Simulate training from scratch, too. Takes longer.")
]
Out = Annotated[
    str | None,
    typer.Option("--out", metavar="FILE", help="Write a .json, .csv, .svg, .png or .html."),
]


def _knob(name: str, text: str) -> Any:
    """Return the option of a knob of the tasks."""
    return typer.Option(f"--{name}", metavar="X", help=text)


@app.callback()
def front_page() -> None:
    """Compute by theory what transfer would bring, on made-up tasks."""


@app.command("curve")
def curve(
    qF: Annotated[
        float, _knob("qF", "Generative features in common: 1 the same, 0 unrelated.")
    ] = 0.8,
    qt: Annotated[float, _knob("qt", "Rule of the labels: 1 the same, 0 unrelated.")] = 1.0,
    eta: Annotated[float, _knob("eta", "Share of the generative features replaced.")] = 0.0,
    delta: Annotated[float, _knob("delta", "Share of features added, or below 0 removed.")] = 0.0,
    n: N = None,
    alpha: Alpha = None,
    lam: Lambda = None,
    loss: LossName = "logistic",
    noise: Noise = 0.0,
    flips: Flips = 0.0,
    latent: Latent = 100,
    inputs: Inputs = 200,
    width: Width = 100,
    n_sources: Sources = 3,
    seed: options.Seed = None,
    scratch: Scratch = False,
    out: Out = None,
    as_json: options.Json = False,
) -> None:
    """Compute errors by number of labels, on learned and on random features."""
    knobs = {"qF": qF, "qt": qt, "eta": eta, "delta": delta}
    sizes = {"latent": latent, "inputs": inputs, "width": width}
    _check_knobs(knobs)
    _run(
        "qF", [qF], {name: value for name, value in knobs.items() if name != "qF"}, sizes,
        _rows(n, alpha, width), _labels(lam, loss, noise, flips), _seeds(n_sources, seed),
        scratch, out, as_json,
    )  # fmt: skip


@app.command("phase-diagram")
def phase_diagram(
    knob: Annotated[str, typer.Option("--knob", help="What varies: qF, qt, eta or delta.")] = "qF",
    values: Annotated[
        str | None,
        typer.Option(
            "--values", metavar="A,B", help="Of the knob. [default: eight over its range]"
        ),
    ] = None,
    qF: Annotated[
        float | None, _knob("qF", "Generative features in common, held fixed. [default: 1]")
    ] = None,
    qt: Annotated[float | None, _knob("qt", "Rule of the labels, held fixed. [default: 1]")] = None,
    eta: Annotated[
        float | None, _knob("eta", "Share of features replaced, held fixed. [default: 0]")
    ] = None,
    delta: Annotated[
        float | None, _knob("delta", "Features added or removed, held fixed. [default: 0]")
    ] = None,
    n: N = None,
    alpha: Alpha = None,
    lam: Lambda = None,
    loss: LossName = "logistic",
    noise: Noise = 0.0,
    flips: Flips = 0.0,
    latent: Latent = 100,
    inputs: Inputs = 200,
    width: Width = 100,
    n_sources: Sources = 3,
    seed: options.Seed = None,
    scratch: Scratch = False,
    out: Out = None,
    as_json: options.Json = False,
) -> None:
    """Map where learned features beat random ones, by labels and relatedness."""
    if knob not in NEUTRAL:
        raise UnknownNameError("knob", knob, NEUTRAL)
    given = {"qF": qF, "qt": qt, "eta": eta, "delta": delta}
    if given[knob] is not None:
        raise InputError(
            f"fixes what --knob {knob} varies",
            where=f"--{knob}",
            remedy=f"leave it out, or give the values: --values {given[knob]:g}",
        )
    listed = options.listed_decimals(values, "--values")
    for value in listed or ():
        _check_knobs({knob: value}, "--values")
    fixed = {name: value for name, value in given.items() if value is not None}
    _check_knobs(fixed)
    sizes = {"latent": latent, "inputs": inputs, "width": width}
    _run(
        cast("Knob", knob), listed, fixed, sizes, _rows(n, alpha, width),
        _labels(lam, loss, noise, flips), _seeds(n_sources, seed), scratch, out, as_json,
    )  # fmt: skip


def _run(
    knob: "Knob",
    values: list[float] | None,
    fixed: dict[str, float],
    sizes: dict[str, Any],
    n: list[int] | None,
    labels: dict[str, Any],
    seeds: list[int],
    scratch: bool,
    out: str | None,
    as_json: bool,
) -> None:
    file = None if out is None else _writable(Path(out))
    from priorlift.cli.theory_tables import show
    from priorlift.report.numbers import count
    from priorlift.theory import phases

    fixed = {name: value for name, value in fixed.items() if value != NEUTRAL[name]}
    note(f"theory   {count(len(seeds), 'made-up source')}; a network is trained on each")
    with progress(unit="points") as shown:
        found = phases.phase_diagram(
            knob, values, n, knobs=fixed, seeds=seeds, scratch=scratch, **sizes, **labels,
            progress=lambda done, total: shown(done, total, done),
        )  # fmt: skip
    if file is not None:
        _write(found, file)
    if as_json:
        write_json({**found.to_dict(), "file": out})
        return
    show(found)
    if out is not None:
        print(f"\nWritten: {out}")


def _labels(lam: float | None, loss: str, noise: float, flips: float) -> dict[str, Any]:
    """Return what the heads learn, checked."""
    from priorlift.theory.solution import LOSSES

    if loss not in LOSSES:
        raise UnknownNameError("loss", loss, LOSSES)
    if lam is not None and not 0.0 < lam < float("inf"):
        raise InputError(f"is {lam:g}", where="--lambda", remedy="a number above 0")
    return {"lam": lam, "loss": cast("Loss", loss), "noise": noise, "flips": flips}


def _check_knobs(knobs: dict[str, float], where: str | None = None) -> None:
    """Refuse a knob that is out of its range, under the name of its option."""
    for name, value in knobs.items():
        low, high = (-1.0, 10.0) if name == "delta" else (0.0, 1.0)
        if not low <= value <= high or value == -1.0:
            raise InputError(
                f"is {value:g}",
                where=where or f"--{name}",
                remedy=f"{name} is {'above -1, up to 10' if name == 'delta' else 'from 0 to 1'}",
            )


def _rows(n: str | None, alpha: str | None, width: int) -> list[int] | None:
    """Return the numbers of labels of --n or --alpha; None for the default."""
    if n is not None and alpha is not None:
        raise InputError("goes in place of --n", where="--alpha", remedy="give one of the two")
    counts = options.listed_numbers(n, "--n")
    if counts is not None:
        if not counts or min(counts) < 2:
            raise InputError(f"is {n!r}", where="--n", remedy="numbers of labels, 2 or more")
        return counts
    shares = options.listed_decimals(alpha, "--alpha")
    if shares is None:
        return None
    for share in shares:
        if share <= 0 or round(share * width) < 2:
            raise InputError(
                f"is {share:g}",
                where="--alpha",
                cause="a head needs two labels or more" if share > 0 else None,
                remedy=f"labels for each of {width:,} features, {2 / width:g} or more",
            )
    return [round(share * width) for share in shares]


def _seeds(count: int, seed: int | None) -> list[int]:
    first = seed or 0
    return list(range(first, first + count))


def _writable(file: Path) -> Path:
    """Return the file, or refuse before the work what cannot be written after it."""
    from priorlift.trials.files import clear_os_errors, temporary_name

    if file.suffix.lower() not in ENDINGS:
        raise InputError(
            f"ends with {file.suffix!r}" if file.suffix else "has no ending",
            where=f"--out {file}",
            remedy=f"one of {', '.join(ENDINGS)}",
        )
    if file.is_dir():
        raise InputError("is a folder", where=f"--out {file}", remedy="name a file in it")
    probe = temporary_name(file)
    with clear_os_errors("cannot be written", file):
        file.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    return file


def _write(found: "PhaseDiagram", file: Path) -> None:
    """Write the result as what the file's ending says."""
    from priorlift.report.page import write_report
    from priorlift.trials.files import write_atomic

    ending = file.suffix.lower()
    if ending == ".html":
        write_report(found, file)
    elif ending == ".json":
        text = json.dumps(found.to_dict(), indent=1, sort_keys=True, allow_nan=False)
        write_atomic(file, text.encode())
    else:
        content = {".csv": _csv, ".svg": _svg, ".png": _png}[ending](found)
        write_atomic(file, content)


def _csv(found: "PhaseDiagram") -> bytes:
    import csv
    import io

    rows = found.to_dict()["rows"]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _svg(found: "PhaseDiagram") -> bytes:
    from priorlift.plots.svg import to_svg

    return to_svg(found.plot(), "What transfer would bring", found.summary).encode()


def _png(found: "PhaseDiagram") -> bytes:
    import io

    picture = io.BytesIO()
    found.plot().savefig(picture, format="png", dpi=150, facecolor="white")
    return picture.getvalue()
