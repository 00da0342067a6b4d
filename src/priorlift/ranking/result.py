"""The result of a ranking: frozen, readable as a table, a page or JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from priorlift.core.errors import InputError
from priorlift.core.tables import to_frame
from priorlift.ranking.pairs import PairFeatures
from priorlift.ranking.plan import ScoringPlan

FORMAT = 2
Interval = tuple[float, float]
SURE = 0.5

PAGE = """\
<table class="priorlift-ranking">
<caption>Sources for the target, best first: {{ ranking.summary }}</caption>
<thead><tr><th scope="col">rank</th><th scope="col">source</th><th scope="col">mean rank</th>
{%- for score in ranking.plan.scores %}<th scope="col">{{ score }}</th>{% endfor -%}
<th scope="col">seconds</th></tr></thead>
<tbody>
{%- for row in ranking.rows %}
<tr><td>{{ row.rank }}{% if row.low is not none %}
 ({{ "%.0f" | format(row.low) }} to {{ "%.0f" | format(row.high) }}){% endif %}</td>
<th scope="row">{{ row.name }}</th><td>{{ "%.2f" | format(row.consensus) }}</td>
{%- for score in ranking.plan.scores %}<td>
{%- if score in row.scores %}{{ "%.3f" | format(row.scores[score]) }}
{%- else %}{{ row.missing[score] }}{% endif %}</td>{% endfor -%}
<td>{{ "%.2f" | format(row.seconds) }}</td></tr>
{%- endfor %}
</tbody></table>
{%- for name, reason in ranking.skipped.items() %}
<p>Not ranked: {{ name }}: {{ reason }}</p>{% endfor %}
{%- for warning in ranking.warnings %}<p>{{ warning }}</p>{% endfor %}
"""


@dataclass(frozen=True)
class PredictedLift:
    """What a gain model expects of a source.

    Attributes
    ----------
    mean : float
        Expected lift, in the units of the outcomes that the model has learned from.
    low, high : float or None
        Interval; None where too few outcomes are known to give one.
    p_positive : float or None
        Probability that the lift is above 0; None as before.
    """

    mean: float
    low: float | None
    high: float | None
    p_positive: float | None


@dataclass(frozen=True)
class RankedSource:
    """One source in a ranking.

    Attributes
    ----------
    name, fingerprint : str
        Which source.
    rank : int
        1 for the best; sources of equal consensus share the smaller number.
    consensus : float
        Mean of its ranks over the scores.
    low, high : float or None
        Interval of its place over the resamples; None without resamples.
    scores : mapping of str to float
        Its scores.
    intervals : mapping of str to (float, float)
        Their intervals over the resamples.
    ranks : mapping of str to float
        Its rank by each score; the middle rank where the score is missing.
    missing : mapping of str to str
        Scores that could not be computed, and why.
    tied_with : tuple of str
        Sources that the paired interval cannot tell from it.
    n_rows : int
        Labelled rows of the source; 0 for a pretrained model.
    n_dropped_columns : int
        Columns that it has beyond the target's.
    seconds : float
        Wall seconds spent on it, its network or features included, the resamples too.
    facts : mapping of str to float
        What is known of source and target beside scores: how well the source's own head does, how
        near the rows are, how many there are.
    predicted : PredictedLift or None
        What a gain model expects; None without one.
    """

    name: str
    fingerprint: str
    rank: int
    consensus: float
    low: float | None
    high: float | None
    scores: Mapping[str, float]
    intervals: Mapping[str, Interval]
    ranks: Mapping[str, float]
    missing: Mapping[str, str]
    tied_with: tuple[str, ...]
    n_rows: int
    n_dropped_columns: int
    seconds: float
    facts: Mapping[str, float] = field(default_factory=dict)
    predicted: PredictedLift | None = None

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "RankedSource":
        """Build a row from what `dataclasses.asdict` made, after a journey through JSON."""
        intervals = {name: (low, high) for name, (low, high) in values["intervals"].items()}
        tied = tuple(values["tied_with"])
        known = values["predicted"]
        predicted = None if known is None else PredictedLift(**known)
        changed = {"intervals": intervals, "tied_with": tied, "predicted": predicted}
        return cls(**{**values, **changed})


@dataclass(frozen=True)
class Ranking:
    """Sources in the order of their promise for one target.

    Attributes
    ----------
    plan : ScoringPlan
        The settings, the same for all sources.
    rows : tuple of RankedSource
        Best first.
    skipped : mapping of str to str
        Sources that could not be scored, and why.
    kendall_w : float or None
        Agreement between the scores, from 0 to 1; see `priorlift.ranking.ranks.kendall_w`.
    warnings : tuple of str
        What a reader of the ranks should know.
    n_rows, n_unlabelled : int
        Rows of the target that were scored, and those left out because their label is missing.
    n_resamples : int
        Resamples behind the intervals.
    seconds : float
        Wall seconds in all.
    prediction : str
        How lifts were predicted, in a sentence; empty where they were not.
    """

    plan: ScoringPlan
    rows: tuple[RankedSource, ...]
    skipped: Mapping[str, str]
    kendall_w: float | None
    warnings: tuple[str, ...]
    n_rows: int
    n_unlabelled: int
    n_resamples: int
    seconds: float
    prediction: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the ranked sources, best first."""
        return tuple(row.name for row in self.rows)

    @property
    def best(self) -> str | None:
        """Name of the first source; None if none could be ranked."""
        return self.rows[0].name if self.rows else None

    @property
    def ties(self) -> tuple[str, ...]:
        """The best source and those that cannot be told from it, in the order of their ranks."""
        if not self.rows:
            return ()
        tied = {self.rows[0].name, *self.rows[0].tied_with}
        return tuple(name for name in self.names if name in tied)

    @property
    def summary(self) -> str:
        """The outcome in one sentence."""
        if not self.rows:
            return "no source could be ranked"
        if len(self.ties) > 1:
            return f"{', '.join(self.ties)} cannot be told apart at the top"
        return f"{self.best} stands first" + ("" if self.n_resamples else " (no resamples drawn)")

    @property
    def recommended(self) -> tuple[str, ...] | None:
        """Sources expected to help with a probability above 1/2, the largest expected lift first.

        Empty means: do not transfer. None means that no probability is known, for want of a gain
        model that has seen outcomes.
        """
        known = [(row.name, row.predicted) for row in self.rows if row.predicted is not None]
        if not known or any(lift.p_positive is None for _, lift in known):
            return None
        promising = [
            (name, lift)
            for name, lift in known
            if lift.mean > 0.0 and lift.p_positive is not None and lift.p_positive > SURE
        ]
        return tuple(name for name, lift in sorted(promising, key=lambda pair: -pair[1].mean))

    def pair_features(self, target: str = "target") -> PairFeatures:
        """Return scores and facts as features of pairs, for a gain model.

        Parameters
        ----------
        target : str
            What the pairs call the target.
        """
        names = dict.fromkeys([*self.plan.scores, *(n for row in self.rows for n in row.facts)])
        known = [{**row.scores, **row.facts} for row in self.rows]
        values = {n: np.array([row.get(n, np.nan) for row in known], dtype=float) for n in names}
        return PairFeatures((target,) * len(self.rows), self.names, values)

    def __getitem__(self, name: str) -> RankedSource:
        """Return the row of a source."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    def to_frame(self) -> Any:
        """Return one row a source, best first, as a pandas, polars or pyarrow table."""
        columns: dict[str, list[Any]] = {
            name: [getattr(row, name) for row in self.rows]
            for name in ("rank", "name", "consensus", "low", "high")
        }
        columns["source"] = columns.pop("name")
        for score in self.plan.scores:
            columns[score] = [row.scores.get(score) for row in self.rows]
            for place, end in enumerate(("low", "high")):
                columns[f"{score}_{end}"] = [
                    row.intervals[score][place] if score in row.intervals else None
                    for row in self.rows
                ]
        if any(row.predicted is not None for row in self.rows):
            for name in ("mean", "low", "high", "p_positive"):
                columns[f"predicted_{name}"] = [
                    getattr(row.predicted, name, None) for row in self.rows
                ]
        columns["tied_with_best"] = [row.name in self.ties for row in self.rows]
        for name in ("n_rows", "n_dropped_columns", "fingerprint", "seconds"):
            columns[name] = [getattr(row, name) for row in self.rows]
        order = ["rank", "source", *(name for name in columns if name not in ("rank", "source"))]
        return to_frame({name: columns[name] for name in order})

    def to_json(self) -> str:
        """Return the result as JSON with sorted keys; `from_json` gives it back."""
        return json.dumps({"format": FORMAT, **asdict(self)}, sort_keys=True, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Ranking":
        """Read what `to_json` wrote.

        Raises
        ------
        InputError
            The text is no ranking, or of another format.
        """
        try:
            values = json.loads(text)
            if values.pop("format") != FORMAT:
                raise InputError("the ranking has another format", remedy="rank the sources again")
            values["plan"] = ScoringPlan.from_dict(values["plan"])
            values["rows"] = tuple(RankedSource.from_dict(row) for row in values["rows"])
            values["warnings"] = tuple(values["warnings"])
            return cls(**values)
        except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise InputError("this is no ranking in JSON", cause=str(error)) from error

    def __repr__(self) -> str:
        width = max([6, *(len(name) for name in self.names)])
        lines = [f"Ranking: {self.summary}"]
        for row in self.rows:
            scores = "  ".join(f"{name} {value:.3f}" for name, value in row.scores.items())
            lines.append(f"{row.rank:>3}  {row.name:<{width}}  {scores}")
        lines += [f"  -  {name}: {reason}" for name, reason in self.skipped.items()]
        return "\n".join([*lines, *self.warnings])

    def _repr_html_(self) -> str:
        from jinja2 import Environment

        return Environment(autoescape=True).from_string(PAGE).render(ranking=self)
