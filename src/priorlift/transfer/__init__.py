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
from priorlift.transfer.gap_boost import GapBoostClassifier, GapBoostRegressor
from priorlift.transfer.gap_multitask import GapMultitaskClassifier
from priorlift.transfer.joint_labels import JointLabelTransferClassifier
from priorlift.transfer.multi_source_tradaboost import MultiSourceTrAdaBoostClassifier
from priorlift.transfer.pooled import PooledClassifier, PooledRegressor
from priorlift.transfer.routing import fit_params
from priorlift.transfer.target_only import TargetOnlyClassifier, TargetOnlyRegressor
from priorlift.transfer.task_relation import TaskRelation
from priorlift.transfer.tradaboost import TrAdaBoostClassifier, TrAdaBoostRegressor
from priorlift.transfer.transferboost import TransferBoostClassifier
from priorlift.transfer.two_stage_tradaboost import TwoStageTrAdaBoostRegressor

__all__ = [
    "AutoTransferClassifier",
    "AutoTransferRegressor",
    "FrozenFeaturesClassifier",
    "FrozenFeaturesRegressor",
    "GapBoostClassifier",
    "GapBoostRegressor",
    "GapMultitaskClassifier",
    "JointLabelTransferClassifier",
    "Method",
    "MultiSourceTrAdaBoostClassifier",
    "PooledClassifier",
    "PooledRegressor",
    "Rows",
    "TargetOnlyClassifier",
    "TargetOnlyRegressor",
    "TaskRelation",
    "TrAdaBoostClassifier",
    "TrAdaBoostRegressor",
    "TransferBoostClassifier",
    "TransferClassifier",
    "TransferEstimator",
    "TransferRegressor",
    "TransferTags",
    "TwoStageTrAdaBoostRegressor",
    "fit_params",
]
