"""What a sweep on the command line is told: a TOML file, and the options that win over it.

Paths are relative to the file. Errors name the option, or the file, the line and the key, and offer
the closest known name.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from priorlift.cli import toml_text
from priorlift.cli.config import (
    Places,
    first_complaint,
    read_text,
    relative_to,
    seen_from_here,
)
from priorlift.cli.named_parts import AS_THEY_ARE, Given, check_parts, parts_of
from priorlift.core import registry
from priorlift.core.errors import InputError, UnknownNameError

FILE_NAME = "sweep.toml"
OTHERS = "others"
PATH_PARAMETERS = ("model", "weights", "folder")
# How a sweep is run, not what it finds: a run directory does not keep them.
OF_THE_CALL = ("runner", "workers", "address", "resume")


class SweepConfig(BaseModel):
    """The settings of one sweep, checked.

    Attributes
    ----------
    tasks : str or list of str
        A folder of tables, or the tables; each is a task.
    label : str
        Their label column, and that of the sources.
    sources : str
        "others": each task learns from the other tasks; or a folder of tables, the sources of all.
    text : str or None
        The column of texts; None where all columns beside the label are features.
    groups : str or None
        The group column.
    task : {"classification", "regression"} or None
        Kind of task; None to infer it.
    encoders : list of str, or table of tables, or None
        Names from the registry, "as is" for the columns as they are; or by a name of your own the
        `kind`, which is a registered name, and the encoder's parameters.
    methods : list of str, or table of tables
        Names from the registry; or by a name of your own the `kind`, which is a registered name,
        and the method's parameters.
    source_sets : {"each and all", "each", "all"}
        Which sets of a task's sources are tried.
    shared_models : {"budgets", "draws"}
        What a model learned on a source serves.
    budgets : list of int or None
        Label budgets; None for the study's own choice.
    splits : int
        Seeds: draws, or folds over all repeats.
    metric : str or None
        Name of the score.
    level, min_lift : float
        Of the verdicts.
    seed : int
        Of everything random.
    out, cache : str or None
        The run directory, and a folder of features that sweeps may share.
    cache_mb : float or None
        MiB that the features may take; None for no limit.
    runner : str
        What runs the fits.
    workers : int or None
        Workers; None for one a core.
    address : str or None
        Of a Ray cluster.
    max_seconds, max_memory_mb : float or None
        What a single fit may take; one that takes more is a failed row.
    resume : {"missing", "always", "never"}
        What to do with what the run directory holds.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    tasks: str | list[str] = Field(min_length=1)
    label: str = Field(min_length=1)
    sources: str = Field(default=OTHERS, min_length=1)
    text: str | None = Field(default=None, min_length=1)
    groups: str | None = Field(default=None, min_length=1)
    task: Literal["classification", "regression"] | None = None
    encoders: Given | None = Field(default=None, min_length=1)
    methods: Given = Field(default=["pooled", "frozen_features"], min_length=1)
    source_sets: Literal["each and all", "each", "all"] = "each and all"
    shared_models: Literal["budgets", "draws"] = "budgets"
    budgets: list[int] | None = Field(default=None, min_length=1)
    splits: int = Field(default=20, ge=2)
    metric: str | None = None
    level: float = Field(default=0.95, gt=0, lt=1)
    min_lift: float = Field(default=0.0, ge=0)
    seed: int = Field(default=0, ge=0, lt=2**32)
    out: str | None = Field(default=None, min_length=1)
    cache: str | None = Field(default=None, min_length=1)
    cache_mb: float | None = Field(default=None, gt=0)
    runner: str = "processes"
    workers: int | None = Field(default=None, ge=1, le=4096)
    address: str | None = Field(default=None, min_length=1)
    max_seconds: float | None = Field(default=None, gt=0)
    max_memory_mb: float | None = Field(default=None, gt=0)
    resume: Literal["missing", "always", "never"] = "missing"

    @field_validator("budgets")
    @classmethod
    def _are_numbers_of_rows(cls, value: list[int] | None) -> list[int] | None:
        if value is not None and (min(value) < 0 or max(value) < 1 or max(value) > 10**9):
            raise ValueError("should be numbers of labelled rows, 20 and 50 say")
        return value

    @field_validator("tasks", "sources", "out", "cache")
    @classmethod
    def _are_paths(cls, value: str | list[str] | None) -> str | list[str] | None:
        if value is not None and "\0" in "".join(value):
            raise ValueError("holds a NUL character, which no file name may hold")
        return value

    @property
    def run_directory(self) -> Path:
        """Where the run goes; by default `runs/sweep`."""
        return Path(self.out) if self.out else Path("runs") / "sweep"

    def to_toml(self, folder: Path) -> str:
        """Write the settings as the `sweep.toml` of a run directory.

        Parameters
        ----------
        folder : Path
            The run directory; paths are written relative to it, so that a project can be moved.
        """
        values = self.model_dump(exclude=set(OF_THE_CALL))
        here = Path()
        values |= self._with_paths(lambda p: relative_to(p, folder), here, exclude=("out",))
        return toml_text.write(values | {"out": "."})

    def _with_paths(
        self, seen: Callable[[str], str], base: Path, exclude: Collection[str]
    ) -> dict[str, Any]:
        """Return the settings that hold paths, relative to a base, each as `seen` gives it."""
        found: dict[str, Any] = {}
        if "tasks" not in exclude:
            listed = isinstance(self.tasks, list)
            found["tasks"] = [seen(p) for p in self.tasks] if listed else seen(str(self.tasks))
        if "sources" not in exclude and self.sources != OTHERS:
            found["sources"] = seen(self.sources)
        for key in ("out", "cache"):
            value = getattr(self, key)
            if value is not None and key not in exclude:
                found[key] = seen(value)
        if isinstance(self.encoders, dict):
            found["encoders"] = {
                name: {
                    key: seen(value) if key in PATH_PARAMETERS and _is_path(base, value) else value
                    for key, value in settings.items()
                }
                for name, settings in self.encoders.items()
            }
        return found

    @classmethod
    def resolve(cls, options: Mapping[str, Any], file: Path, text: str) -> Self:
        """Check the text of a file together with options.

        Parameters
        ----------
        options : mapping of str to object
            What the command line gave; a value of None was not given.
        file : Path
            The file of settings.
        text : str
            Its content.

        Raises
        ------
        InputError
            A key is unknown or missing, or a value cannot be used.
        """
        given = {key: value for key, value in options.items() if value is not None}
        written = toml_text.parse(text, str(file))
        places = Places(frozenset(given), file, text)
        try:
            config = cls.model_validate(written | given)
        except ValidationError as error:
            raise first_complaint(error, places, cls) from None
        _check_names(config, places)
        folder = file.parent
        paths = config._with_paths(lambda path: seen_from_here(folder / path), folder, given)
        return config.model_copy(update=paths)


