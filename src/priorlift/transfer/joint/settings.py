"""Every setting of joint label transfer, resolved: what `plan_` shows and two fits compare."""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from priorlift.core.errors import InputError, UnknownNameError

CHOICES: dict[str, tuple[object, ...]] = {
    "preprocess": (None, "binary", "lognorm", "tfidf", "counts", "standard"),
    "mean_penalty": ("values", "coordinate_means"),
    "decorrelation": ("covariance", "correlation"),
    "centers": ("fixed", "learned", "class_means"),
    "vote": ("uniform", "distance", "class_balanced"),
    "joint_init": ("random", "stage1"),
    "anchors": ("all", "medoids"),
}


@dataclass(frozen=True)
class Settings:
    """Resolved settings; the names are those of the estimator's parameters.

    The defaults here are those of `mode="published"`.

    Attributes
    ----------
    min_steps : int
        Least steps of an epoch.
    count_weight : float
        Weight of the count model against the vote, from 0 (not used) to 1 (alone).
    refine_rounds : int
        How often the query's own features refine the labels; 0 for never.
    composition_weight : float
        How far the refinement takes the classes' shares among its cells, from 0 (those of labelled
        cells) to 1 (those that it finds).
    match_levels : bool
        Whether references' levels are taken at the query's composition, where it is another.
    anchors : {"all", "medoids"}
        Which labelled cells are kept for the vote: all, or at most 100 of each class.
    """

    mode: str = "published"
    preprocess: str | None = "binary"
    scale_passthrough: bool = False
    embedding_dim: int = 64
    epochs: tuple[int, int] = (20, 20)
    batch_size: int = 256
    min_steps: int = 1
    learning_rate: float = 0.01
    momentum: float = 0.9
    lr_decay_every: int = 20
    reduction_weight: float = 1.0
    mean_penalty: Literal["values", "coordinate_means"] = "values"
    decorrelation: Literal["covariance", "correlation"] = "covariance"
    alignment_weight: float = 1.0
    alignment_fraction: float = 0.8
    center_weight: float = 1.0
    centers: str = "fixed"
    l1: float = 0.1
    n_neighbors: int = 30
    vote: str = "uniform"
    joint_init: str = "random"
    pseudo_label_min_confidence: float = 0.0
    stage3: bool = True
    trajectory: bool = False
    known_fraction: float = 0.95
    n_members: int = 1
    max_grad_norm: float = 100.0
    count_weight: float = 0.0
    refine_rounds: int = 0
    composition_weight: float = 0.0
    match_levels: bool = False
    anchors: Literal["all", "medoids"] = "all"


PUBLISHED = Settings()
DEFAULT = replace(
    PUBLISHED,
    mode="default",
    preprocess="lognorm",
    scale_passthrough=True,
    min_steps=20,
    count_weight=0.8,
    refine_rounds=6,
    composition_weight=0.5,
    match_levels=True,
)
FEW_ROWS, MEMBERS_OF_FEW = 2_000, 5
"""With no more rows on all sides the default has so many members: seeds decide much there."""
MODES = {"published": PUBLISHED, "default": DEFAULT}


def resolve(mode: str, given: dict[str, Any], n_rows: int = FEW_ROWS + 1) -> Settings:
    """Fill in what a mode says where nothing is given.

    Parameters
    ----------
    mode : {"default", "published"}
        Which settings hold where `given` has None.
    given : dict
        The estimator's parameters.
    n_rows : int
        Of the query and all references.

    Raises
    ------
    InputError
        A setting is unknown or out of range.

    Examples
    --------
    >>> resolve("published", {"n_neighbors": 15}).n_neighbors
    15
    >>> resolve("default", {}, n_rows=500).n_members
    5
    """
    if mode not in MODES:
        raise UnknownNameError("mode", str(mode), MODES)
    known = {field.name for field in fields(Settings)}
    chosen = {n: v for n, v in given.items() if n in known and v is not None}
    if isinstance(chosen.get("epochs"), int):
        chosen["epochs"] = (chosen["epochs"],) * 2
    if mode == "default" and n_rows <= FEW_ROWS:
        chosen = {"n_members": MEMBERS_OF_FEW, **chosen}
    settings = replace(MODES[mode], **chosen)
    for name, choices in CHOICES.items():
        if getattr(settings, name) not in choices:
            shown = ", ".join(map(repr, choices))
            raise InputError(f"{name} is {getattr(settings, name)!r}", remedy=f"one of {shown}")
    _check_ranges(settings)
    return settings


def _check_ranges(settings: Settings) -> None:
    least = {
        "embedding_dim": 1,
        "batch_size": 2,
        "min_steps": 1,
        "lr_decay_every": 1,
        "n_neighbors": 1,
        "n_members": 1,
        "momentum": 0.0,
        "reduction_weight": 0.0,
        "alignment_weight": 0.0,
        "center_weight": 0.0,
        "l1": 0.0,
        "refine_rounds": 0,
    }
    for name, bound in least.items():
        if not getattr(settings, name) >= bound:
            value = getattr(settings, name)
            raise InputError(f"{name} is {value!r}", remedy=f"{bound} or more")
    for name in ("learning_rate", "max_grad_norm"):
        if not getattr(settings, name) > 0:
            raise InputError(f"{name} is {getattr(settings, name)!r}", remedy="above 0")
    for name in ("alignment_fraction", "known_fraction"):
        if not 0 < getattr(settings, name) <= 1:
            raise InputError(f"{name} is {getattr(settings, name)!r}", remedy="above 0, at most 1")
    for name in ("count_weight", "composition_weight", "pseudo_label_min_confidence"):
        if not 0 <= getattr(settings, name) <= 1:
            raise InputError(f"{name} is {getattr(settings, name)!r}", remedy="between 0 and 1")
    if len(settings.epochs) != 2 or min(settings.epochs) < 1:
        raise InputError(f"epochs is {settings.epochs!r}", remedy="two numbers of 1 or more")
