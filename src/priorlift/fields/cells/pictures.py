"""The pictures of a transfer: both data sets in one embedding, and which type got which label."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from priorlift.core.errors import InputError
from priorlift.plots.cell_map import cell_map
from priorlift.plots.embedding_map import embedding_panels
from priorlift.plots.reliability import reliability_points
from priorlift.ranking.measures import expected_calibration_error

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from priorlift.fields.cells.result import CellTransfer

UNNAMED = "no label"
N_BINS = 10


def embedding_picture(result: "CellTransfer", random_state: int) -> "Figure":
    """Draw query and references, if there are any, in the plane."""
    from priorlift.fields.cells.result import UNKNOWN

    references = result.reference_embedding
    rows = np.concatenate([result.embedding, *references.values()])
    points, how = plane(rows, random_state)
    kinds = [*map(str, result.labels)]
    groups = ["query"] * len(result.names)
    for name in references:
        kinds += [UNNAMED if v is None else str(v) for v in result.reference_labels[name]]
        groups += [name] * len(references[name])
    values = np.full(len(rows), np.nan)
    values[: len(result.names)] = result.confidence
    rejected = UNKNOWN if result.unknown else UNNAMED
    title = f"{len(result.names):,} query cells"
    title += f" and {len(rows) - len(result.names):,} reference cells" if references else ""
    return embedding_panels(
        points,
        kinds,
        groups,
        values,
        order=list(dict.fromkeys([*result.categories, UNKNOWN, UNNAMED])),
        title=f"{title}, {how}",
        rejected=rejected,
        value_name="confidence (query)",
    )


def confusion_picture(result: "CellTransfer", truth: NDArray[Any]) -> "Figure":
    """Draw the share of each true type that got each label."""
    known = np.array([value is not None for value in truth], dtype=bool)
    true, given = truth[known].astype(str), result.labels[known].astype(str)
    rows = [name for name in result.categories if (true == name).any()]
    rows += sorted(set(true) - set(rows))
    columns = [*result.categories, *sorted(set(given) - set(result.categories))]
    shares = np.array([[(given[true == row] == name).mean() for name in columns] for row in rows])
    right = float((true == given).mean()) if len(true) else float("nan")
    names = [f"{name} ({int((true == name).sum())})" for name in rows]
    return cell_map(
        names,
        columns,
        shares,
        title=f"Share of each true type (row) by its label; {right:.1%} of {len(true):,} right",
        below="rows add up to 1; numbers of cells in parentheses",
        scale=1.0,
        signed=False,
    )


def reliability_picture(result: "CellTransfer", truth: NDArray[Any]) -> "Figure":
    """Draw the share of right labels over their confidence, in bins of equally many cells."""
    known = np.array([value is not None for value in truth], dtype=bool)
    if not known.any():
        raise InputError("no true type is given")
    sure = result.confidence[known]
    right = truth[known].astype(str) == result.labels[known].astype(str)
    order = np.argsort(sure, kind="stable")
    bins = [part for part in np.array_split(order, N_BINS) if len(part)]
    ends = [stats.binomtest(int(right[b].sum()), len(b)).proportion_ci(0.95) for b in bins]
    error = expected_calibration_error(sure, np.where(right, 1.0, -1.0), n_bins=15, bins="fixed")
    return reliability_points(
        [float(sure[b].mean()) for b in bins],
        [float(right[b].mean()) for b in bins],
        [end.low for end in ends],
        [end.high for end in ends],
        said_name="mean confidence",
        happened_name="share of right labels",
        title=f"{right.mean():.1%} of {len(right):,} labels right, calibration error {error:.3f}",
        below=f"{len(bins)} bins of equally many cells, 95 % intervals; dashed: as said",
    )


def plane(rows: NDArray[np.float32], random_state: int) -> tuple[NDArray[np.float64], str]:
    """Return each row as a point in the plane, and how: by UMAP where it is installed.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
    random_state : int

    Returns
    -------
    points : ndarray of shape (n, 2)
    how : str
        For the title.
    """
    try:
        import umap
    except ImportError:
        return _principal(rows), "first two principal components of the embedding"
    reducer = umap.UMAP(metric="cosine", random_state=random_state)
    return np.asarray(reducer.fit_transform(rows), dtype=float), "UMAP of the embedding"


def _principal(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    centred = rows.astype(float) - rows.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ vectors[:, [-1, -2]])