def read_sweep(path: Path, options: Mapping[str, Any]) -> SweepConfig:
    """Read a file of settings; options of the command line win over it.

    Parameters
    ----------
    path : Path
        A TOML file.
    options : mapping of str to object
        What the command line gave; a value of None was not given.

    Raises
    ------
    InputError
        The file cannot be read, or holds a setting that cannot be used.
    """
    return SweepConfig.resolve(options, path, read_text(path))


def _check_names(config: SweepConfig, places: Places) -> None:
    """Check names before large tables are read for nothing."""
    from priorlift.study.metrics import METRICS
    from priorlift.trials.runners import RUNNERS

    known = {
        "encoder": [*registry.names("encoders"), AS_THEY_ARE],
        "method": registry.names("methods"),
    }
    wanted = []
    for what, given in (("method", config.methods), ("encoder", config.encoders or ())):
        check_parts(what, given, places.of(f"{what}s"))
        wanted += [(what, f"{what}s", part.kind, known[what]) for part in parts_of(given)]
    wanted.append(("runner", "runner", config.runner, RUNNERS))
    if config.metric is not None:
        metrics = [m.name for m in METRICS.values() if config.task in (None, m.task)]
        wanted.append(("metric", "metric", config.metric, metrics))
    for what, key, name, names in wanted:
        if name not in names:
            error = UnknownNameError(what, name, names)
            raise InputError(str(error).rstrip("."), where=places.of(key))


def _is_path(base: Path, value: Any) -> bool:
    """Whether a parameter names something that is there; the name of a model on a hub does not."""
    return isinstance(value, str) and (base / value).exists()
