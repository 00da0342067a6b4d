"""What a study found: verdicts, learning curves, labels saved, the bill and the warnings.

`StudyResult` is frozen. It is made from a plan and the records of its trials by `study.analysis`,
so a saved run gives the same result again without fitting anything.
"""

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from priorlift.core.errors import UnknownNameError
from priorlift.core.tables import to_frame
from priorlift.plots import lifts as lift_plots
from priorlift.pool import Target
from priorlift.ranking.result import Ranking
from priorlift.study.expected_sentence import expected_sentence
from priorlift.study.interval import Interval
from priorlift.study.labels_saved import LabelsSaved
from priorlift.study.plain_json import plain_json
from priorlift.study.plan import NO_SOURCES, StudyPlan
from priorlift.study.target_forecast import ExpectedSaved, TargetForecast
from priorlift.study.verdicts import Verdict
from priorlift.trials.outcome import TrialRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT = 1


@dataclass(frozen=True)
class Lift:
    """The lift of one method with one set of sources at one budget, unadjusted.

    Attributes
    ----------
    sources, method : str
        Which claim.
    budget : int
        Labelled training rows of the target.
    against_same_class : Interval
        Over the same method without sources.
    against_reference : Interval or None
        Over the best target-only reference.
    """

    sources: str
    method: str
    budget: int
    against_same_class: Interval
    against_reference: Interval | None


@dataclass(frozen=True)
class CurvePoint:
    """A point of a learning curve.

    Attributes
    ----------
    sources, method : str
        Which arm; sources is "(no sources)" for a baseline and for the target-only reference.
    budget : int
        Labelled training rows of the target.
    score : float
        Mean over draws and test rows, higher is better.
    spread : float
        Standard deviation over draws; it describes the draws and is no confidence interval.
    n_draws : int
        Draws, or repeats of cross-validation, behind it.
    """

    sources: str
    method: str
    budget: int
    score: float
    spread: float
    n_draws: int


@dataclass(frozen=True)
class Saved:
    """Labels saved by one method with one set of sources, at one budget."""

    sources: str
    method: str
    labels: LabelsSaved
    approximate: bool = False


@dataclass(frozen=True)
class BillRow:
    """What one method cost with one kind of arm.

    Attributes
    ----------
    item : str
        "ranking", or a method.
    arm : str
        "with sources", "without sources", or "" for the ranking.
    fits : int
        How many.
    wall_seconds, cpu_seconds : float
        Summed over the fits.
    peak_memory_mb : float or None
        The largest of any fit.
    """

    item: str
    arm: str
    fits: int
    wall_seconds: float
    cpu_seconds: float
    peak_memory_mb: float | None


@dataclass(frozen=True)
class Warned:
    """Something that a reader must know before trusting the verdicts.

    Attributes
    ----------
    kind : str
        "duplicates", "near duplicates", "groups on both sides", "label among features",
        "few labels", "groups missing", "unusable source", "dropped columns", "failed fits",
        "time limit".
    message : str
        What was found, where.
    remedy : str
        What to do about it.
    """

    kind: str
    message: str
    remedy: str


