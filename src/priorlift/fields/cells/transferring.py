"""`transfer_labels`: types of annotated cells carried to cells without, in AnnData's own places.

The order matters: names and labels are checked, expression is read, the estimator is fitted, the
query is annotated; only then is anything scored.
"""

import dataclasses
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState
from priorlift.fields.cells import calibrating, comparing, estimating
from priorlift.fields.cells.calibrating import Calibration
from priorlift.fields.cells.opening import open_cells
from priorlift.fields.cells.peaks import located
from priorlift.fields.cells.result import UNKNOWN, CellTransfer
from priorlift.fields.cells.sides import Sides, Wanted, gather
from priorlift.transfer.joint.settings import resolve

EMBEDDING = "X_priorlift"
SETTINGS = "priorlift"


def transfer_labels(
    reference: Any,
    query: Any,
    *,
    label_key: str,
    batch_key: str | None = None,
    layer: str | None = None,
    proteins: str | None = None,
    peaks: Any = None,
    query_label_key: str | None = None,
    unlabeled_category: Any = None,
    calibrate: bool | None = None,
    mode: Literal["default", "published"] = "default",
    unknown: bool = False,
    compare: bool = False,
    estimator: Any = None,
    n_jobs: int | None = None,
    random_state: RandomState = None,
    copy: bool = False,
) -> CellTransfer:
    """Carry cell types from annotated references to a query, and annotate the query.

    Parameters
    ----------
    reference : AnnData, MuData, path, or a list or mapping of them
        Annotated cells, RNA say; each is a source of its own. A path is an `.h5ad`, which stays on
        the disk, a `.zarr`, likewise, or an `.h5mu` where `mudata` is installed. Of a
        MuData the modality "rna" is taken.
    query : AnnData, MuData or path
        Cells to be labelled: gene activity of chromatin, RNA. Of a MuData the first of
        "gene_activity", "activity", "atac" and "rna" is taken. Its features are genes; see
        `gene_activity` for peaks.
    label_key : str
        The references' column of `.obs` with the types.
    batch_key : str, optional
        A column of `.obs` that makes a source of each batch of a reference.
    layer : str, optional
        Where the values are: a layer, or "X". By default `layers["counts"]` where a data set has
        it, else `.X`. `.raw` is never read.
    proteins : str, optional
        A modality of a MuData, or an `.obsm` key, of both sides, matched by names of proteins;
        they are taken as they are, logarithms say, beside the genes.
    peaks : AnnData, path or str, optional
        Counts of the query's peaks, which refine the labels: an AnnData of the same cells (or its
        `.h5ad` or `.zarr`), a modality of a query that is a MuData, or an `.obsm` key of the query.
        The query itself has genes all the same; see `gene_activity`. Not for `mode="published"`.
    query_label_key : str, optional
        The query's column of `.obs` with labels to learn from. No other column of the query's
        `.obs` is read before the labels are in place, `label_key` included.
    unlabeled_category : optional
        The value of a label column that means "no label".
    calibrate : bool, optional
        Whether confidence is held against the query's labelled cells, at the price of two more
        fits; by default where there are 100 of them or more. They should be drawn as the cells
        come, not by type. The result's notes say what confidence rests on.
    mode : {"default", "published"}, default="default"
        What measures best, or what was published; see `JointLabelTransferClassifier`.
    unknown : bool, default=False
        Whether cells that lie farther from all references than 95 % of known cells do are called
        "unknown".
    compare : bool, default=False
        Whether simpler ways are run too, and scored where the query has a column `label_key`.
    estimator : JointLabelTransferClassifier, optional
        With settings of your own; `mode` is then not used. Copied, never changed.
    n_jobs : int, optional
        Threads, -1 for one a core. They change nothing but the time.
    random_state : int, RandomState or None
        Governs all that is random.
    copy : bool, default=False
        Whether a copy of the query is annotated rather than the query. References are then left
        alone, too.

    Returns
    -------
    CellTransfer
        With `query`, the annotated AnnData, which has

        - `.obsm["X_priorlift"]`: the embedding, also on the references;
        - `.obs["<key>_pred"]`: labels, a categorical in the references' order;
        - `.obs["<key>_confidence"]`, `.obs["<key>_novelty"]`: from 0 to 1;
        - `.obsm["<key>_proba"]`: a frame of probabilities, one column a type; a slash in a type's
          name is written "|" there, since files of AnnData allow none in names;
        - `.uns["priorlift"]`: all that was decided.

    Raises
    ------
    InputError
        Too few gene names agree, or one occurs twice; a label or batch key is missing, labels are
        missing or of one type; values are missing, infinite or negative; a file cannot be read by
        cells; the data do not fit in memory; training diverges.
    MissingExtraError
        `anndata` is not installed.

    Warns
    -----
    UserWarning
        Of what is usable but suspicious: shared barcodes, rare types, cells without genes, counts
        against logarithms. The result lists the same in `warnings`.

    Notes
    -----
    `.X` and layers are only read. No array of cells x genes is dense. Expression of files is read
    a batch at a time; proteins are held in memory.

    Examples
    --------
    >>> import anndata, numpy as np
    >>> from priorlift.transfer import JointLabelTransferClassifier
    >>> random = np.random.default_rng(0)
    >>> level = np.exp(random.normal(size=(2, 50)))
    >>> kind = random.integers(0, 2, size=90)
    >>> cells = anndata.AnnData(random.poisson(level[kind]).astype(np.float32))
    >>> cells.obs["cell_type"] = np.array(["B", "T"])[kind]
    >>> cells.obs_names = [f"cell{i}" for i in range(90)]
    >>> known, new = cells[:60].copy(), cells[60:].copy()
    >>> quick = JointLabelTransferClassifier(epochs=(2, 2))
    >>> result = transfer_labels(
    ...     known, new, label_key="cell_type", estimator=quick, random_state=0
    ... )
    >>> result
    CellTransfer(30 cells, 2 types of 'cell_type', 50 genes)
    >>> float((new.obs["cell_type_pred"].astype(str) == new.obs["cell_type"]).mean()) > 0.9
    True
    """
    peaks = located(peaks, query)
    if copy and not isinstance(query, str | Path):  # what is read from a file is nobody else's
        query = open_cells(query, "query")
        query = query.to_memory() if query.isbacked else query.copy()
    model = _estimator(estimator, mode, n_jobs, random_state)
    sides = gather(
        reference,
        query,
        Wanted(
            label_key=label_key,
            batch_key=batch_key,
            layer=layer,
            proteins=proteins,
            peaks=peaks,
            query_label_key=query_label_key,
            unlabeled_category=unlabeled_category,
            n_neighbors=model.n_neighbors or Wanted.n_neighbors,
        ),
    )
    for text in sides.warnings:
        warnings.warn(text, UserWarning, stacklevel=2)
    if text := _long(sides, model, 1 + calibrating.n_fits(sides, calibrate)):
        warnings.warn(text, estimating.LongTransferWarning, stacklevel=2)
    model.set_params(passthrough=sides.passthrough, query_only=sides.query_only)
    model.fit(sides.X, sides.y, sources=sides.pool, groups=sides.groups)
    calibration = calibrating.calibrated(sides, model, calibrate)
    result = _result(sides, model, label_key, unknown, calibration)
    annotate(result, sides.references if not copy else {})
    if not compare:
        return result
    return dataclasses.replace(result, comparison=_compared(result, sides, query_label_key))


