"""What a task is: a target with few labels, and the sources that it may learn from.

`Target` and `Source` hold the rows of one task and its fingerprints. `ModelSource` is a source
without rows: a pretrained model, known by the features that it gives. `SourcePool` is an immutable
set of sources that travels through scikit-learn untouched.

The pool is opaque on purpose: it has no `__len__`, no `shape` and no `__array__`. scikit-learn cuts
every sized object that is passed to `fit` and has, by chance, as many elements as the target has
rows, silently; an object without a size is passed on whole.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from priorlift.core import arrays, files
from priorlift.core.errors import InputError, InputTypeError, UnknownNameError

Task: TypeAlias = Literal["classification", "regression"]

MAX_CODES = 50


@dataclass(frozen=True)
class Fingerprints:
    """Separate hashes of the parts of a task, so that tasks over one matrix share its features."""

    X: str
    y: str
    groups: str
    metadata: str

    @property
    def combined(self) -> str:
        """One hash of all four parts."""
        return arrays.fingerprint([self.X, self.y, self.groups, self.metadata])


def infer_task(y: NDArray[Any]) -> Task | None:
    """Infer the kind of task from its labels where that is unambiguous.

    Text, truth values and two distinct integers are classes, and so are integers 0, ..., K-1 with
    K at most 50 and two rows a class on average. Numbers with a fractional part are regression. All
    else is ambiguous.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, k)
        Labels, missing ones already removed.

    Returns
    -------
    {"classification", "regression"} or None
        None where the labels could be either.
    """
    if y.dtype.kind in "bUST":
        return "classification"
    if y.dtype.kind == "O":
        if not all(isinstance(value, int | float | np.number) for value in y.ravel()):
            return "classification"
        y = y.astype(float)
    if y.dtype.kind == "f" and (y != np.round(y)).any():
        return "regression"
    if y.ndim != 1 or not y.size:
        return None
    values = np.unique(y)
    codes = np.array_equal(values, np.arange(len(values)))
    if len(values) <= 2 or (codes and len(values) <= min(MAX_CODES, len(y) / 2)):
        return "classification"
    return None


@dataclass(frozen=True, eq=False)
class TaskData:
    """Rows, labels and groups of one task; the common part of `Target` and `Source`.

    Parameters
    ----------
    name : str
        What the task is called in tables and messages.
    X : array, SciPy-sparse matrix, data frame or raw collection, n rows
        Features, or raw inputs for an encoder. Never copied, never changed.
    y : array-like of shape (n,) or (n, k)
        Labels. A missing label is NaN or None.
    groups : array-like of shape (n,), optional
        Patient, subject, event or batch of each row; a split never puts one group on both sides.
    task : {"classification", "regression"}, optional
        Inferred where the labels leave no doubt, else None.
    sample_weight : array-like of shape (n,), optional
        Non-negative weights of the rows.
    unlabeled : optional
        A value of y that stands for a missing label, -1 say. Without it, -1 is a class.
    licence, description : str
        Carried into reports and model cards.

    Attributes
    ----------
    labelled : ndarray of bool, shape (n,)
        Which rows have a label.
    columns : tuple of str or None
        The names of X's columns.
    fingerprints : Fingerprints
        Hashes of the content, computed once, when first asked for.

    Raises
    ------
    InputError
        Lengths differ, there are no rows, or X is not two-dimensional.
    """

    name: str
    X: Any
    y: Any
    groups: Any = field(default=None, kw_only=True)
    task: Task | None = field(default=None, kw_only=True)
    sample_weight: Any = field(default=None, kw_only=True)
    unlabeled: Any = field(default=None, kw_only=True)
    licence: str = field(default="", kw_only=True)
    description: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        where = f"{type(self).__name__.lower()} {self.name!r}"
        if not isinstance(self.name, str) or not self.name:
            raise InputTypeError(
                f"a name must be a non-empty string, not {self.name!r}",
                remedy=f"{type(self).__name__}(name, X, y)",
            )
        if not hasattr(self.X, "shape") and not hasattr(self.X, "__len__"):
            raise InputTypeError(
                f"X is of type {type(self.X).__name__}",
                where=where,
                remedy="pass an array, a sparse matrix, a data frame or a list",
            )
        if isinstance(self.X, list | tuple):
            self._set("X", arrays.to_vector(self.X))
        rows = arrays.n_rows(self.X)
        if rows == 0:
            raise InputError("has no rows", where=where, remedy="leave it out")
        if isinstance(self.X, np.ndarray) and self.X.ndim < 2 and self.X.dtype.kind in "fiub":
            raise InputError("X is not two-dimensional", where=where, remedy="X.reshape(-1, 1)")
        for part in ("y", "groups", "sample_weight"):
            self._normalise(part, rows, where)
        if self.task not in (None, "classification", "regression"):
            raise InputError(
                f"task is {self.task!r}", where=where, remedy='"classification" or "regression"'
            )
        if self.task is None:
            self._set("task", infer_task(self.y[self.labelled]))

    def _set(self, part: str, value: Any) -> None:
        object.__setattr__(self, part, value)

    def _normalise(self, part: str, rows: int, where: str) -> None:
        values = getattr(self, part)
        if values is None and part != "y":
            return
        vector = arrays.to_vector(values)
        if vector.ndim == 0 or len(vector) != rows:
            length = len(vector) if vector.ndim else "no"
            raise InputError(
                f"X has {rows} rows, but {part} has {length}",
                where=where,
                remedy="pass one value a row",
            )
        if part != "y" and arrays.missing_mask(vector).any():
            row = int(np.flatnonzero(arrays.missing_mask(vector))[0])
            raise InputError(
                f"{part} is missing in row {row}", where=where, remedy="give every row one"
            )
        if part == "sample_weight" and (vector.dtype.kind not in "fiub" or (vector < 0).any()):
            raise InputError("a sample weight is negative", where=where, remedy="pass 0 or more")
        self._set(part, vector)

    @property
    def n_rows(self) -> int:
        """Number of rows, labelled or not."""
        return arrays.n_rows(self.X)

    @property
    def columns(self) -> tuple[str, ...] | None:
        """Names of X's columns, None where it has none."""
        return arrays.column_names(self.X)

    @cached_property
    def labelled(self) -> NDArray[np.bool_]:
        """Which rows have a label."""
        missing = arrays.missing_mask(self.y)
        if self.unlabeled is not None:
            equal = np.asarray(self.y == self.unlabeled, dtype=bool)
            missing |= equal.reshape(len(self.y), -1).any(axis=1)
        return ~missing

    @cached_property
    def fingerprints(self) -> Fingerprints:
        """Hashes of X, y, groups and metadata by content."""
        return self._fingerprints(arrays.fingerprint(self.X))

    def _fingerprints(self, of_rows: str) -> Fingerprints:
        labels = self.y
        if self.unlabeled is not None:
            labels = labels.astype(object)
            labels[~self.labelled] = None
        weight = "" if self.sample_weight is None else arrays.fingerprint(self.sample_weight)
        return Fingerprints(
            X=of_rows,
            y=arrays.fingerprint(labels),
            groups=arrays.fingerprint(self.groups),
            metadata=arrays.fingerprint([str(self.task), weight]),
        )

    @cached_property
    def fingerprint(self) -> str:
        """One hash of the whole task; its name is not part of it."""
        return self.fingerprints.combined

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        """Return the same task with the given rows only."""
        return type(self)(
            self.name,
            arrays.take_rows(self.X, rows),
            self.y[rows],
            groups=None if self.groups is None else self.groups[rows],
            sample_weight=None if self.sample_weight is None else self.sample_weight[rows],
            task=self.task,
            unlabeled=self.unlabeled,
            licence=self.licence,
            description=self.description,
        )

    def with_rows(self, X: Any, fingerprint: str) -> Self:
        """Return the same task over other rows, whose hash is known.

        Parameters
        ----------
        X : array, sparse matrix, data frame or raw collection, n rows
            In place of this task's X.
        fingerprint : str
            What `fingerprints.X` would be of them.
        """
        task = replace(self, X=X)
        task.__dict__["fingerprints"] = task._fingerprints(fingerprint)
        return task

    @classmethod
    def restore(cls, fingerprints: Fingerprints, *args: Any, **kwargs: Any) -> Self:
        """Build a task whose fingerprints are known, so that they are not computed again.

        Parameters
        ----------
        fingerprints : Fingerprints
            Those of the original.
        *args, **kwargs
            As for the class.
        """
        task = cls(*args, **kwargs)
        task.__dict__["fingerprints"] = fingerprints
        return task

    @classmethod
    def read(
        cls,
        path: str | Path,
        *,
        label: str,
        groups: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Read a task from one file (CSV or Parquet, or what an installed reader knows).

        Parameters
        ----------
        path : path
            The file; its ending chooses the reader.
        label : str
            The column that holds the labels.
        groups : str, optional
            The column that holds the groups.
        name : str, optional
            By default the file's stem.
        **kwargs
            As for the class.

        Raises
        ------
        InputError
            The file cannot be read, or a column is missing.
        """
        path = Path(path)
        return cls.from_table(files.read_table(path), path, label, groups, name=name, **kwargs)

    @classmethod
    def from_table(
        cls,
        table: Any,
        path: Path,
        label: str,
        groups: str | None,
        *,
        name: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Build a task from a table that was read already; parameters as for `read`."""
        files.require_column(table, label, "label", path)
        if groups is not None:
            files.require_column(table, groups, "group", path)
        features = [column for column in table.column_names if column not in (label, groups)]
        if not features:
            raise InputError("no column is left for the features", where=str(path))
        return cls(
            name or files.stem(path),
            table.select(features),
            table.column(label),
            groups=None if groups is None else table.column(groups),
            **kwargs,
        )

    def __repr__(self) -> str:
        columns = arrays.n_columns(self.X)
        shape = f"{self.n_rows} rows" + ("" if columns is None else f" x {columns} columns")
        labels = "" if self.labelled.all() else f", {int(self.labelled.sum())} labelled"
        grouped = "" if self.groups is None else f", {len(np.unique(self.groups))} groups"
        task = self.task or "task not given"
        return f"{type(self).__name__}({self.name!r}, {shape}{labels}{grouped}, {task})"


class Target(TaskData):
    """The task that has few labels: the one to be solved.

    Takes the parameters of `TaskData`.

    Examples
    --------
    >>> import numpy as np
    >>> Target("ward 7", np.eye(4), ["ill", "well", "ill", None])
    Target('ward 7', 4 rows x 4 columns, 3 labelled, classification)
    """


class Source(TaskData):
    """A related task with many labels: one to learn from.

    Takes the parameters of `TaskData`.

    Examples
    --------
    >>> import numpy as np
    >>> Source("ward 1", np.eye(4), [0.5, 1.5, 2.0, 3.0])
    Source('ward 1', 4 rows x 4 columns, regression)
    """


class FeatureEncoder(Protocol):
    """What a `ModelSource` needs of an encoder; those of `priorlift.encoders` offer it."""

    fingerprint: str

    def transform(self, X: Any) -> Any:
        """Return the features of each row."""
        ...


@dataclass(frozen=True, eq=False)
class ModelSource:
    """A pretrained model as a source: no rows, but features of the target's raw inputs.

    Parameters
    ----------
    name : str
        What the source is called in tables and messages.
    encoder : FeatureEncoder
        Gives the features: `transform(X)` and a `fingerprint`. It is not fitted here.
    licence, description : str
        Carried into reports and model cards.

    Raises
    ------
    InputTypeError
        The name is no text, or the encoder lacks `transform` or `fingerprint`.

    Examples
    --------
    >>> import numpy as np
    >>> class Halves:
    ...     fingerprint = "halves"
    ...     def transform(self, X):
    ...         return np.asarray(X) / 2
    >>> model = ModelSource("halves", Halves())
    >>> model, model.features(np.eye(2)).dtype
    (ModelSource('halves', Halves), dtype('float32'))
    """

    name: str
    encoder: FeatureEncoder
    licence: str = field(default="", kw_only=True)
    description: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InputTypeError(
                f"a name must be a non-empty string, not {self.name!r}",
                remedy="ModelSource(name, encoder)",
            )
        # The class is asked, because an unfitted encoder may have no fingerprint yet.
        kind = type(self.encoder)
        for part in ("transform", "fingerprint"):
            if not hasattr(kind, part) and not hasattr(self.encoder, part):
                raise InputTypeError(
                    f"{kind.__name__} has no {part!r}",
                    where=f"source {self.name!r}",
                    remedy="pass an encoder of priorlift.encoders, or a RawEncoder of your own",
                )

    @cached_property
    def fingerprint(self) -> str:
        """Hash of what the features depend on; the model's name is not part of it."""
        return arrays.fingerprint(["model", self.encoder.fingerprint])

    def features(self, X: Any) -> NDArray[np.float32]:
        """Return the model's features of raw inputs.

        Parameters
        ----------
        X : raw inputs, n rows
            What the encoder takes.

        Returns
        -------
        ndarray of float32, shape (n, d)

        Raises
        ------
        InputError
            The features are not one row for each input, or not finite.
        """
        where = f"source {self.name!r}"
        try:
            found = np.asarray(self.encoder.transform(X), dtype=np.float32)
        except InputError as error:
            raise InputError(str(error).rstrip("."), where=where) from error
        n = arrays.n_rows(X)
        if found.ndim != 2 or len(found) != n or not found.shape[1]:
            raise InputError(f"gives features of shape {found.shape} for {n} rows", where=where)
        if not np.isfinite(found).all():
            row = int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])
            raise InputError(f"gives NaN or infinite features for row {row}", where=where)
        return found

    def __repr__(self) -> str:
        return f"ModelSource({self.name!r}, {type(self.encoder).__name__})"


