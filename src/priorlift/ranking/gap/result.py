"""The result of measuring performance gaps: frozen, readable as a table, a sentence or JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from priorlift.core.errors import InputError
from priorlift.core.tables import to_frame
from priorlift.pool import Task
from priorlift.ranking.gap.parts import HELPS, HURTS, SIDES, HurtingRow, SourceGap

FORMAT = 1
PAGE = """\
<table class="priorlift-gaps">
<caption>{{ result.summary }}</caption>
<thead><tr><th scope="col">source</th><th scope="col">verdict</th>
<th scope="col">gap on the target</th><th scope="col">p</th><th scope="col">gap on the source</th>
</tr></thead>
<tbody>
{%- for row in result.rows %}
<tr><th scope="row">{{ row.name }}</th><td>{{ row.verdict }}</td>
<td>{{ "%+.3f" | format(row.leading.value) }} ({{ "%+.3f" | format(row.leading.low) }} to
 {{ "%+.3f" | format(row.leading.high) }})</td>
<td>
{%- if row.leading.p_value is not none %}{{ "%.3f" | format(row.leading.p_value) }}{% endif %}</td>
<td>{{ "%+.3f" | format(row.on_source[row.loss].value) }}</td></tr>
{%- endfor %}
</tbody></table>
{%- for row in result.rows %}<p>{{ row.sentence }}</p>{% endfor %}
{%- for name, reason in result.skipped.items() %}
<p>Not measured: {{ name }}: {{ reason }}</p>{% endfor %}
{%- for warning in result.warnings %}<p>{{ warning }}</p>{% endfor %}
"""


@dataclass(frozen=True, eq=False)
class GapResult:
    """The performance gaps between a target and its sources.

    Attributes
    ----------
    rows : tuple of SourceGap
        One a source, the smallest gap on the target first.
    skipped : mapping of str to str
        Sources that could not be measured, and why.
    task : {"classification", "regression"}
        The target's task.
    losses : tuple of str
        What was measured, the leading loss first.
    estimator : str
        What was fitted.
    settings : mapping of str to int, float, str or bool
        Folds, repeats, matched size, permutations, level, preprocessing, seed.
    target_fingerprint : str
        Of the target's labelled rows.
    n_target : int
        Labelled rows of the target.
    warnings : tuple of str
        What a reader of the gaps should know.
    seconds : float
        Wall seconds in all.
    """

    rows: tuple[SourceGap, ...]
    skipped: Mapping[str, str]
    task: Task
    losses: tuple[str, ...]
    estimator: str
    settings: Mapping[str, Any]
    target_fingerprint: str
    n_target: int
    warnings: tuple[str, ...]
    seconds: float

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the measured sources, the smallest gap first."""
        return tuple(row.name for row in self.rows)

    @property
    def hurting(self) -> tuple[str, ...]:
        """Names of the sources with the verdict *hurts*."""
        return tuple(row.name for row in self.rows if row.verdict == HURTS)

    @property
    def summary(self) -> str:
        """The outcome in one sentence."""
        if not self.rows:
            return "no source could be measured"
        helping = [row.name for row in self.rows if row.verdict == HELPS]
        parts = [f"likely to hurt: {', '.join(self.hurting)}"] if self.hurting else []
        parts += [f"likely to help: {', '.join(helping)}"] if helping else []
        open_ones = len(self.rows) - len(self.hurting) - len(helping)
        if not parts:
            return "it is not shown of any source that pooling would hurt or help"
        return "; ".join([*parts, f"not shown: {open_ones}"] if open_ones else parts)

    def worst_rows(
        self, n: int = 20, source: str | None = None, by: str = "contribution"
    ) -> tuple[HurtingRow, ...]:
        """Return the source rows that hurt most.

        Parameters
        ----------
        n : int, default=20
            How many at most.
        source : str, optional
            Of one source only.
        by : {"contribution", "loss_by_target"}
            Rows that the target's model loses and the source's does not, or all that the target's
            loses: among these are single wrong labels, which the source's model does not learn.

        Raises
        ------
        InputError
            `by` is something else.
        KeyError
            No such source was measured.
        """
        if by not in ("contribution", "loss_by_target"):
            raise InputError(f"by is {by!r}", remedy='"contribution" or "loss_by_target"')
        found = []
        for gap in self.rows if source is None else [self[source]]:
            key = gap.contributions if by == "contribution" else gap.row_by_target
            known = np.flatnonzero(~np.isnan(key))
            order = known[np.lexsort((gap.row_numbers[known], -key[known]))][:n]
            found += [
                HurtingRow(
                    gap.name,
                    int(gap.row_numbers[place]),
                    gap.row_labels[place].item()
                    if isinstance(gap.row_labels[place], np.generic)
                    else gap.row_labels[place],
                    float(gap.contributions[place]),
                    float(gap.row_by_target[place]),
                    float(gap.row_by_source[place]),
                )
                for place in order
            ]
        found.sort(key=lambda row: -getattr(row, by))
        return tuple(found[:n])

    def __getitem__(self, name: str) -> SourceGap:
        """Return the gaps of a source."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    def to_frame(self) -> Any:
        """Return one row a source, the smallest gap first, as pandas, polars or pyarrow."""
        columns: dict[str, list[Any]] = {
            "source": list(self.names),
            "verdict": [row.verdict for row in self.rows],
        }
        for loss in self.losses:
            for side in SIDES:
                gaps = [getattr(row, side)[loss] for row in self.rows]
                columns[f"{loss}_{side}"] = [gap.value for gap in gaps]
                for part in ("low", "high", "null_mean", "p_value"):
                    columns[f"{loss}_{side}_{part}"] = [getattr(gap, part) for gap in gaps]
        for name in ("n_rows", "n_left_out", "fingerprint", "seconds"):
            columns[name] = [getattr(row, name) for row in self.rows]
        return to_frame(columns)

    def rows_frame(self) -> Any:
        """Return one row for each row of each source, with the losses on it, as `to_frame`."""
        columns: dict[str, list[Any]] = {
            "source": [row.name for row in self.rows for _ in row.row_numbers]
        }
        for name in ("row_numbers", "row_labels", "contributions", "row_by_target"):
            values = [value for row in self.rows for value in getattr(row, name).tolist()]
            columns[_COLUMNS[name]] = values
        return to_frame(columns)

    def to_json(self) -> str:
        """Return the result as JSON with sorted keys; `from_json` gives it back."""
        values = {**vars(self), "rows": [row.to_dict() for row in self.rows], "format": FORMAT}
        return json.dumps(_finite(values), sort_keys=True, indent=1, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "GapResult":
        """Read what `to_json` wrote.

        Raises
        ------
        InputError
            The text is no such result, or of another format.
        """
        try:
            values = json.loads(text)
            if values.pop("format") != FORMAT:
                raise InputError("the gaps have another format", remedy="measure them again")
            values["rows"] = tuple(SourceGap.from_dict(row) for row in values["rows"])
            for name in ("losses", "warnings"):
                values[name] = tuple(values[name])
            return cls(**values)
        except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise InputError("these are no gaps in JSON", cause=str(error)) from error

    def __repr__(self) -> str:
        lines = [f"GapResult: {self.summary}"]
        lines += [f"  {row.name}: {row.sentence}" for row in self.rows]
        lines += [f"  -  {name}: {reason}" for name, reason in self.skipped.items()]
        return "\n".join([*lines, *self.warnings])

    def _repr_html_(self) -> str:
        from jinja2 import Environment

        return Environment(autoescape=True).from_string(PAGE).render(result=self)


_COLUMNS = {
    "row_numbers": "row",
    "row_labels": "label",
    "contributions": "contribution",
    "row_by_target": "loss_by_target",
}


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