def _long(sides: Sides, model: Any, n_fits: int) -> str:
    """Return how long a long transfer will take."""
    n_query, n_cells = sides.X.shape[0], sum(part.X.shape[0] for part in sides.parts)
    n_values = (
        estimating.values_of(sides.X),
        sum(estimating.values_of(part.X) for part in sides.parts),
    )
    settings = resolve(model.mode, model.get_params(deep=False), n_query + n_cells)
    found = estimating.seconds(n_query, n_values, n_cells, settings, n_fits)
    return estimating.said(found, f"{n_cells:,} cells to {n_query:,}")


def annotate(result: CellTransfer, references: dict[str, Any]) -> None:
    """Write a result to its query, and the references' embeddings to them."""
    import pandas as pd

    query, key = result.query, result.label_key
    names = [*result.categories, *([UNKNOWN] if result.unknown else [])]
    query.obsm[EMBEDDING] = result.embedding
    query.obs[f"{key}_pred"] = pd.Categorical(result.labels, categories=list(dict.fromkeys(names)))
    query.obs[f"{key}_confidence"] = result.confidence
    query.obs[f"{key}_novelty"] = result.novelty
    columns = [name.replace("/", "|") for name in result.categories]
    query.obsm[f"{key}_proba"] = pd.DataFrame(result.proba, index=query.obs_names, columns=columns)
    query.uns[SETTINGS] = result.plan
    for name, data in references.items():
        if data is not query:
            data.obsm[EMBEDDING] = result.reference_embedding[name]


