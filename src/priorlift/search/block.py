"""A block: what the last step of a pipeline sees in one fold, behind one setting of the others.

All settings of the last step are solved on the same block, so whatever a family computes from the
training rows (a decomposition, a neighbour search) is computed once for all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class Block:
    """Training and test rows of one fold, as the last step receives them.

    Parameters
    ----------
    X_train, X_test : array, sparse matrix, frame or raw collection
        The rows behind the steps before. They are shared with other settings and other steps, and
        may be read-only: never write into them.
    y_train : array-like or None
        The training rows' targets, as the user gave them (not encoded).
    fit_params : mapping of str to object
        What the last step's `fit` receives beside X and y, already indexed by the training rows:
        `sample_weight`, say.
    want_train : bool
        Whether scores on the training rows are asked for, too.

    Notes
    -----
    Compared by identity: blocks are large and made once.
    """

    X_train: Any
    y_train: Any
    X_test: Any
    fit_params: Mapping[str, Any] = field(default_factory=dict)
    want_train: bool = False
