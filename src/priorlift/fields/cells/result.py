"""What a transfer returns: labels with their confidence, and all that is needed to use it again."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError
from priorlift.fields.cells import expression, genes
from priorlift.fields.cells.calibrating import Calibration
from priorlift.fields.cells.comparing import Compared, scores
from priorlift.fields.cells.opening import open_cells

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class CellTransfer:
    """Labels of query cells, carried over from references.

    Attributes
    ----------
    label_key : str
        The references' column of types.
    names : tuple of str
        The query cells' names.
    labels : ndarray of str, shape (n,)
        A type for each query cell, or "unknown" where rejection was asked for.
    confidence : ndarray of shape (n,)
        Probability, from 0 to 1, that the label is right; `calibration` says what it rests on.
    novelty : ndarray of shape (n,)
        From 0 to 1: the share of known cells that lie nearer to their neighbours.
    proba : ndarray of shape (n, n_types)
        Probabilities of `categories`.
    embedding : ndarray of float32, shape (n, d)
        Rows of length 1, as `.obsm["X_priorlift"]`.
    reference_embedding : dict of str to ndarray
        That of each reference; empty after `load`.
    reference_labels : dict of str to ndarray
        Their types; empty after `load`.
    categories : tuple of str
        The types, in the references' order.
    genes, proteins, peaks : tuple of str
        The columns that were used.
    estimator : JointLabelTransferClassifier
        Fitted; it holds the embeddings of reference cells as anchors, and no expression.
    plan : dict
        All that was decided, as in `.uns["priorlift"]`.
    unknown : bool
        Whether rejection was asked for.
    notes, warnings : tuple of str
        What was done, and what may go wrong.
    calibration : Calibration
        From the model's own probability to `confidence`.
    comparison : tuple of Compared
        Empty unless asked for.
    query : AnnData or None
        Annotated; None after `load`.
    """

    label_key: str
    names: tuple[str, ...]
    labels: NDArray[Any]
    confidence: NDArray[np.float64]
    novelty: NDArray[np.float64]
    proba: NDArray[np.float64]
    embedding: NDArray[np.float32]
    categories: tuple[str, ...]
    genes: tuple[str, ...]
    proteins: tuple[str, ...]
    peaks: tuple[str, ...]
    estimator: Any
    plan: dict[str, Any]
    unknown: bool
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    reference_embedding: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    reference_labels: dict[str, NDArray[Any]] = field(default_factory=dict)
    calibration: Calibration = field(default_factory=Calibration)
    comparison: tuple[Compared, ...] = ()
    query: Any = None

    def to_frame(self) -> Any:
        """Return one row a query cell: label, confidence, novelty; a pandas frame."""
        import pandas as pd

        return pd.DataFrame(
            {"label": self.labels, "confidence": self.confidence, "novelty": self.novelty},
            index=pd.Index(self.names, name="cell"),
        )

    def comparison_frame(self) -> Any:
        """Return one row a way: accuracy, macro-F1, agreement with the transfer."""
        import pandas as pd

        if not self.comparison:
            raise InputError("nothing was compared", remedy="transfer_labels(..., compare=True)")
        rows = [(r.name, r.accuracy, r.macro_f1, r.agreement) for r in self.comparison]
        return pd.DataFrame(rows, columns=["way", "accuracy", "macro_f1", "agreement"])

    def summary(self) -> str:
        """Return what came out in a few lines: types with their counts, what was noticed."""
        types, counts = np.unique(self.labels.astype(str), return_counts=True)
        order = np.argsort(-counts, kind="stable")
        lines = [
            f"{len(self.names):,} query cells, {len(types)} of {len(self.categories)} types; "
            f"median confidence {np.median(self.confidence):.2f}",
            *(f"  {types[i]}: {counts[i]:,}" for i in order),
            *self.notes,
            *(f"warning: {text}" for text in self.warnings),
        ]
        return "\n".join(lines)

    def accuracy(self, truth: Any) -> tuple[float, float]:
        """Return accuracy and macro-F1 over the query cells whose true type is given.

        Parameters
        ----------
        truth : array-like of shape (n,), or str
            True types, None or NaN where one is not known; or a column of the query's `.obs`.
        """
        true = self._truth(truth)
        found = scores(self.labels, true, np.array([value is not None for value in true]))
        if found[0] is None or found[1] is None:
            raise InputError("no true type is given")
        return found[0], found[1]

    def label_cells(self, query: Any, *, layer: str | None = None) -> Any:
        """Label further cells of the query's kind; nothing is trained again.

        Parameters
        ----------
        query : AnnData, MuData or path
            Must have all `genes`.
        layer : str, optional
            As in `transfer_labels`.

        Returns
        -------
        pandas.DataFrame
            As `to_frame`.
        """
        import pandas as pd

        for kind, columns in (("proteins", self.proteins), ("peaks", self.peaks)):
            if columns:
                raise InputError(f"further cells with {kind} cannot be labelled yet")
        data = open_cells(query, "query")
        if missing := sorted(set(self.genes) - set(map(str, data.var_names))):
            raise InputError(
                f"lacks {len(missing):,} of the {len(self.genes):,} genes: "
                + ", ".join(map(repr, missing[:3])),
                where="query",
                remedy="run transfer_labels on these cells, which takes the genes that are there",
            )
        at = genes.places(self.genes, list(map(str, data.var_names)))
        matrix = expression.matrix_of(data, expression.layer_of(data, layer, "query"), "query")
        read = expression.read_expression(matrix, at, "query")
        proba = self.estimator.predict_proba(read.X)
        novelty = np.asarray(self.estimator.novelty(read.X))
        labels = np.asarray(self.estimator.classes_)[proba.argmax(axis=1)].astype(object)
        if self.unknown:
            labels[novelty > self.estimator.plan_.known_fraction] = UNKNOWN
        sure = self.calibration(self.estimator.confidence(read.X))
        confidence = np.where(read.empty, 0.0, sure)
        return pd.DataFrame(
            {"label": labels, "confidence": confidence, "novelty": novelty},
            index=pd.Index(data.obs_names, name="cell"),
        )

    def save(self, path: str | Path) -> Path:
        """Save the result with its fitted estimator to one file; see `priorlift.cells.load`.

        The file holds labels, embedding and anchors, and no expression of any cell.
        """
        from priorlift.fields.cells.saving import save

        return save(self, path)

    def plot_embedding(self, *, random_state: int = 0) -> "Figure":
        """Draw query and references in the embedding: by type, by modality, by confidence.

        Parameters
        ----------
        random_state : int
            For UMAP, which is used where `umap-learn` is installed; else the first two principal
            components are drawn. The title says which.
        """
        from priorlift.fields.cells.pictures import embedding_picture

        return embedding_picture(self, random_state)

    def plot_confusion(self, truth: Any = None) -> "Figure":
        """Draw which true type got which label.

        Parameters
        ----------
        truth : array-like of shape (n,), or str, optional
            As in `accuracy`; by default the query's column `label_key`.
        """
        from priorlift.fields.cells.pictures import confusion_picture

        true = self._truth(self.label_key if truth is None else truth)
        return confusion_picture(self, true)

    def plot_reliability(self, truth: Any = None) -> "Figure":
        """Draw how often labels of each confidence are right, with the calibration error.

        Parameters
        ----------
        truth : array-like of shape (n,), or str, optional
            As in `accuracy`; by default the query's column `label_key`. Cells that taught are left
            to the caller: pass None for them.
        """
        from priorlift.fields.cells.pictures import reliability_picture

        true = self._truth(self.label_key if truth is None else truth)
        return reliability_picture(self, true)

    def _truth(self, truth: Any) -> NDArray[Any]:
        import pandas as pd

        if isinstance(truth, str):
            if self.query is None or truth not in self.query.obs:
                raise InputError(
                    f"the query has no column {truth!r} of true types",
                    remedy="pass them: plot_confusion(truth)",
                )
            truth = self.query.obs[truth]
        values = pd.Series(np.asarray(truth, dtype=object))
        if len(values) != len(self.names):
            raise InputError(f"{len(values)} true types for {len(self.names)} query cells")
        true = values.astype(str).to_numpy(dtype=object).copy()
        true[values.isna().to_numpy()] = None
        return np.asarray(true, dtype=object)

    def __repr__(self) -> str:
        return (
            f"CellTransfer({len(self.names):,} cells, {len(self.categories)} types of "
            f"{self.label_key!r}, {len(self.genes):,} genes)"
        )
