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
from priorlift.transfer.gap_multitask import GapMultitaskClassifier
from priorlift.transfer.pooled import PooledClassifier, PooledRegressor
from priorlift.transfer.routing import fit_params
from priorlift.transfer.target_only import TargetOnlyClassifier, TargetOnlyRegressor
from priorlift.transfer.task_relation import TaskRelation

__all__ = [
    "AutoTransferClassifier",
    "AutoTransferRegressor",
    "FrozenFeaturesClassifier",
    "FrozenFeaturesRegressor",
    "GapMultitaskClassifier",
    "Method",
    "PooledClassifier",
    "PooledRegressor",
    "Rows",
    "TargetOnlyClassifier",
    "TargetOnlyRegressor",
    "TaskRelation",
    "TransferClassifier",
    "TransferEstimator",
    "TransferRegressor",
    "TransferTags",
    "fit_params",
]
