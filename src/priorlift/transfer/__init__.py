"""Transfer estimators, one method a file; each is found by its name through the registry."""

from priorlift.transfer.auto import AutoTransferClassifier, AutoTransferRegressor
from priorlift.transfer.base import (
    Method,
    Rows,
    TransferClassifier,
    TransferEstimator,
    TransferRegressor,
    TransferTags,
)
from priorlift.transfer.frozen_features import FrozenFeaturesClassifier, FrozenFeaturesRegressor
from priorlift.transfer.pooled import PooledClassifier, PooledRegressor
from priorlift.transfer.routing import fit_params
from priorlift.transfer.target_only import TargetOnlyClassifier, TargetOnlyRegressor

__all__ = [
    "AutoTransferClassifier",
    "AutoTransferRegressor",
    "FrozenFeaturesClassifier",
    "FrozenFeaturesRegressor",
    "Method",
    "PooledClassifier",
    "PooledRegressor",
    "Rows",
    "TargetOnlyClassifier",
    "TargetOnlyRegressor",
    "TransferClassifier",
    "TransferEstimator",
    "TransferRegressor",
    "TransferTags",
    "fit_params",
]
