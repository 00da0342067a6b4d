"""The scoring plan: settings resolved once, frozen, and the same for every source."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from priorlift.core import registry
from priorlift.core.errors import InputError
from priorlift.core.registry import ScoreLike
from priorlift.pool import Task

AUTO_SCORES = (
    "logme",
    "shrinkage_h",
    "nce",
    "agreement",
    "pooling_gain",
    "feature_gain",
)
"""What `scores="auto"` stands for: those of these that judge the task."""


@dataclass(frozen=True)
class ScoringPlan:
    """Everything that decides the scores of a ranking, apart from the sources.

    Attributes
    ----------
    task : {"classification", "regression"}
        The target's task.
    scores : tuple of str
        Names of the scores that judge such a task.
    hidden_layer_sizes, alpha, max_iter
        Settings of the networks trained on the sources, see `HiddenLayerEncoder`; no layer at all
        means that sources are seen through linear heads in closed form.
    preprocess : str
        How rows are encoded; learned on the target's labelled rows.
    encoder : str
        What turns raw inputs into features before that; empty where nothing does.
    transfer : {"any", "rows", "features"}
        What will be carried over, by which scores are weighted.
    max_target_rows, max_source_rows : int
        Of more rows, a random sample of this size is used.
    n_bootstrap : int
        Resamples of the target's rows.
    resampled : {"rows", "groups"}
        What is drawn in a resample.
    level : float
        Level of the intervals, in (0, 1).
    seed : int
        From which each source's seed derives, by its fingerprint.
    target_fingerprint : str
        Of the labelled rows of the target.
    """

    task: Task
    scores: tuple[str, ...]
    hidden_layer_sizes: tuple[int, ...]
    alpha: float
    max_iter: int
    preprocess: str
    encoder: str
    transfer: str
    max_target_rows: int
    max_source_rows: int
    n_bootstrap: int
    resampled: str
    level: float
    seed: int
    target_fingerprint: str

    def __post_init__(self) -> None:
        if not 0.0 < self.level < 1.0:
            raise InputError(f"level is {self.level}", remedy="a level between 0 and 1, 0.95 say")
        for name in ("max_target_rows", "max_source_rows", "max_iter"):
            if getattr(self, name) < 2:
                raise InputError(f"{name} is {getattr(self, name)}", remedy="at least 2")
        if self.n_bootstrap < 0:
            raise InputError(f"n_bootstrap is {self.n_bootstrap}", remedy="0 for no intervals")
        if min(self.hidden_layer_sizes, default=1) < 1:
            raise InputError(
                f"hidden_layer_sizes is {self.hidden_layer_sizes}", remedy="widths above 0: (64,)"
            )

    @property
    def hash(self) -> str:
        """32 hexadecimal digits of the plan's content."""
        content = json.dumps(asdict(self), sort_keys=True)
        return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ScoringPlan":
        """Build a plan from what `dataclasses.asdict` made, after a journey through JSON."""
        tuples = {name: tuple(values[name]) for name in ("scores", "hidden_layer_sizes")}
        return cls(**{**values, **tuples})


def resolve_scores(scores: Any, task: Task) -> tuple[ScoreLike, ...]:
    """Look scores up by name and keep those that judge the task.

    Parameters
    ----------
    scores : "auto", or list of str or ScoreLike
        Names from the registry, or scores themselves.
    task : {"classification", "regression"}
        The target's task.

    Raises
    ------
    UnknownNameError
        No score has such a name.
    InputError
        No score, one named twice, or one asked for by name that does not judge this task.
    """
    automatic = isinstance(scores, str) and scores == "auto"
    found = list(known_scores(AUTO_SCORES if automatic else scores))
    if automatic:
        found = [score for score in found if task in score.tasks]
    names = [score.name for score in found]
    if not found or len(set(names)) < len(names):
        known = ", ".join(registry.names("scores"))
        raise InputError(f"scores are {names}", remedy=f"one or more different ones of {known}")
    for score in found:
        if task not in score.tasks:
            raise InputError(
                f"score {score.name!r} does not judge a {task}",
                remedy='leave it out, or scores="auto"',
            )
    return tuple(found)


def known_scores(scores: Any) -> tuple[ScoreLike, ...]:
    """Look scores up by name, whatever they judge.

    Parameters
    ----------
    scores : str, ScoreLike, or iterable of them
        Names from the registry, or scores themselves.

    Raises
    ------
    UnknownNameError
        No score has such a name.
    """
    several = [scores] if isinstance(scores, str | ScoreLike) else scores
    return tuple(registry.get("scores", s) if isinstance(s, str) else s for s in several)
