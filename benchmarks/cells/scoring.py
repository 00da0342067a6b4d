"""What is read off predictions and truth; no other part of the benchmarks looks at truth."""

import numpy as np
from sklearn.metrics import f1_score

BINS = 15


def scores(truth, labels):
    """Return accuracy, macro-F1 over types in truth or prediction, and types never predicted."""
    labels = np.asarray(labels).astype(str)
    never = len(set(truth) - set(labels))
    return (labels == truth).mean(), f1_score(truth, labels, average="macro"), never


def calibration_error(correct, sure):
    """Return the expected calibration error in 15 bins of equal width."""
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [
        abs(sure[bins == b].mean() - correct[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    ]
    return float(sum(gaps))