@dataclass(frozen=True)
class StudyResult:
    """The outcome of a study.

    Attributes
    ----------
    plan : StudyPlan
        What was asked, resolved: target, sources, methods, design, metric, what was skipped and
        why.
    verdicts : tuple of Verdict
        One a claim (sources x method), at the largest budget, Holm-adjusted over all claims.
    lifts : tuple of Lift
        At every budget, unadjusted.
    curves : tuple of CurvePoint
        Learning curves of all arms.
    labels_saved : tuple of Saved
        By claim and budget; empty where there is one budget only.
    bill : tuple of BillRow
        What it cost.
    warnings : tuple of Warned
        Leakage, duplicates, few labels, groups, failures.
    ranking : Ranking or None
        The ranking of the sources by the target's training rows.
    reproducible : bool
        False where a time limit cut the study short.
    environment : mapping of str to str
        Versions and platform.
    records : tuple of TrialRecord
        All trials, sorted by hash.
    forecast : TargetForecast or None
        What theory says of the target alone, or why it says nothing; None where it was not asked.
    """

    plan: StudyPlan
    verdicts: tuple[Verdict, ...]
    lifts: tuple[Lift, ...]
    curves: tuple[CurvePoint, ...]
    labels_saved: tuple[Saved, ...]
    bill: tuple[BillRow, ...]
    warnings: tuple[Warned, ...]
    ranking: Ranking | None
    reproducible: bool
    environment: Mapping[str, str]
    records: tuple[TrialRecord, ...] = field(repr=False)
    target: Target = field(repr=False)
    forecast: TargetForecast | None = None

    @property
    def expected_saved(self) -> tuple[ExpectedSaved, ...]:
        """Labels that each claim is expected to save at each budget; empty without a forecast."""
        found = self.forecast
        if found is None or found.reason:
            return ()
        return tuple(
            found.expected(point.sources, point.method, point.budget, 1.0 - point.score)
            for point in self.curves
            if point.sources != NO_SOURCES and point.budget > 0
        )

    def expected_frame(self) -> Any:
        """Return one row a claim and budget: labels expected to be saved, beside those measured."""
        measured = {(s.sources, s.method, s.labels.budget): s.labels for s in self.labels_saved}
        columns: dict[str, list[Any]] = {}
        for one in self.expected_saved:
            labels = measured.get((one.sources, one.method, one.budget))
            row = asdict(one) | {
                "saved": one.saved,
                "measured": None if labels is None else labels.saved,
                "measured_beyond": None if labels is None else labels.beyond,
            }
            for key, value in row.items():
                columns.setdefault(key, []).append(value)
        return to_frame(columns)

    @property
    def sentence(self) -> str:
        """The outcome in one or two sentences, verdict first."""
        return _sentence(self)

    def to_frame(self) -> Any:
        """Return one row a trial, sorted by trial hash; measured columns start with `measured_`."""
        return to_frame(self.columns())

    def columns(self) -> dict[str, list[Any]]:
        """Return the columns of `to_frame` as lists: what `results.parquet` holds."""
        return _trial_columns(self.plan, self.records)

    def verdict_frame(self) -> Any:
        """Return one row a verdict, with adjusted and unadjusted intervals."""
        rows = [verdict.to_dict() for verdict in self.verdicts]
        return to_frame({key: [row[key] for row in rows] for key in rows[0]} if rows else {})

    def plot_lifts(self) -> "Figure":
        """Draw a forest of the lifts at the largest budget, with both intervals and the verdict."""
        return lift_plots.lift_forest(
            labels=[f"{v.method} ← {v.sources}" for v in self.verdicts],
            estimates=[v.against_same_class.estimate for v in self.verdicts],
            intervals=[
                (v.against_same_class.low, v.against_same_class.high) for v in self.verdicts
            ],
            adjusted=[
                (v.adjusted_against_same_class.low, v.adjusted_against_same_class.high)
                for v in self.verdicts
            ],
            verdicts=[v.verdict for v in self.verdicts],
            metric=self.plan.metric_title,
        )

    def plot_curves(self, method: str) -> "Figure":
        """Draw the learning curves of one method: without sources, with each, and the reference.

        Parameters
        ----------
        method : str
            Name of the method.

        Raises
        ------
        UnknownNameError
            The study has no such method.
        """
        known = [name for name in self.plan.methods if name != self.plan.reference]
        if method not in known:
            raise UnknownNameError("method of this study", method, known)
        wanted = [p for p in self.curves if p.method in (method, self.plan.reference)]
        series: dict[str, list[CurvePoint]] = {}
        for point in wanted:
            label = (
                point.sources if point.method == method else f"best target-only ({point.method})"
            )
            series.setdefault(label, []).append(point)
        return lift_plots.learning_curves(
            series={
                label: (
                    [p.budget for p in points],
                    [p.score for p in points],
                    [p.spread for p in points],
                )
                for label, points in series.items()
            },
            dashed=[label for label in series if label == NO_SOURCES or "target-only" in label],
            metric=self.plan.metric_title,
            title=method,
        )

    def plot_ranking(self) -> "Figure":
        """Draw the sources' scores with their intervals, best first.

        Raises
        ------
        ValueError
            The study was run without a ranking.
        """
        if self.ranking is None:
            raise ValueError("this study has no ranking; run it with rank=True")
        rows = self.ranking.rows
        return lift_plots.ranking_places(
            names=[row.name for row in rows],
            places=[row.consensus for row in rows],
            intervals=[(row.low, row.high) for row in rows],
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the result without its trials as plain values, for JSON."""
        return {
            "format": FORMAT,
            "sentence": self.sentence,
            "reproducible": self.reproducible,
            "plan": self.plan.to_dict(),
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "lifts": [_lift_row(lift) for lift in self.lifts],
            "curves": [asdict(point) for point in self.curves],
            "labels_saved": [
                {
                    "sources": s.sources,
                    "method": s.method,
                    "approximate": s.approximate,
                    **s.labels.to_dict(),
                }
                for s in self.labels_saved
            ],
            "forecast": None if self.forecast is None else self.forecast.to_dict(),
            "expected_saved": [
                {**asdict(expected), "saved": expected.saved} for expected in self.expected_saved
            ],
            "warnings": [asdict(warned) for warned in self.warnings],
            "ranking": None if self.ranking is None else json.loads(self.ranking.to_json()),
        }

    def to_json(self) -> str:
        """Return `to_dict` as JSON with sorted keys; NaN becomes null."""
        return plain_json(self.to_dict())

    def save(self, path: str | Path) -> Path:
        """Save the result as a run directory, from which `StudyResult.load` gives it back.

        Parameters
        ----------
        path : path
            A folder; made if needed. It must not hold another run.
        """
        from priorlift.study.storage import save_result

        return save_result(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> "StudyResult":
        """Load a result from a run directory, without fitting anything.

        Parameters
        ----------
        path : path
            A folder that `save`, or a study with `out=`, has written.
        """
        from priorlift.study.storage import load_result

        return load_result(Path(path))

    def _repr_html_(self) -> str:
        cells = ("verdict", "method", "sources", "lift", "low", "high", "reason")
        rows = [
            (
                v.verdict,
                v.method,
                v.sources,
                f"{v.against_same_class.estimate:+.3f}",
                f"{v.against_same_class.low:+.3f}",
                f"{v.against_same_class.high:+.3f}",
                v.reason,
            )
            for v in self.verdicts
        ]
        expected = expected_sentence(self)
        said = f"<p>{html.escape(expected)}</p>" if expected else ""
        return f"<p>{html.escape(self.sentence)}</p>{_html_table(cells, rows)}{said}"


def _html_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _sentence(result: StudyResult) -> str:
    plan = result.plan
    helped = sorted(
        (v for v in result.verdicts if v.verdict == "helps"),
        key=lambda v: -v.against_same_class.estimate,
    )
    hurt = [v for v in result.verdicts if v.verdict == "hurts"]
    where = f"at {plan.design.largest} labels"
    if not result.verdicts:
        return f"No comparison could be made for {plan.target_name!r} {where}."
    if helped:
        best = helped[0]
        interval = best.adjusted_against_same_class
        first = (
            f"Yes: {best.method} with {best.sources} helps {plan.target_name!r} {where}, by "
            f"{best.against_same_class.estimate:+.3f} {plan.metric_title} "
            f"({interval.low:+.3f} to {interval.high:+.3f}, adjusted for {best.n_claims} claims)."
        )
    else:
        first = f"Not shown: no source is proved to help {plan.target_name!r} {where}."
    counts = f"{len(helped)} of {len(result.verdicts)} claims help, {len(hurt)} hurt"
    return f"{first} {counts}."


def _lift_row(lift: Lift) -> dict[str, Any]:
    row: dict[str, Any] = {"sources": lift.sources, "method": lift.method, "budget": lift.budget}
    for name, interval in (
        ("lift", lift.against_same_class),
        ("over_reference", lift.against_reference),
    ):
        row[name] = None if interval is None else interval.estimate
        row[f"{name}_low"] = None if interval is None else interval.low
        row[f"{name}_high"] = None if interval is None else interval.high
    return row | {"formula": lift.against_same_class.formula}


def _trial_columns(plan: StudyPlan, records: Sequence[TrialRecord]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}

    def put(name: str, values: Iterable[Any]) -> None:
        columns[name] = list(values)

    put("trial", (r.trial.hash for r in records))
    put("method", (r.trial.params["method"] for r in records))
    put("sources", (plan.label_of(r.trial.params["sources"]) for r in records))
    put("source_fingerprints", (" ".join(r.trial.params["sources"]) for r in records))
    for key in ("budget", "draw", "fold"):
        put(key, (r.trial.params["split"][key] for r in records))
    put("status", (r.status for r in records))
    put("error", (r.error for r in records))
    for key in ("score", "seed", "n_train", "n_test", "train_rows", "test_rows", "note"):
        put(key, (None if r.outcome is None else r.outcome.values.get(key) for r in records))
    for key in (
        "wall_seconds",
        "cpu_seconds",
        "peak_memory_mb",
        "worker",
        "started_at",
        "finished_at",
    ):
        put(f"measured_{key}", (getattr(r.measured, key) for r in records))
    return columns
