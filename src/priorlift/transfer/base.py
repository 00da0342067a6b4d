"""The estimator base: one contract for every transfer method.

`fit(X, y, sources=None, sample_weight=None, groups=None)` validates the target, aligns each source
to its columns, encodes both with a preprocessor learned on the target's rows, and hands plain
matrices to `_fit` of the method. A method is therefore one small file: it declares its tags and
implements `_fit`.

`sources=None` and an empty pool are the same thing: the honest baseline of the same class.
"""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import (
    _check_sample_weight,
    assert_all_finite,
    check_array,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from priorlift.core import arrays
from priorlift.core.errors import InputError, InputTypeError
from priorlift.core.seeds import RandomState, base_seed
from priorlift.encoders.table import TableEncoder, numbers_of
from priorlift.pool import Source, SourcePool, Task, align_source


@dataclass(frozen=True)
class TransferTags:
    """What a method can use; a study plans from these tags and lists what it skips.

    Attributes
    ----------
    labels : {"shared", "any"}
        Whether sources must share labels with the target, or may have label sets of their own.
    columns : {"target", "own"}
        Whether sources are brought into the target's columns, or come with features of their own,
        which are then preprocessed by themselves.
    open_labels : bool
        Whether `classes_` may hold classes that only a source has.
    sparse : bool
        Whether sparse features stay sparse.
    unlabelled_rows : bool
        Whether the method learns from rows of the target that have no label.
    multi_output : bool
        Whether 2-D labels are accepted.
    selects_sources : bool
        Whether the method chooses among the sources itself, so that a study gives it the whole pool
        only.
    uses_sources : bool
        Whether the method looks at sources at all.
    models : bool
        Whether the method can use pretrained models (`ModelSource`). No built-in method can: they
        are given preprocessed columns, and a model takes raw inputs.
    """

    labels: Literal["shared", "any"] = "shared"
    columns: Literal["target", "own"] = "target"
    open_labels: bool = False
    sparse: bool = True
    unlabelled_rows: bool = False
    multi_output: bool = False
    selects_sources: bool = False
    uses_sources: bool = True
    models: bool = False


NO_MODELS = (
    "it is a pretrained model without rows, and the method learns from rows; rank_sources ranks "
    "models, and the features of one can be passed as X"
)


@dataclass(frozen=True)
class Method:
    """An entry of `priorlift.methods`: a method's name and its class for each kind of task."""

    name: str
    summary: str
    classifier: type["TransferEstimator"] | None
    regressor: type["TransferEstimator"] | None

    def for_task(self, task: Task) -> type["TransferEstimator"]:
        """Return the method's class for a kind of task.

        Raises
        ------
        InputError
            The method has none.
        """
        found = self.classifier if task == "classification" else self.regressor
        if found is None:
            raise InputError(f"method {self.name!r} has no form for {task}")
        return found


@dataclass(frozen=True)
class Rows:
    """Validated, encoded rows of one task: what a method's `_fit` works on.

    Attributes
    ----------
    name : str
        The source's name, "target" for the target.
    X : ndarray or CSR matrix of shape (n, d)
        Features after preprocessing; for a method that encodes itself, the aligned input.
    y : ndarray of shape (n,)
        Labels, none missing.
    sample_weight : ndarray of shape (n,)
        Ones where none were given.
    groups : ndarray of shape (n,) or None
        Groups of the rows.
    task : {"classification", "regression"}
        The task of these rows; a source may have another than the target.
    fingerprint : str
        Of the source; empty for the target.
    """

    name: str
    X: Any
    y: NDArray[Any]
    sample_weight: NDArray[np.float64]
    groups: NDArray[Any] | None
    task: Task
    fingerprint: str = ""


def check_pool(sources: Any) -> SourcePool:
    """Return the pool that `fit` was given; an empty one for None.

    Raises
    ------
    InputTypeError
        `sources` is not a `SourcePool`.
    """
    if sources is None:
        return SourcePool()
    if not isinstance(sources, SourcePool):
        raise InputTypeError(
            f"sources must be a SourcePool, not {type(sources).__name__}",
            remedy="SourcePool([Source('name', X, y), ...])",
        )
    return sources


def _plain(y: NDArray[Any]) -> NDArray[Any]:
    """Give labels that stand in an object array the type that they have."""
    return np.asarray(y.tolist()) if y.dtype.kind == "O" else y


class TransferEstimator(BaseEstimator):
    """Base of all transfer estimators; see `TransferClassifier` and `TransferRegressor`.

    A subclass stores its parameters, sets `transfer_tags`, and implements `_fit(target, sources)`,
    which learns `model_`. Where the model does not work on the preprocessed columns themselves, it
    overrides `_features`.

    Attributes
    ----------
    sources_ : dict of str to str
        Names and fingerprints of the sources learned from. Their rows are not kept.
    licences_ : dict of str to str
        Licence notes of the sources that have one.
    skipped_models_ : dict of str to str
        Pretrained models of the pool that the method cannot use, and why.
    n_dropped_columns_ : dict of str to int
        How many columns each source had beyond the target's.
    preprocess_ : transformer or None
        The fitted preprocessing.
    model_ : estimator
        The model on the final features.
    """

    __metadata_request__fit: ClassVar[dict[str, bool]] = {"sources": True, "groups": True}
    transfer_tags: ClassVar[TransferTags] = TransferTags()
    _task: ClassVar[Task]

    preprocess: Any = "auto"
    preprocess_on: Literal["target", "all"] = "target"
    random_state: RandomState = None

    def fit(
        self,
        X: Any,
        y: Any,
        sources: SourcePool | None = None,
        sample_weight: Any = None,
        groups: Any = None,
    ) -> Self:
        """Learn the target's task, with the help of the sources where there are any.

        Parameters
        ----------
        X : frame, array or sparse matrix of n rows
            The target's training rows.
        y : array-like of shape (n,)
            Their labels, none missing.
        sources : SourcePool, optional
            What to learn from. Without it, or with an empty pool: the baseline of the same class.
        sample_weight : array-like of shape (n,), optional
            Weights of the target's rows.
        groups : array-like of shape (n,), optional
            Groups of the target's rows, respected by inner validation.

        Returns
        -------
        self

        Raises
        ------
        InputError
            Labels are missing or of one class, columns do not match, or a source cannot be used.
        InputTypeError
            `sources` is not a `SourcePool`.
        """
        pool = check_pool(sources)
        self._look_at(pool)
        X = self._check_X(X, reset=True)
        y = self._check_y(y, X)
        weight = _check_sample_weight(sample_weight, np.empty((len(y), 1)), dtype=float)
        if groups is not None:
            groups = arrays.to_vector(groups)
            check_consistent_length(y, groups)
        self._seed = base_seed(self.random_state)
        target = Rows("target", X, y, weight, groups, self._task)
        pool = self._without_models(pool)
        self._fit_pool(target, pool if self.transfer_tags.uses_sources else SourcePool())
        return self

    def _look_at(self, pool: SourcePool) -> None:
        """See the pool before the target's labels are checked: a hook for open label sets."""

    def _without_models(self, pool: SourcePool) -> SourcePool:
        self.skipped_models_: dict[str, str] = {}
        if self.transfer_tags.models or not self.transfer_tags.uses_sources:
            return pool
        self.skipped_models_ = {model.name: NO_MODELS for model in pool.models}
        return pool.without_models(NO_MODELS)

    def _fit_pool(self, target: Rows, pool: SourcePool) -> None:
        """Align and encode target and sources for `_fit`; `target` holds rows as they were given.

        A method that leaves preprocessing to estimators inside it overrides this and
        `_model_input`.
        """
        self.n_dropped_columns_: dict[str, int] = {}
        self.sources_ = {source.name: source.fingerprint for source in pool.by_fingerprint()}
        self.licences_ = {source.name: source.licence for source in pool if source.licence}
        matched = SourcePool([self._matched(source) for source in pool])
        aligned = tuple(self._rows_of(source) for source in matched.by_fingerprint())
        self._fit_preprocess(target, aligned)
        self._fit(self._encode(target), tuple(self._encode(source) for source in aligned))

    def refusals(self, X: Any, y: Any, sources: SourcePool | None) -> dict[str, str]:
        """Tell which sources this method would refuse for a target, and why; no model is fitted.

        Parameters
        ----------
        X : frame, array or sparse matrix of n rows
            The target's training rows.
        y : array-like of shape (n,)
            Their labels.
        sources : SourcePool or None
            What to look at.

        Returns
        -------
        dict of str to str
            The reason for each refused source; the estimator itself is left as it was.
        """
        probe = clone(self)
        probe._look_at(check_pool(sources))
        X = probe._check_X(X, reset=True)
        y = probe._check_y(y, X)
        probe.n_dropped_columns_ = {}
        target = Rows("target", X, y, np.ones(len(y)), None, self._task)
        probe._fit_preprocess(target, ())
        refused = {}
        for source in check_pool(sources):
            try:
                probe._encode(probe._rows_of(probe._matched(source)))
            except InputError as error:
                refused[source.name] = str(error)
        if not self.transfer_tags.models:
            refused.update({model.name: NO_MODELS for model in check_pool(sources).models})
        return refused

    @abstractmethod
    def _fit(self, target: Rows, sources: tuple[Rows, ...]) -> None:
        """Learn `model_` from encoded rows; `sources` come in the order of their fingerprints."""

    def _features(self, X: Any) -> Any:
        """Turn preprocessed columns into the features that `model_` works on."""
        return X

    def _check_X(self, X: Any, *, reset: bool) -> Any:
        if arrays.is_frame(X):
            validate_data(self, X, reset=reset, skip_check_array=True)
            if arrays.n_rows(X) == 0:
                raise InputError("Found array with 0 sample(s): X has no rows")
            names = arrays.column_names(X)
            if reset:
                self._columns = names
            return X
        if reset:
            self._columns = None
        return validate_data(
            self,
            X,
            reset=reset,
            accept_sparse="csr",
            dtype="numeric",
            ensure_all_finite="allow-nan" if isinstance(self.preprocess, str) else True,
        )

    def _check_y(self, y: Any, X: Any) -> NDArray[Any]:
        if y is None:
            raise InputError(
                f"{type(self).__name__} requires y to be passed, but the target y is None",
                remedy="pass one label a row",
            )
        vector = arrays.to_vector(y)
        if vector.ndim != 1:
            vector = column_or_1d(vector, warn=True)
        missing = arrays.missing_mask(vector)
        if missing.any() and not self.transfer_tags.unlabelled_rows:
            raise InputError(
                f"Input y contains NaN: {int(missing.sum())} labels are missing",
                where=f"row {int(np.flatnonzero(missing)[0])}",
                remedy="drop rows without a label before fit (a Study does so by itself)",
            )
        if len(vector) != arrays.n_rows(X):
            raise InputError(
                f"Found input variables with inconsistent numbers of samples: X has "
                f"{arrays.n_rows(X)} rows, y has {len(vector)}"
            )
        return self._check_labels(vector)

    def _check_labels(self, y: NDArray[Any]) -> NDArray[Any]:
        raise NotImplementedError

    def _matched(self, source: Source) -> Source:
        """Return the source in the target's columns.

        Its fingerprint, by which sources are ordered and seeded, is then that of what is learned
        from: columns that are dropped cannot change a result.
        """
        if self.transfer_tags.columns == "own":
            self.n_dropped_columns_[source.name] = 0
            return source
        aligned = align_source(source, self._columns, self.n_features_in_)
        self.n_dropped_columns_[source.name] = aligned.n_dropped
        in_place = self._columns is None or source.columns in (None, self._columns)
        return source if in_place else replace(source, X=aligned.X)

    def _rows_of(self, source: Source) -> Rows:
        where = f"source {source.name!r}"
        keep = source.labelled
        if source.y.ndim != 1 and not self.transfer_tags.multi_output:
            raise InputError("has 2-D labels", where=where, remedy="pick one column of y")
        if self.transfer_tags.labels == "shared":
            keep = keep & self._shares_label(source)
        if not keep.any():
            raise InputError(
                "has no row with a label of the target",
                where=where,
                remedy="leave it out of the pool",
            )
        weight = np.ones(source.n_rows) if source.sample_weight is None else source.sample_weight
        # Labels that stand for the target's own are of its type, whatever the source's file made of
        # them.
        shared = self.transfer_tags.labels == "shared"
        task = self._task if shared else source.task or self._task
        y = source.y[keep]
        if task == "classification":
            y = y.astype(self.classes_.dtype) if shared else _plain(y)
        return Rows(
            source.name,
            arrays.take_rows(source.X, keep),
            y.astype(float) if task == "regression" else y,
            np.asarray(weight[keep], dtype=float),
            None if source.groups is None else source.groups[keep],
            task,
            source.fingerprint,
        )

    def _shares_label(self, source: Source) -> NDArray[np.bool_]:
        raise NotImplementedError

    def _fit_preprocess(self, target: Rows, sources: Iterable[Rows]) -> None:
        if isinstance(self.preprocess, str) and self.preprocess != "auto":
            raise InputError(
                f"preprocess is {self.preprocess!r}",
                remedy='"auto", None or a scikit-learn transformer',
            )
        if self.preprocess_on not in ("target", "all"):
            raise InputError(f"preprocess_on is {self.preprocess_on!r}", remedy='"target" or "all"')
        together = self.preprocess_on == "all" and self.transfer_tags.columns == "target"
        self.preprocess_ = self._preprocess_for([target, *sources] if together else [target])

    def _preprocess_for(self, rows: list[Rows]) -> Any:
        if self.preprocess is None:
            return None
        X = arrays.stack_rows([part.X for part in rows])
        if self.preprocess != "auto":
            return clone(self.preprocess).fit(X)
        weight = np.concatenate([part.sample_weight for part in rows])
        return TableEncoder().fit(X, sample_weight=weight)

    def _encode(self, rows: Rows) -> Rows:
        where = f"source {rows.name!r}" if rows.fingerprint else "the target"
        own = bool(rows.fingerprint) and self.transfer_tags.columns == "own"
        preprocess = self._preprocess_for([rows]) if own else self.preprocess_
        return replace(rows, X=_encoded(preprocess, rows.X, where))

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the label of each row.

        Parameters
        ----------
        X : frame, array or sparse matrix of n rows
            Columns as in `fit`.

        Returns
        -------
        ndarray of shape (n,)
        """
        features = self._model_input(X)
        return np.asarray(self.model_.predict(features))

    def _model_input(self, X: Any) -> Any:
        check_is_fitted(self, "model_")
        return self._features(_encoded(self.preprocess_, self._check_X(X, reset=False), "X"))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.transfer_tags.sparse
        tags.input_tags.allow_nan = isinstance(self.preprocess, str)
        tags.target_tags.required = True
        return tags


def _encoded(preprocess: Any, X: Any, where: str) -> Any:
    if preprocess is not None:
        try:
            return preprocess.transform(X)
        except InputError as error:
            raise InputError(str(error).rstrip("."), where=where) from error
    if arrays.is_frame(X):
        X = numbers_of(X)
    return check_array(X, accept_sparse="csr", dtype=float, input_name="X")


def _model_has(attribute: str) -> Any:
    def check(self: Any) -> bool:
        model = getattr(self, "model_", None)
        return model is None or hasattr(model, attribute)

    return check


class TransferClassifier(ClassifierMixin, TransferEstimator):
    """Base of transfer classifiers.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The target's labelled classes.
    """

    _task = "classification"

    def _check_labels(self, y: NDArray[Any]) -> NDArray[Any]:
        if y.dtype.kind == "O" and not all(isinstance(value, str) for value in y):
            y = _plain(y)
        check_classification_targets(y)
        self.classes_ = unique_labels(y)
        if len(self.classes_) < 2:
            raise InputError(
                f"the target has one class only ({self.classes_.tolist()[0]!r}), "
                "a classifier needs two",
                cause="too few labelled rows, or a label column that does not vary",
                remedy="label rows of another class",
            )
        return y

    def _shares_label(self, source: Source) -> NDArray[np.bool_]:
        shared = np.isin(source.y, self.classes_) & source.labelled
        if not shared.any():
            labels = sorted(set(source.y[source.labelled].tolist()), key=str)
            found = ", ".join(map(repr, labels[:5]))
            wanted = ", ".join(map(repr, self.classes_[:5].tolist()))
            raise InputError(
                f"shares no label with the target: {found} against {wanted}",
                where=f"source {source.name!r}",
                cause="another label set, or the same labels written differently",
                remedy="use a method that takes any label set, such as frozen features",
            )
        return shared

    @available_if(_model_has("predict_proba"))
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Predict class probabilities.

        Parameters
        ----------
        X : frame, array or sparse matrix of n rows
            Columns as in `fit`.

        Returns
        -------
        ndarray of shape (n, n_classes)
            In the order of `classes_`.
        """
        features = self._model_input(X)
        return np.asarray(self.model_.predict_proba(features))

    @available_if(_model_has("decision_function"))
    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the model's decision values, shape (n,) or (n, n_classes)."""
        features = self._model_input(X)
        return np.asarray(self.model_.decision_function(features))

    def proba_for(self, X: Any, classes: Iterable[Any]) -> NDArray[np.float64]:
        """Predict probabilities of the given classes, zero for those that the model does not know.

        Parameters
        ----------
        X : frame, array or sparse matrix of n rows
            Columns as in `fit`.
        classes : iterable
            The wanted order of the columns.

        Returns
        -------
        ndarray of shape (n, len(classes))
        """
        known = {label: column for column, label in enumerate(self.classes_.tolist())}
        probabilities = self.predict_proba(X)
        wanted = list(np.asarray(list(classes)).tolist())
        aligned = np.zeros((len(probabilities), len(wanted)))
        for column, label in enumerate(wanted):
            if label in known:
                aligned[:, column] = probabilities[:, known[label]]
        return aligned


class TransferRegressor(RegressorMixin, TransferEstimator):
    """Base of transfer regressors."""

    _task = "regression"

    def _check_labels(self, y: NDArray[Any]) -> NDArray[Any]:
        try:
            numbers = y.astype(float)
        except (TypeError, ValueError) as error:
            raise InputError(
                "Unknown label type: y holds values that are not numbers",
                remedy="use the classifier, or clean y",
            ) from error
        assert_all_finite(numbers, input_name="y")
        return numbers

    def _shares_label(self, source: Source) -> NDArray[np.bool_]:
        try:
            source.y[source.labelled].astype(float)
        except (TypeError, ValueError) as error:
            raise InputError(
                "holds labels that are not numbers, the target's are numbers",
                where=f"source {source.name!r}",
                remedy="leave it out, or use a method that takes any label set",
            ) from error
        return source.labelled