class SourcePool:
    """An immutable, opaque set of sources: what `fit` takes as `sources`.

    Most of what is done with a pool is done with rows. Iteration, `names`, `n_sources`,
    `by_fingerprint` and `pool["name"]` therefore mean the sources that have rows; pretrained models
    stand beside them in `models`.

    It has no `__len__`, `shape` or `__array__`, because scikit-learn slices any sized object whose
    length equals the number of target rows; use `n_sources`.

    Parameters
    ----------
    sources : iterable of Source or ModelSource
        Names must differ.
    unusable : mapping of str to str, optional
        Names of sources that could not be read, and why; kept so that reports can list them.

    Raises
    ------
    InputTypeError
        Something in `sources` is neither a `Source` nor a `ModelSource`.
    InputError
        Two sources have the same name.

    Examples
    --------
    >>> import numpy as np
    >>> pool = SourcePool([Source("a", np.eye(3), [0, 1, 1]), Source("b", np.eye(2), [0, 1])])
    >>> pool.names, pool["b"].n_rows, "c" in pool
    (('a', 'b'), 2, False)
    """

    def __init__(
        self,
        sources: Iterable[Source | ModelSource] = (),
        *,
        unusable: Mapping[str, str] | None = None,
    ) -> None:
        if isinstance(sources, Source | ModelSource):
            raise InputTypeError(
                f"a single {type(sources).__name__} was passed", remedy="SourcePool([source])"
            )
        self._sources: dict[str, Source] = {}
        self._models: dict[str, ModelSource] = {}
        self.unusable = dict(unusable or {})
        for source in sources:
            if not isinstance(source, Source | ModelSource):
                raise InputTypeError(
                    f"a SourcePool holds Source objects, not {type(source).__name__}",
                    remedy="SourcePool([Source(name, X, y), ...])",
                )
            if source.name in self._sources or source.name in self._models:
                raise InputError(
                    f"two sources are named {source.name!r}",
                    remedy="name each: SourcePool([Source('a', ...), Source('b', ...)])",
                )
            if isinstance(source, ModelSource):
                self._models[source.name] = source
            else:
                self._sources[source.name] = source

    @classmethod
    def read(
        cls, path: str | Path, *, label: str, groups: str | None = None, **kwargs: Any
    ) -> "SourcePool":
        """Read each table of a folder as a source, named by its file.

        Parameters
        ----------
        path : path
            The folder. Hidden files, and files whose ending no reader knows, are passed over.
        label : str
            The label column, the same in each file.
        groups : str, optional
            The group column; a file without it has no groups.
        **kwargs
            As for `Source`.

        Returns
        -------
        SourcePool
            Files that cannot be used are listed in `unusable` with the reason.

        Raises
        ------
        InputError
            The folder does not exist or holds no table.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise InputError(
                "is not a folder", where=str(path), remedy="pass the folder of the sources"
            )
        known = files.suffixes()
        paths = sorted(p for p in folder.iterdir() if files.suffix(p) and p.name[0] != ".")
        if not paths:
            raise InputError(
                "holds no table",
                where=str(path),
                remedy=f"put files ending in {', '.join(known)} there",
            )
        sources: dict[str, Source] = {}
        unusable: dict[str, str] = {}
        for file in paths:
            name = files.stem(file)
            if name in sources or name in unusable:
                unusable[file.name] = f"{file}: another file there is named {name!r} too."
                continue
            try:
                table = files.read_table(file)
                grouped = groups if groups in table.column_names else None
                sources[name] = Source.from_table(table, file, label, grouped, **kwargs)
            except InputError as error:
                unusable[name] = str(error)
        return cls(sources.values(), unusable=unusable)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the sources that have rows, in the order given."""
        return tuple(self._sources)

    @property
    def n_sources(self) -> int:
        """Number of sources that have rows."""
        return len(self._sources)

    @property
    def models(self) -> tuple[ModelSource, ...]:
        """The pretrained models, in the order given."""
        return tuple(self._models.values())

    def subset(self, names: Iterable[str]) -> "SourcePool":
        """Return a pool of the named sources and models."""
        return SourcePool([self._models.get(name) or self[name] for name in names])

    def without_models(self, reason: str) -> "SourcePool":
        """Return the sources that have rows; each model is listed in `unusable` with the reason."""
        if not self._models:
            return self
        left_out = dict.fromkeys(self._models, reason)
        return SourcePool(self, unusable={**self.unusable, **left_out})

    def by_fingerprint(self) -> tuple[Source, ...]:
        """Return the sources in the order of their fingerprints, in which methods combine them."""
        return tuple(sorted(self, key=lambda source: source.fingerprint))

    def __getitem__(self, name: str) -> Source:
        if name in self._models:
            raise InputError(
                "is a pretrained model and has no rows",
                where=f"source {name!r}",
                remedy="look it up in pool.models",
            )
        if name not in self._sources:
            raise UnknownNameError("source", str(name), self.names)
        return self._sources[name]

    def __contains__(self, name: object) -> bool:
        return name in self._sources

    def __iter__(self) -> Iterator[Source]:
        return iter(self._sources.values())

    def __sklearn_clone__(self) -> Self:
        return self

    def __repr__(self) -> str:
        inside = ", ".join(repr(source) for source in (*self, *self.models))
        return f"SourcePool([{inside}])"


