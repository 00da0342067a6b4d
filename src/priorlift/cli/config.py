"""What a study on the command line is told: from options, from a TOML file, or from both.

Every key of the file is an option of the same name (with `_` for `-`), and an option wins over the
file. Paths in a file are relative to its folder. Errors name the option, or the file, the line and
the key.
"""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from priorlift.cli import toml_text
from priorlift.core import registry
from priorlift.core.errors import InputError, UnknownNameError

FILE_NAME = "study.toml"
PATHS = ("target", "sources", "out")
# How a study is run, not what it finds: a run directory does not keep them.
OF_THE_CALL = ("runner", "workers", "address", "time_budget")


class StudyConfig(BaseModel):
    """The settings of one study, checked.

    Attributes
    ----------
    target : str
        The target's table.
    label : str
        Its label column, and that of the sources.
    sources : str or None
        The folder of the sources' tables.
    cut_by : str or None
        In place of `sources`, "COLUMN=VALUE": the rows of the table with that value are the
        target, those with each other value a source.
    out : str or None
        The run directory.
    groups : str or None
        The group column.
    task : {"classification", "regression"} or None
        Kind of task; None to infer it.
    methods : list of str
        Names from the registry.
    budgets : list of int or None
        Label budgets; None for the study's own choice.
    splits : int
        Draws, or folds over all repeats.
    metric : str or None
        Name of the score.
    level : float
        Of the intervals, between 0 and 1.
    min_lift : float
        Practical threshold of *helps*, in units of the metric.
    seed : int
        Of everything random.
    rank : bool
        Whether the sources are ranked too.
    runner : str
        What runs the trials.
    workers : int or None
        Worker processes; None for one a core.
    address : str or None
        Of a running Ray cluster.
    max_seconds, max_memory_mb : float or None
        What a single fit may take; one that takes more is a failed row.
    time_budget : float or None
        Seconds after which no further trial is started.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    target: str = Field(min_length=1)
    label: str = Field(min_length=1)
    sources: str | None = Field(default=None, min_length=1)
    cut_by: str | None = Field(default=None, pattern=r"^[^=]+=.+$")
    out: str | None = Field(default=None, min_length=1)
    groups: str | None = Field(default=None, min_length=1)
    task: Literal["classification", "regression"] | None = None
    methods: list[str] = Field(default=["pooled", "frozen_features"], min_length=1)
    budgets: list[int] | None = Field(default=None, min_length=1)
    splits: int = Field(default=20, ge=2, le=100_000)
    metric: str | None = None
    level: float = Field(default=0.95, gt=0, lt=1)
    min_lift: float = Field(default=0.0, ge=0)
    seed: int = Field(default=0, ge=0, lt=2**32)
    rank: bool = True
    runner: str = "processes"
    workers: int | None = Field(default=None, ge=1, le=4096)
    address: str | None = Field(default=None, min_length=1)
    max_seconds: float | None = Field(default=None, gt=0)
    max_memory_mb: float | None = Field(default=None, gt=0)
    time_budget: float | None = Field(default=None, gt=0)

    @field_validator(*PATHS)
    @classmethod
    def _is_a_path(cls, value: str | None) -> str | None:
        if value is not None and "\0" in value:
            raise ValueError("holds a NUL character, which no file name may hold")
        return value

    @field_validator("budgets")
    @classmethod
    def _are_numbers_of_rows(cls, value: list[int] | None) -> list[int] | None:
        if value is not None and (min(value) < 0 or max(value) < 1 or max(value) > 10**9):
            raise ValueError("should be numbers of labelled rows, 20 and 50 say")
        return value

    @field_validator("groups")
    @classmethod
    def _is_not_the_label(cls, value: str | None, info: Any) -> str | None:
        if value is not None and value == info.data.get("label"):
            raise ValueError("is the label column as well")
        return value

    @property
    def run_directory(self) -> Path:
        """Where the run goes; by default `runs/` and the name of the target's file."""
        return Path(self.out) if self.out else Path("runs") / Path(self.target).stem

    def to_toml(self, folder: Path) -> str:
        """Write the settings as the `study.toml` of a run directory.

        Parameters
        ----------
        folder : Path
            The run directory; paths are written relative to it, so that a project can be moved.
        """
        values = self.model_dump(exclude=set(OF_THE_CALL))
        for key in ("target", "sources"):
            if values[key] is not None:
                values[key] = relative_to(values[key], folder)
        return toml_text.write(values | {"out": "."})

    @classmethod
    def resolve(cls, options: Mapping[str, Any], file: Path | None = None, text: str = "") -> Self:
        """Check options together with the text of a file.

        Parameters
        ----------
        options : mapping of str to object
            What the command line gave; a value of None was not given.
        file : Path, optional
            The file of settings.
        text : str
            Its content.

        Raises
        ------
        InputError
            A key is unknown or missing, or a value cannot be used.
        """
        given = {key: value for key, value in options.items() if value is not None}
        written = toml_text.parse(text, str(file)) if file is not None else {}
        places = Places(frozenset(given), file, text)
        try:
            config = cls.model_validate(written | given)
        except ValidationError as error:
            raise first_complaint(error, places, cls) from None
        _check_sources(config, places)
        _check_names(config, places)
        if file is None:
            return config
        from_file = {key: written[key] for key in PATHS if key in written and key not in given}
        return config.model_copy(
            update={key: seen_from_here(file.parent / path) for key, path in from_file.items()}
        )


