"""What `rank_tasks` returns: for each of several targets its sources, the best first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from priorlift.core.errors import UnknownNameError
from priorlift.core.tables import to_frame
from priorlift.ranking.pairs import PairFeatures
from priorlift.ranking.prediction import GainModelLike, with_predictions
from priorlift.ranking.result import Ranking

PAGE = """\
<table class="priorlift-tasks">
<caption>The source to try first for each of {{ tasks.targets | length }} targets</caption>
<thead><tr><th scope="col">target</th><th scope="col">first source</th>
<th scope="col">the scores</th></tr></thead>
<tbody>
{%- for name, ranking in tasks.rankings.items() %}
<tr><th scope="row">{{ name }}</th><td>{{ tasks.best(name) or "none" }}</td>
<td>{{ ranking.summary }}</td></tr>
{%- endfor %}
</tbody></table>
{%- for name, reason in tasks.skipped.items() %}
<p>{{ name }}: {{ reason }}</p>
{%- endfor %}
"""


@dataclass(frozen=True)
class TaskRanking:
    """The sources of each target, in the order of their promise.

    Attributes
    ----------
    rankings : mapping of str to Ranking
        By target; a task is no source of itself.
    skipped : mapping of str to str
        Tasks that can be no target, or no source of anything, and why.
    seconds : float
        Wall seconds in all.
    """

    rankings: Mapping[str, Ranking]
    skipped: Mapping[str, str]
    seconds: float

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the targets."""
        return tuple(self.rankings)

    def __getitem__(self, target: str) -> Ranking:
        """Return the ranking of one target's sources."""
        if target not in self.rankings:
            raise UnknownNameError("target", target, self.rankings)
        return self.rankings[target]

    def best(self, target: str) -> str | None:
        """Return the source to try first for a target.

        Returns
        -------
        str or None
            None where none can be ranked, or where a gain model expects none to help.
        """
        ranking = self[target]
        if ranking.recommended is None:
            return ranking.best
        return ranking.recommended[0] if ranking.recommended else None

    def pair_features(self) -> PairFeatures:
        """Return the features of all pairs, for a gain model."""
        return stacked([found.pair_features(name) for name, found in self.rankings.items()])

    def with_predictions(self, model: GainModelLike) -> "TaskRanking":
        """Return the rankings with a predicted lift for each pair."""
        rankings = {
            name: with_predictions(found, model, name) for name, found in self.rankings.items()
        }
        return replace(self, rankings=rankings)

    def to_frame(self) -> Any:
        """Return one row a pair as a pandas, polars or pyarrow table, best sources first."""
        rows = [(name, row) for name, found in self.rankings.items() for row in found.rows]
        known: dict[str, list[Any]] = {
            "target": [name for name, _ in rows],
            "source": [row.name for _, row in rows],
            "rank": [row.rank for _, row in rows],
            "consensus": [row.consensus for _, row in rows],
        }
        for name in self.pair_features().names if rows else ():
            known[name] = [{**row.scores, **row.facts}.get(name) for _, row in rows]
        if any(row.predicted is not None for _, row in rows):
            for name in ("mean", "low", "high", "p_positive"):
                known[f"predicted_{name}"] = [getattr(row.predicted, name, None) for _, row in rows]
        return to_frame(known)

    def __repr__(self) -> str:
        lines = [f"TaskRanking: {len(self.rankings)} targets"]
        lines += [f"  {name}: {found.summary}" for name, found in self.rankings.items()]
        lines += [f"  -  {name}: {reason}" for name, reason in self.skipped.items()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from jinja2 import Environment

        return Environment(autoescape=True).from_string(PAGE).render(tasks=self)


def stacked(parts: Iterable[PairFeatures]) -> PairFeatures:
    """Return the pairs of several tables in one; a feature that one lacks is NaN there."""
    tables = list(parts)
    names = list(dict.fromkeys(name for table in tables for name in table.names))
    return PairFeatures(
        tuple(target for table in tables for target in table.targets),
        tuple(source for table in tables for source in table.sources),
        {name: np.concatenate([table.matrix([name])[:, 0] for table in tables]) for name in names},
    )