def _estimator(estimator: Any, mode: Any, n_jobs: int | None, random_state: RandomState) -> Any:
    from priorlift.transfer.joint_labels import JointLabelTransferClassifier

    if mode not in ("default", "published"):
        raise InputError(f"mode is {mode!r}", remedy='"default" or "published"')
    if estimator is None:
        return JointLabelTransferClassifier(mode=mode, n_jobs=n_jobs, random_state=random_state)
    given = {"n_jobs": n_jobs, "random_state": random_state}
    return clone(estimator).set_params(**{k: v for k, v in given.items() if v is not None})


def _result(
    sides: Sides, model: Any, key: str, unknown: bool, calibration: Calibration
) -> CellTransfer:
    order = [list(map(str, model.classes_)).index(name) for name in sides.categories]
    proba = np.asarray(model.transduction_proba_, dtype=float)[:, order]
    categories = np.asarray(sides.categories, dtype=object)
    labels = categories[proba.argmax(axis=1)]
    views = model._fit_views
    novelty = np.asarray(model._fit_novelty, dtype=float)
    if unknown:
        labels[novelty > model.plan_.known_fraction] = UNKNOWN
    embedding, types = _references(sides, model)
    notes = (*sides.notes, *_left_out(model), calibration.said())
    return CellTransfer(
        label_key=key,
        names=tuple(map(str, sides.query.obs_names)),
        labels=labels,
        confidence=np.where(sides.empty, 0.0, calibration(model.transduction_confidence_)),
        novelty=novelty,
        proba=proba,
        embedding=np.asarray(views.embedding, dtype=np.float32),
        categories=sides.categories,
        genes=sides.genes,
        proteins=sides.proteins,
        peaks=sides.peaks,
        estimator=model,
        plan=_plan(sides, model, notes),
        unknown=unknown,
        notes=notes,
        calibration=calibration,
        warnings=sides.warnings,
        reference_embedding=embedding,
        reference_labels=types,
        query=sides.query,
    )


def _references(
    sides: Sides, model: Any
) -> tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[Any]]]:
    """Return embeddings and types of the references, in the order of their cells."""
    embedding, types = {}, {}
    for name, data in sides.references.items():
        parts = [part for part in sides.parts if part.reference == name]
        rows = [
            np.asarray(model.transform_source(part.X, part.y), dtype=np.float32) for part in parts
        ]
        embedding[name] = np.empty((data.n_obs, rows[0].shape[1]), dtype=np.float32)
        types[name] = np.full(data.n_obs, None, dtype=object)
        for part, values in zip(parts, rows, strict=True):
            embedding[name][part.rows] = values
            types[name][part.rows] = part.y
    return embedding, types


def _plan(sides: Sides, model: Any, notes: tuple[str, ...]) -> dict[str, Any]:
    """Return what was decided, in types that AnnData's files hold."""
    import priorlift

    settings = dataclasses.asdict(model.plan_)
    seed = model.random_state
    return {
        "settings": {name: _plain(value) for name, value in settings.items()},
        "random_state": "none" if seed is None else str(seed),
        "n_genes": len(sides.genes),
        "n_proteins": len(sides.proteins),
        "n_peaks": len(sides.peaks),
        "n_cells": [sides.query.n_obs, *(part.X.shape[0] for part in sides.parts)],
        "layers": [f"{where}: {name}" for where, name in sides.layers.items()],
        "sources": [f"{name}: {mark}" for name, mark in model.sources_.items()],
        "categories": list(sides.categories),
        "versions": [f"priorlift {priorlift.__version__}", f"anndata {version('anndata')}"],
        "notes": list(notes),
        "warnings": list(sides.warnings),
    }


def _left_out(model: Any) -> list[str]:
    return [f"{what} left out: {why}" for what, why in model.left_out_.items()]


def _plain(value: Any) -> Any:
    if value is None:
        return "none"
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def _compared(
    result: CellTransfer, sides: Sides, query_label_key: str | None
) -> tuple[comparing.Compared, ...]:
    seed = result.estimator.random_state
    said = comparing.ways(sides, result.estimator, seed if isinstance(seed, int) else 0)
    truth = None
    if result.label_key in sides.query.obs:
        truth = result._truth(result.label_key)
    learned = np.array([value is not None for value in sides.y], dtype=bool)
    if query_label_key is None:
        learned[:] = False
    return comparing.compare(result.labels, said, truth, learned)