class Places:
    """Says where a setting was given: an option, or a line of the file."""

    def __init__(self, options: frozenset[str], file: Path | None, text: str) -> None:
        self.options, self.file, self.text = options, file, text

    def of(self, key: str) -> str | None:
        """Return where a key was given, for an error."""
        if key in self.options or self.file is None:
            return None if key == "target" else option(key)
        line = toml_text.line_of(key, self.text)
        return f"{self.file}:{line}" if line else str(self.file)

    def order(self, key: str) -> float:
        """Return a number by which complaints are put in the order of the file."""
        if key in self.options:
            return 0
        return toml_text.line_of(key, self.text) or math.inf


def option(key: str) -> str:
    """Return the option of the command line for a key of the file.

    Examples
    --------
    >>> option("min_lift")
    '--min-lift'
    """
    return "--" + key.replace("_", "-")


def read_config(path: Path, options: Mapping[str, Any]) -> StudyConfig:
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
    return StudyConfig.resolve(options, path, read_text(path))


def read_text(path: Path) -> str:
    """Read a file of settings as text with plain ends of lines.

    Raises
    ------
    InputError
        It cannot be read, or is no UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        raise InputError(
            "there is no such file", where=str(path), remedy="check the path"
        ) from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=str(path)) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(
            "this is no TOML: it is not UTF-8 text",
            where=f"{path}:{line}",
            remedy="save it as UTF-8",
        ) from error


def first_complaint(error: ValidationError, places: Places, model: type[BaseModel]) -> InputError:
    """Turn the first complaint of pydantic, in the order of the file, into an error."""
    complaints = sorted(error.errors(), key=lambda e: places.order(str(e["loc"][0])))
    found = complaints[0]
    key = str(found["loc"][0])
    where = places.of(key)
    more = f" (and {len(complaints) - 1} more)" if len(complaints) > 1 else ""
    if found["type"] == "extra_forbidden":
        unknown = UnknownNameError("key", key, model.model_fields)
        return InputError(f"{str(unknown).rstrip('.')}{more}", where=where)
    if found["type"] == "missing":
        return InputError(
            f"{key} is not given{more}", where=_file_of(places), remedy=_how_to_give(key)
        )
    place = "".join(f"[{part}]" for part in found["loc"][1:] if isinstance(part, int))
    return InputError(f"{key}{place} = {_shown(found['input'])} {_wrong(found)}{more}", where=where)


def _wrong(found: Any) -> str:
    text = str(found["msg"]).removeprefix("Input ").removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _file_of(places: Places) -> str | None:
    return None if places.file is None else str(places.file)


def _how_to_give(key: str) -> str:
    example = {"label": "COLUMN", "sources": "FOLDER", "target": "FILE"}.get(key, "VALUE")
    flag = "the first argument" if key == "target" else f"{option(key)} {example}"
    return f'pass {flag}, or write {key} = "{example}" in a TOML file'


def _check_sources(config: StudyConfig, places: Places) -> None:
    if config.sources is None and config.cut_by is None:
        raise InputError(
            "sources is not given",
            where=_file_of(places),
            remedy=f"{_how_to_give('sources')}; or cut them from the target's table: "
            "--cut-by COLUMN=VALUE",
        )
    if config.sources is not None and config.cut_by is not None:
        raise InputError(
            "sources and cut_by are both given",
            where=places.of("cut_by"),
            remedy="name a folder of sources, or cut them from the target's table, not both",
        )


def _check_names(config: StudyConfig, places: Places) -> None:
    """Check names before a large table is read for nothing."""
    from priorlift.study.metrics import METRICS
    from priorlift.trials.runners import RUNNERS

    wanted = [("method", "methods", name, registry.names("methods")) for name in config.methods]
    wanted.append(("runner", "runner", config.runner, RUNNERS))
    if config.metric is not None:
        metrics = [m.name for m in METRICS.values() if config.task in (None, m.task)]
        kind = f"metric for {config.task}" if config.task else "metric"
        wanted.append((kind, "metric", config.metric, metrics))
    for kind, key, name, known in wanted:
        if name not in known:
            error = UnknownNameError(kind, name, known)
            raise InputError(str(error).rstrip("."), where=places.of(key))


def seen_from_here(path: Path) -> str:
    """Return a path relative to the current folder where it lies in it, else whole."""
    real = Path(os.path.realpath(path))
    here = Path(os.path.realpath("."))
    return str(real.relative_to(here) if real.is_relative_to(here) else real)


def relative_to(path: str, folder: Path) -> str:
    """Return a path as it is seen from a folder; absolute where that cannot be."""
    try:
        return Path(os.path.relpath(os.path.realpath(path), os.path.realpath(folder))).as_posix()
    except ValueError:  # another drive
        return os.path.realpath(path)
