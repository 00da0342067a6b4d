"""Labels carried from annotated data sets to one without labels, whose columns mean the same.

Made for cells: references are RNA data sets with cell types, the target is gene activity of
chromatin, or proteins, with few labels or none. After Lin et al. (2022), in three stages: a joint
embedding, a vote of nearest neighbours, a joint embedding again with the transferred labels.
`mode="published"` does what their paper and code do, less the defects; `mode="default"` does what
measures best.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.base import TransformerMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_is_fitted, validate_data

from priorlift.core import arrays
from priorlift.core.disk_rows import DiskRows
from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState
from priorlift.pool import Source, SourcePool
from priorlift.transfer.base import Method, Rows, TransferClassifier, TransferTags
from priorlift.transfer.joint import composition, preparing, procedure
from priorlift.transfer.joint.settings import Settings, resolve

MISSING = -1


class JointLabelTransferClassifier(TransformerMixin, TransferClassifier):
    """Joint embedding of references and query, with labels carried over by nearest neighbours.

    The target is the query. Its labels may be missing for most rows, or for all where there are
    sources: None, NaN or, among integer labels, -1 mark a row without one. (Where -1 and 1 are all
    that there is, and no source has other labels, both are classes.)

    Parameters
    ----------
    mode : {"default", "published"}, default="default"
        Supplies every setting that is left at None; `plan_` shows what it was.
    preprocess : {"binary", "lognorm", "tfidf", "counts", "standard"}, optional
        What is done to genes. "standard" is a `TableEncoder`; it is taken by itself where X has
        negative values, text or missing values.
    passthrough : sequence of int or of str, or mask of bool, optional
        Columns outside `preprocess`, proteins say.
    query_only : sequence of int or of str, or mask of bool, optional
        Columns that no source has, peaks say. Refused by `mode="published"`.
    scale_passthrough : bool, optional
        Whether these columns are standardised within each data set.
    embedding_dim : int, optional
        Width of the embedding; 64.
    epochs : (int, int) or int, optional
        Of the first and the third stage; 20 each.
    batch_size : int, optional
        Rows of each data set in a step; 256.
    min_steps : int, optional
        Least steps of an epoch, which matter where the query is small.
    learning_rate, momentum : float, optional
        Of the descent; 0.01 and 0.9.
    lr_decay_every : int, optional
        Epochs after which the rate falls to a tenth; 20.
    reduction_weight : float, optional
        Of the loss that spreads, decorrelates and bounds the embedding; 1.
    mean_penalty : {"values", "coordinate_means"}, optional
        What that loss keeps near zero.
    decorrelation : {"covariance", "correlation"}, optional
        What that loss keeps small between coordinates.
    alignment_weight, alignment_fraction : float, optional
        Of the alignment term, and which share of the query takes part; 1 and 0.8.
    center_weight : float, optional
        Of the distance to class centers in the third stage; 1.
    centers : {"fixed", "learned", "class_means"}, optional
        Whether the centers stay as they are drawn, are trained, or follow the classes' means.
    l1 : float, optional
        Factor of the mean absolute value of each parameter; 0.1.
    n_neighbors : int, optional
        How many anchors vote; 30.
    vote : {"uniform", "distance", "class_balanced"}, optional
        How they vote.
    joint_init : {"random", "stage1"}, optional
        Where the third stage starts.
    pseudo_label_min_confidence : float, optional
        Least share of votes of a transferred label that the third stage learns from; 0.
    stage3 : bool, optional
        Whether there is a third stage.
    trajectory : bool, optional
        Whether the third stage leaves out the cross-entropy.
    unknown_label : object, optional
        What `predict` says of rows that are more unlike known ones than `known_fraction` of known
        rows are to each other. Without it every row gets a class.
    known_fraction : float, optional
        Which share of known rows keeps its label; 0.95.
    n_members : int, optional
        Networks, of different seeds, whose views are averaged; 1, but 5 where target and sources
        have 2,000 rows or fewer and the mode is "default".
    count_weight : float, optional
        Weight of the count model against the vote, from 0 to 1. It needs counts on both sides and
        is left out where these are not there; `left_out_` says so.
    refine_rounds : int, optional
        How often the query's own features (counts of genes and of `query_only` columns, values of
        `passthrough` ones) refine the labels; 0 for never.
    composition_weight : float, optional
        How far the refinement takes the classes' shares of cells, from 0 (shares among labelled
        cells) to 1 (shares that it finds in the query). Shares that differ for no more than a tenth
        of the cells count as the same.
    match_levels : bool, optional
        Whether sources are standardised by their levels at the classes' shares that the first
        stage finds in the query. The first stage then runs twice; where shares are the same as in
        the sources, but for a tenth of the cells, nothing is changed.
    anchors : {"all", "medoids"}, default="all"
        Which labelled rows' embeddings are kept, and vote: all, or at most 100 of each class, each
        with the votes of those that it stands for. For smaller files, and for sources that may not
        be shared row by row.
    max_grad_norm : float, optional
        A longer gradient is shortened to it.
    n_jobs : int, optional
        Threads of `fit`, -1 for one a core. They change nothing but the time.
    random_state : int, RandomState or None
        Seeds weights, centers and orders of rows.

    Attributes
    ----------
    classes_ : ndarray
        All labels of target and sources, sorted.
    plan_ : Settings
        All settings as they were used, frozen.
    transduction_ : ndarray of shape (n,)
        Labels of the rows of `fit`: the known ones, and the transferred ones for the rest.
    transduction_proba_ : ndarray of shape (n, n_classes)
        Their probabilities. A row's own known label has no vote and teaches no model that it is
        measured by; but the network was trained with it.
    transduction_confidence_ : ndarray of shape (n,)
        How sure the transferred labels are.
    history_ : dict of str to list of float
        Mean loss of each epoch, by stage.
    stage1_ : ndarray of shape (n,)
        What the head said of the rows of `fit` after the first stage, for comparison.
    left_out_ : dict of str to str
        What the settings ask for and the data do not allow, and why.
    model_ : FittedJoint
        Networks, and embeddings of the anchors; no row of target or sources.
    sources_ : dict of str to str
        Names and fingerprints of the sources.

    Raises
    ------
    InputError
        There is no label at all, or one class only; values are negative, missing or infinite where
        they cannot be; training diverges at a tenth of the rate as well.

    Notes
    -----
    After Lin, Wu, Wan, Yang, Wong, Wang, Nature Biotechnology 40 (2022), written anew. *As in the
    authors' code*: one linear encoder without activation, a linear head, the losses of
    `priorlift.transfer.joint.losses`, batches drawn with replacement, a third stage from new random
    weights, centers that never move. *Repaired*: an epoch has one step at least; a diverging stage
    is tried again at a tenth of the rate and then refused; batches and embeddings that would divide
    by zero do not; the neighbours are exact, over all anchors; confidence grows with the share of
    the vote; one seed governs all.

    A step costs O(nonzeros of the batch x d), neighbours O(n m d). No array of cells x genes is
    made of sparse input.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from priorlift import Source, SourcePool
    >>> X, y = load_iris(return_X_y=True)
    >>> pool = SourcePool([Source("odd rows", X[1::2] + 0.1, y[1::2])])
    >>> model = JointLabelTransferClassifier(preprocess="standard", random_state=0)
    >>> model.fit(X[::2], [None] * 75, sources=pool).score(X[::2], y[::2]) > 0.8
    True
    """

    n_features_in_: int
    transfer_tags = TransferTags(labels="shared", open_labels=True, unlabelled_rows=True)

    def __init__(
        self,
        mode: Literal["default", "published"] = "default",
        preprocess: str | None = None,
        passthrough: Any = None,
        query_only: Any = None,
        scale_passthrough: bool | None = None,
        embedding_dim: int | None = None,
        epochs: tuple[int, int] | int | None = None,
        batch_size: int | None = None,
        min_steps: int | None = None,
        learning_rate: float | None = None,
        momentum: float | None = None,
        lr_decay_every: int | None = None,
        reduction_weight: float | None = None,
        mean_penalty: Literal["values", "coordinate_means"] | None = None,
        decorrelation: Literal["covariance", "correlation"] | None = None,
        alignment_weight: float | None = None,
        alignment_fraction: float | None = None,
        center_weight: float | None = None,
        centers: Literal["fixed", "learned", "class_means"] | None = None,
        l1: float | None = None,
        n_neighbors: int | None = None,
        vote: Literal["uniform", "distance", "class_balanced"] | None = None,
        joint_init: Literal["random", "stage1"] | None = None,
        pseudo_label_min_confidence: float | None = None,
        stage3: bool | None = None,
        trajectory: bool | None = None,
        unknown_label: Any = None,
        known_fraction: float | None = None,
        n_members: int | None = None,
        count_weight: float | None = None,
        refine_rounds: int | None = None,
        composition_weight: float | None = None,
        match_levels: bool | None = None,
        anchors: Literal["all", "medoids"] = "all",
        max_grad_norm: float | None = None,
        n_jobs: int | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.mode = mode
        self.preprocess = preprocess
        self.passthrough = passthrough
        self.query_only = query_only
        self.scale_passthrough = scale_passthrough
        self.embedding_dim = embedding_dim
        self.epochs = epochs
        self.batch_size = batch_size
        self.min_steps = min_steps
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.lr_decay_every = lr_decay_every
        self.reduction_weight = reduction_weight
        self.mean_penalty = mean_penalty
        self.decorrelation = decorrelation
        self.alignment_weight = alignment_weight
        self.alignment_fraction = alignment_fraction
        self.center_weight = center_weight
        self.centers = centers
        self.l1 = l1
        self.n_neighbors = n_neighbors
        self.vote = vote
        self.joint_init = joint_init
        self.pseudo_label_min_confidence = pseudo_label_min_confidence
        self.stage3 = stage3
        self.trajectory = trajectory
        self.unknown_label = unknown_label
        self.known_fraction = known_fraction
        self.n_members = n_members
        self.count_weight = count_weight
        self.refine_rounds = refine_rounds
        self.composition_weight = composition_weight
        self.match_levels = match_levels
        self.anchors = anchors
        self.max_grad_norm = max_grad_norm
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _look_at(self, pool: SourcePool) -> None:
        self._source_labels = []
        for source in pool:
            labels = _plain(source.y[source.labelled])
            if len(labels):
                check_classification_targets(labels)
            self._source_labels.append((source.name, np.unique(labels)))

    def _check_X(self, X: Any, *, reset: bool) -> Any:
        if isinstance(X, DiskRows):  # checked when it was written; here it would be read whole
            validate_data(self, X, reset=reset, skip_check_array=True)
            self._columns = None
            return X
        X = super()._check_X(X, reset=reset)
        if not arrays.is_frame(X):
            values = X.data if hasattr(X, "toarray") else X
            assert_all_finite(values, input_name="X")
        return X

    def _check_labels(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return codes of classes, -1 where a label is missing; sets `classes_`."""
        known = ~arrays.missing_mask(y)
        labels = _plain(y[known])
        if len(labels) and labels.dtype.kind == "f" and (labels == np.round(labels)).all():
            labels = labels.astype(np.int64) if known.sum() < len(y) else labels
        if labels.dtype.kind in "if" and self._means_missing(labels):
            real = labels != MISSING
            known[np.flatnonzero(known)[~real]] = False
            labels = labels[real]
        if len(labels):
            check_classification_targets(labels)
        elif not self._source_labels:
            raise InputError(
                "no label in the target and no source: there is nothing to learn from",
                remedy="pass sources, or labels of some rows",
            )
        self.classes_ = self._union(labels)
        if len(self.classes_) < 2:
            raise InputError(
                f"the target has one class only ({self.classes_.tolist()[0]!r}), as have all "
                "sources; a classifier needs two",
                cause="too few labelled rows, or a label column that does not vary",
                remedy="label rows of another class, or add a source that has them",
            )
        codes = np.full(len(y), MISSING, dtype=np.int64)
        codes[known] = np.searchsorted(self.classes_, labels.astype(self.classes_.dtype))
        return codes

    def _means_missing(self, labels: NDArray[Any]) -> bool:
        """Tell whether -1 marks rows without a label, rather than being one of two classes."""
        if any(
            bool((found == MISSING).any()) for _, found in self._source_labels if _number(found)
        ):
            return False
        return bool(self._source_labels) or len(np.unique(labels)) > 2

    def _union(self, labels: NDArray[Any]) -> NDArray[Any]:
        kinds = [("the target", labels)] if len(labels) else []
        kinds += [(f"source {name!r}", found) for name, found in self._source_labels if len(found)]
        first = kinds[0][1]
        for where, found in kinds[1:]:
            if _number(found) != _number(first):
                shown = ", ".join(map(repr, found[:3].tolist()))
                theirs = ", ".join(map(repr, np.unique(first)[:3].tolist()))
                raise InputError(
                    f"has labels of another kind: {shown} against {theirs}",
                    where=where,
                    cause="codes on one side, names on the other",
                    remedy="write the labels alike",
                )
        return np.unique(np.concatenate([found for _, found in kinds]))

    def _shares_label(self, source: Source) -> NDArray[np.bool_]:
        return source.labelled

    def _matched(self, source: Source) -> Source:
        columns = self._columns
        n_columns: int = self.n_features_in_
        if self.query_only is None:
            return super()._matched(source)
        own = self._places(self.query_only, "query_only")
        kept = np.setdiff1d(np.arange(n_columns), own)
        try:
            self.n_features_in_ = len(kept)
            if columns is not None:
                self._columns = tuple(columns[i] for i in kept)
            return super()._matched(source)
        finally:
            self._columns, self.n_features_in_ = columns, n_columns

    def _places(self, columns: Any, name: str) -> NDArray[np.intp]:
        """Return columns given by number, name or mask as sorted numbers."""
        if columns is None:
            return np.zeros(0, dtype=np.intp)
        given = np.asarray(columns)
        if given.dtype.kind == "b" and len(given) == self.n_features_in_:
            return np.flatnonzero(given)
        if given.dtype.kind in "UO" and self._columns is not None:
            places = {column: i for i, column in enumerate(self._columns)}
            if absent := [str(column) for column in given if column not in places]:
                raise InputError(f"{name} names {absent[0]!r}, which is no column of X")
            return np.sort(np.array([places[column] for column in given], dtype=np.intp))
        numbered = given.dtype.kind in "iu" and len(given) > 0
        if numbered and given.min() >= 0 and given.max() < self.n_features_in_:
            return np.unique(given).astype(np.intp)
        if not len(given):
            return np.zeros(0, dtype=np.intp)
        raise InputError(
            f"{name} does not fit X of {self.n_features_in_} columns",
            remedy="a mask of that length, numbers of columns, or names where X is a frame",
        )

    def _fit_preprocess(self, target: Rows, sources: Any) -> None:
        self.plan_ = self._resolved(target, tuple(sources))
        self.preprocess_ = preparing.Preparation(
            str(self.plan_.preprocess),
            self._places(self.passthrough, "passthrough"),
            self._places(self.query_only, "query_only"),
            self.plan_.scale_passthrough,
            self.n_features_in_,
        ).fit(target.X, target.sample_weight)
        self.left_out_ = self._without_counts(tuple(sources))
        if "counts" in self.left_out_:
            self.plan_ = replace(self.plan_, count_weight=0.0)

    def _without_counts(self, sources: Sequence[Rows]) -> dict[str, str]:
        """Return what cannot be used for lack of counts, and why."""
        prepare, left_out = self.preprocess_, {}
        if len(prepare.query_only) and not prepare.own_counted_:
            left_out["query_only"] = "these columns have values that are no counts"
        if not self.plan_.count_weight:
            return left_out
        if prepare.kind == "standard" or not prepare.counted_:
            left_out["counts"] = "the target's values are no counts"
        for source in sources:
            if "counts" not in left_out and not preparing.are_counts(
                prepare.genes_of(source.X, source=True)
            ):
                left_out["counts"] = f"the values of source {source.name!r} are no counts"
        if not sources:
            left_out["counts"] = "there is no source"
        return left_out

    def _resolved(self, target: Rows, sources: Sequence[Rows]) -> Settings:
        given = self.get_params(deep=False)
        if self.mode == "published" and self.query_only is not None:
            raise InputError(
                'query_only needs mode="default"',
                cause="the published method has no use for columns that the references lack",
                remedy="leave these columns out of X",
            )
        if self.preprocess is None and any(
            not preparing.is_numeric(rows.X) or preparing.has_negative(rows.X)
            for rows in (target, *sources)
        ):
            given["preprocess"] = "standard"
        n_rows = sum(arrays.n_rows(rows.X) for rows in (target, *sources))
        return resolve(self.mode, given, n_rows)

    def _encode(self, rows: Rows) -> Rows:
        source = bool(rows.fingerprint)
        where = f"source {rows.name!r}" if source else "the target"
        try:
            prepare = self.preprocess_.source if source else self.preprocess_.query
            cells = prepare(rows.X)
        except InputError as error:
            raise InputError(str(error).rstrip("."), where=where) from error
        y = np.searchsorted(self.classes_, rows.y).astype(np.int64) if source else rows.y
        return Rows(
            rows.name, cells, y, rows.sample_weight, rows.groups, rows.task, rows.fingerprint
        )

    def _fit(self, target: Rows, sources: tuple[Rows, ...]) -> None:
        query = procedure.Side(target.X, target.y, target.sample_weight, "target")
        references = [
            # Draws go by place, in the order of content: dense and sparse rows are drawn alike.
            procedure.Side(rows.X, rows.y, rows.sample_weight, f"source {place}")
            for place, rows in enumerate(sources)
        ]
        n_threads = int(joblib.effective_n_jobs(self.n_jobs))
        fit = procedure.fit_joint(
            query, references, len(self.classes_), self.plan_, self._seed, n_threads
        )
        self.model_ = fit.model
        self.history_ = fit.history
        self.stage1_ = self.classes_[fit.stage1]
        self._fit_views = views = fit.views
        self._fit_novelty = fit.novelty
        self.transduction_proba_ = views.proba
        self.transduction_confidence_ = _confidence(views.proba)
        codes = np.where(target.y >= 0, target.y, views.proba.argmax(axis=1))
        self.transduction_ = self.classes_[codes]

    def _views(self, X: Any) -> Any:
        check_is_fitted(self, "model_")
        return self.model_.views(self.preprocess_.query(self._check_X(X, reset=False)))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of each row, or `unknown_label` where that is set and the row is far.

        Parameters
        ----------
        X : frame, array or sparse matrix of n rows
            Columns as in `fit`.

        Returns
        -------
        ndarray of shape (n,)
            Of several classes with equal probability the first.
        """
        check_is_fitted(self, "model_")
        cells = self.preprocess_.query(self._check_X(X, reset=False))
        views = self.model_.views(cells)
        labels = self.classes_[views.proba.argmax(axis=1)]
        if self.unknown_label is None:
            return np.asarray(labels)
        far = self._novel(cells, views) > self.plan_.known_fraction
        both = np.concatenate([labels, np.asarray([self.unknown_label])])
        return np.asarray(both[np.where(far, len(labels), np.arange(len(labels)))])

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return class probabilities, shape (n, n_classes), in the order of `classes_`."""
        return np.asarray(self._views(X).proba)

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return probabilities, shape (n, n_classes); of two classes the second's less the first's.

        A vote has no other decision values.
        """
        shares = self.predict_proba(X)
        return shares[:, 1] - shares[:, 0] if len(self.classes_) == 2 else shares

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the embedding: float32 of shape (n, embedding_dim), rows of length 1."""
        check_is_fitted(self, "model_")
        return self.model_.embedding(self.preprocess_.query(self._check_X(X, reset=False)))

    def transform_source(self, X: Any, y: Any = None) -> NDArray[np.float32]:
        """Return the embedding of rows of a source's kind, prepared by their own levels.

        Parameters
        ----------
        X : frame, array or sparse matrix of n rows
            The target's columns without `query_only` ones, in their order.
        y : array-like of shape (n,), optional
            Labels, which `match_levels` needs to take levels as it did in `fit`.
        """
        check_is_fitted(self, "model_")
        weight = None
        if y is not None and self.model_.composition is not None:
            labels = np.asarray(y)
            known = np.isin(labels, self.classes_)
            codes = np.full(len(labels), MISSING, dtype=np.int64)
            codes[known] = np.searchsorted(self.classes_, labels[known])
            weight = composition.weights(codes, self.model_.composition)
        return self.model_.embedding(self.preprocess_.source(X, weight))

    def confidence(self, X: Any) -> NDArray[np.float64]:
        """Return how sure the label of each row is, shape (n,), from 0 to 1."""
        return _confidence(self._views(X).proba)

    def novelty(self, X: Any) -> NDArray[np.float64]:
        """Return how unlike every known row each row is, shape (n,), from 0 to 1.

        It is the share of known rows that are less unlike the other known ones; see
        `priorlift.transfer.joint.novelty`.
        """
        check_is_fitted(self, "model_")
        cells = self.preprocess_.query(self._check_X(X, reset=False))
        return self._novel(cells, self.model_.views(cells))

    def _novel(self, cells: Any, views: Any) -> NDArray[np.float64]:
        kept = self.model_.novelty
        assert kept is not None
        return np.asarray(kept.of_rows(cells, views.distance))

    def decision_distance(self, X: Any) -> NDArray[np.float64]:
        """Return the mean distance of each row to its neighbours, shape (n,)."""
        return np.asarray(self._views(X).distance)

    def __getstate__(self) -> Any:
        # What the fit said of its own rows serves until the result is made, and is not kept.
        state = super().__getstate__().items()
        return {k: v for k, v in state if k not in ("_fit_views", "_fit_novelty")}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = False
        tags.transformer_tags.preserves_dtype = []
        return tags


def _confidence(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(shares.max(axis=1))


def _number(labels: NDArray[Any]) -> bool:
    return labels.dtype.kind in "fiub"


def _plain(labels: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(labels.tolist()) if labels.dtype.kind == "O" and len(labels) else labels


METHOD = Method(
    "joint_labels",
    "one embedding for references and target, labels carried by nearest neighbours",
    JointLabelTransferClassifier,
    None,
)
"""The method's entry in the registry."""