@dataclass(frozen=True)
class Aligned:
    """A source's features in the target's columns.

    Attributes
    ----------
    X : array, sparse matrix or frame
        The features; the target's columns, in its order.
    n_dropped : int
        How many columns the source has beyond the target's.
    """

    X: Any
    n_dropped: int


def align_source(source: Source, columns: tuple[str, ...] | None, n_columns: int | None) -> Aligned:
    """Bring a source's features into the target's columns.

    Columns are matched by name where both have names, else by position.

    Parameters
    ----------
    source : Source
        The source to align.
    columns : tuple of str or None
        The target's column names.
    n_columns : int or None
        The number of the target's columns; None for raw inputs, which are passed as they are.

    Raises
    ------
    InputError
        A column of the target is missing, or there are no names and the numbers of columns differ.
    """
    where = f"source {source.name!r}"
    if columns is not None and source.columns is not None:
        missing = [name for name in columns if name not in source.columns]
        if len(missing) == len(columns):
            raise InputError(
                "has no column in common with the target", where=where, remedy="leave it out"
            )
        if missing:
            shown = ", ".join(repr(name) for name in missing[:5])
            shown += " and others" if missing[5:] else ""
            raise InputError(
                f"lacks {len(missing)} of the target's columns: {shown}",
                where=where,
                remedy="add or rename the columns, or leave them out of the target",
            )
        return Aligned(arrays.select_columns(source.X, columns), len(source.columns) - len(columns))
    found = arrays.n_columns(source.X)
    if found != n_columns:
        raise InputError(
            f"has {found} columns, the target {n_columns}",
            where=where,
            cause="another feature space",
            remedy="name the columns (a data frame) so that they can be matched, or leave it out",
        )
    return Aligned(source.X, 0)
