"""What a saved model may contain: types that do nothing but hold values when they are built.

skops names every type in a file before it builds any. It trusts scikit-learn's estimators and
NumPy's arrays by itself; `is_trusted` adds priorlift's own, by a rule that a crafted file cannot
widen. The values of a decision tree can crash the process, so `check_trees` looks at each.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import BaseEnsemble
from sklearn.tree import BaseDecisionTree

from priorlift.core.errors import InputError, MissingExtraError

PACKAGE = Path(__file__).resolve().parent.parent

# Types that skops leaves to its caller and that only hold values: dtypes, parts of a search.
# Trees are looked at below.
TRUSTED_ELSEWHERE = frozenset(
    {
        "numpy.dtype",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.GroupKFold",
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.StratifiedKFold",
        "sklearn.tree._tree.Tree",
    }
)


def is_trusted(name: str) -> bool:
    """Tell whether a type may be built from a file.

    Trusted are classes defined inside priorlift whose construction does nothing but store values:
    scikit-learn estimators and plain frozen dataclasses. Functions never are.

    Parameters
    ----------
    name : str
        Module and class, joined by a dot.

    Examples
    --------
    >>> is_trusted("priorlift.encoders.table.TableEncoder"), is_trusted("os.system")
    (True, False)
    """
    if name in TRUSTED_ELSEWHERE:
        return True
    module_name, _, class_name = name.rpartition(".")
    if not _is_own_module(module_name):
        return False
    try:
        found = getattr(importlib.import_module(module_name), class_name, None)
    except MissingExtraError:
        raise
    except ImportError:
        return False
    if not isinstance(found, type) or found.__module__ != module_name:
        return False
    return issubclass(found, BaseEstimator) or _is_plain(found)


def _is_own_module(name: str) -> bool:
    """Tell whether a file of the installed package defines a module; nothing is imported."""
    package, *parts = name.split(".")
    # A name with underscores around it is no home of a type: importing __main__ would run it.
    if package != "priorlift" or not parts or not all(part.isidentifier() for part in parts):
        return False
    if any(part.startswith("__") for part in parts):
        return False
    file = PACKAGE.joinpath(*parts)
    return file.with_suffix(".py").is_file() or (file / "__init__.py").is_file()


def _is_plain(kind: type) -> bool:
    parameters: Any = getattr(kind, "__dataclass_params__", None)
    return parameters is not None and parameters.frozen and not hasattr(kind, "__post_init__")


def check_trees(model: Any) -> None:
    """Refuse a model with a decision tree whose nodes point outside of it or of its input.

    scikit-learn follows the nodes of a tree without looking, so a crafted or damaged file could
    crash the process at the first prediction.

    Parameters
    ----------
    model : estimator
        What was loaded.

    Raises
    ------
    InputError
        A tree is damaged.
    """
    for part in _parts(model, set()):
        if isinstance(part, BaseDecisionTree) and hasattr(part, "tree_"):
            _check_tree(part.tree_, part.n_features_in_)
        elif isinstance(part, BaseEnsemble):
            # An ensemble checks the width of its input once and does not let its trees check again.
            for tree in np.ravel(getattr(part, "estimators_", [])):
                if isinstance(tree, BaseDecisionTree) and not hasattr(part, "estimators_features_"):
                    _check_tree(tree.tree_, part.n_features_in_)


def _check_tree(tree: Any, n_features: int) -> None:
    nodes = np.arange(tree.node_count)
    left, right = tree.children_left, tree.children_right
    leaf = (left == -1) & (right == -1)
    # Children stand after their parent: what scikit-learn builds, and no path can run in a circle.
    inner = (nodes < np.minimum(left, right)) & (np.maximum(left, right) < tree.node_count)
    inner &= (tree.feature >= 0) & (tree.feature < n_features)
    if tree.n_features != n_features or not tree.node_count or not (leaf | inner).all():
        raise InputError(
            "holds a decision tree whose nodes point nowhere",
            cause="a damaged or crafted file",
            remedy="save the model again from its source",
        )


def _parts(value: Any, seen: set[int]) -> Iterator[Any]:
    if id(value) in seen or isinstance(value, str | bytes | int | float | type | None):
        return
    seen.add(id(value))
    yield value
    if isinstance(value, dict):
        inside = list(value.values())
    elif isinstance(value, list | tuple | set):
        inside = list(value)
    elif isinstance(value, np.ndarray):
        inside = value.ravel().tolist() if value.dtype == object else []
    else:
        inside = list(getattr(value, "__dict__", {}).values())
    for part in inside:
        yield from _parts(part, seen)
