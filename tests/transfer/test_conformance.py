"""Each built-in method passes the exported suite, on small settings."""

import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from priorlift.core import registry
from priorlift.core.errors import InputError
from priorlift.testing import TransferEstimatorConformance
from priorlift.transfer import (
    AutoTransferClassifier,
    AutoTransferRegressor,
    FrozenFeaturesClassifier,
    FrozenFeaturesRegressor,
    GapBoostClassifier,
    GapBoostRegressor,
    GapMultitaskClassifier,
    JointLabelTransferClassifier,
    MultiSourceTrAdaBoostClassifier,
    PooledClassifier,
    PooledRegressor,
    TargetOnlyClassifier,
    TargetOnlyRegressor,
    TrAdaBoostClassifier,
    TrAdaBoostRegressor,
    TransferBoostClassifier,
    TwoStageTrAdaBoostRegressor,
)

CLASSIFIERS = {"C=1": LogisticRegression(), "C=0.01": LogisticRegression(C=0.01)}
REGRESSORS = {"alpha=1": Ridge(), "alpha=10": Ridge(10.0)}
# Inner folds are drawn over rows: a row of weight 2 is in one fold, its two copies may be in two.
INNER_VALIDATION = {
    f"check_sample_weight_equivalence_on_{kind}_data": "inner validation splits rows, not weights"
    for kind in ("dense", "sparse")
}
# A leaf of two rows holds one row of weight 2, or its two copies.
LEAVES = {
    f"check_sample_weight_equivalence_on_{kind}_data": "min_samples_leaf counts rows, not weights"
    for kind in ("dense", "sparse")
}
# A row of weight 2 is drawn as often as its two copies on average, not draw by draw.
RANDOM_BATCHES = {
    f"check_sample_weight_equivalence_on_{kind}_data": "batches are drawn at random"
    for kind in ("dense", "sparse")
}


class TestPooledClassifier(TransferEstimatorConformance):
    def make_estimator(self):
        return PooledClassifier(random_state=0)


class TestPooledRegressor(TransferEstimatorConformance):
    def make_estimator(self):
        return PooledRegressor(random_state=0)


class TestFrozenFeaturesClassifier(TransferEstimatorConformance):
    expected_failed_checks = INNER_VALIDATION

    def make_estimator(self):
        return FrozenFeaturesClassifier(
            hidden_layer_sizes=(8,), n_iterations=5, n_splits=2, random_state=0
        )


class TestFrozenFeaturesRegressor(TransferEstimatorConformance):
    expected_failed_checks = INNER_VALIDATION

    def make_estimator(self):
        # Narrower random features miss the score that check_regressors_train asks for.
        return FrozenFeaturesRegressor(
            hidden_layer_sizes=(32,), n_iterations=5, n_splits=2, random_state=0
        )


class TestTargetOnlyClassifier(TransferEstimatorConformance):
    expected_failed_checks = INNER_VALIDATION

    def make_estimator(self):
        return TargetOnlyClassifier(CLASSIFIERS, n_splits=2, random_state=0)


class TestTargetOnlyRegressor(TransferEstimatorConformance):
    expected_failed_checks = INNER_VALIDATION

    def make_estimator(self):
        return TargetOnlyRegressor(REGRESSORS, n_splits=2, random_state=0)


class TestAutoTransferClassifier(TransferEstimatorConformance):
    expected_failed_checks = INNER_VALIDATION

    def make_estimator(self):
        return AutoTransferClassifier(
            ["pooled"], max_fits=7, n_splits=2, reference=PooledClassifier(), random_state=0
        )


class TestAutoTransferRegressor(TransferEstimatorConformance):
    expected_failed_checks = INNER_VALIDATION

    def make_estimator(self):
        return AutoTransferRegressor(
            ["pooled"], max_fits=7, n_splits=2, reference=PooledRegressor(), random_state=0
        )


class TestJointLabelTransferClassifier(TransferEstimatorConformance):
    expected_failed_checks = RANDOM_BATCHES

    def make_estimator(self):
        return JointLabelTransferClassifier(
            embedding_dim=4, epochs=3, batch_size=32, min_steps=10, n_members=1, random_state=0
        )


class TestGapMultitaskClassifier(TransferEstimatorConformance):
    expected_failed_checks = INNER_VALIDATION

    def make_estimator(self):
        return GapMultitaskClassifier(
            hidden_layer_sizes=(16,),
            projection_size=8,
            max_epochs=12,
            learning_rate=0.02,
            batch_size=64,
            patience=4,
            refit=False,
            random_state=0,
        )


class TestGapBoostClassifier(TransferEstimatorConformance):
    def make_estimator(self):
        return GapBoostClassifier(n_estimators=3, random_state=0)


class TestGuardedGapBoostClassifier(TransferEstimatorConformance):
    expected_failed_checks = INNER_VALIDATION

    def make_estimator(self):
        return GapBoostClassifier(
            n_estimators=2, disagreement="soft_out_of_fold", guard=True, random_state=0
        )


class TestGapBoostRegressor(TransferEstimatorConformance):
    def make_estimator(self):
        return GapBoostRegressor(Ridge(), n_estimators=3, random_state=0)


class TestGapBoostRegressorOnTrees(TransferEstimatorConformance):
    expected_failed_checks = LEAVES

    def make_estimator(self):
        return GapBoostRegressor(n_estimators=3, guard=True, random_state=0)


class TestTrAdaBoostClassifier(TransferEstimatorConformance):
    def make_estimator(self):
        return TrAdaBoostClassifier(n_estimators=3, random_state=0)


class TestTrAdaBoostRegressor(TransferEstimatorConformance):
    def make_estimator(self):
        return TrAdaBoostRegressor(Ridge(), n_estimators=3, random_state=0)


class TestMultiSourceTrAdaBoostClassifier(TransferEstimatorConformance):
    def make_estimator(self):
        return MultiSourceTrAdaBoostClassifier(n_estimators=3, random_state=0)


class TestTransferBoostClassifier(TransferEstimatorConformance):
    def make_estimator(self):
        return TransferBoostClassifier(n_estimators=3, random_state=0)


class TestTwoStageTrAdaBoostRegressor(TransferEstimatorConformance):
    def make_estimator(self):
        return TwoStageTrAdaBoostRegressor(
            Ridge(), n_estimators=2, n_steps=2, n_splits=2, random_state=0
        )


def test_every_registered_method_is_tested_here():
    suites = TransferEstimatorConformance.__subclasses__()
    tested = {type(suite().make_estimator()) for suite in suites if suite.__module__ == __name__}
    for name in registry.names("methods"):
        method = registry.get("methods", name)
        for found in (method.classifier, method.regressor):
            if found is not None and found.__module__.startswith("priorlift."):
                assert found in tested


@pytest.mark.parametrize("name", registry.names("methods"))
def test_built_in_methods_say_what_they_are(name):
    method = registry.get("methods", name)
    assert method.name == name
    assert method.summary
    for task, found in (
        ("classification", method.classifier),
        ("regression", method.regressor),
    ):
        if found is None:
            with pytest.raises(InputError, match=f"no form for {task}"):
                method.for_task(task)
        else:
            assert method.for_task(task) is found
