"""The suite has to fail: estimators broken in one way each are caught by the test that is meant."""

from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression

from priorlift.pool import Source, SourcePool
from priorlift.testing import TransferEstimatorConformance, check_transfer_estimator
from priorlift.testing.estimators import failed_tests
from priorlift.transfer import PooledClassifier, PooledRegressor

SCIKIT_LEARN = (
    "test_scikit_learn_checks_pass",
    "test_core_of_scikit_learn_checks_passes_with_a_source",
)


class KeepsThePool(PooledClassifier):
    def _fit_pool(self, target, pool):
        super()._fit_pool(target, pool)
        self.pool_ = pool


class KeepsRowsAsLists(PooledClassifier):
    def _fit(self, target, sources):
        super()._fit(target, sources)
        self.rows_ = [rows.X.tolist() for rows in sources]


class KeepsRowsInHalfPrecision(PooledClassifier):
    def _fit(self, target, sources):
        super()._fit(target, sources)
        self.rows_ = [np.float32(rows.X) for rows in sources]


class LikesTheFirstSource(PooledClassifier):
    def _fit_pool(self, target, pool):
        super()._fit_pool(target, SourcePool(list(pool)[:1]))


class SortsByName(PooledClassifier):
    def _fit_pool(self, target, pool):
        super()._fit_pool(target, SourcePool(sorted(pool, key=lambda source: source.name)[:1]))


class RemembersWhatItPredicted(PooledClassifier):
    seen = None

    def _fit(self, target, sources):
        super()._fit(target, sources)
        if type(self).seen is not None:
            self.model_.intercept_ = self.model_.intercept_ + type(self).seen

    def _model_input(self, X):
        found = super()._model_input(X)
        type(self).seen = float(np.clip(np.asarray(found).mean(), -1, 1))
        return found


class LearnsMoreWithAnEmptyPool(PooledClassifier):
    def fit(self, X, y, sources=None, sample_weight=None, groups=None):
        super().fit(X, y, sources, sample_weight, groups)
        if sources is not None and sources.n_sources == 0:
            self.model_.coef_ = self.model_.coef_ * 2
        return self


class TakesLists(PooledClassifier):
    def fit(self, X, y, sources=None, sample_weight=None, groups=None):
        if isinstance(sources, list):
            sources = SourcePool(sources)
        return super().fit(X, y, sources, sample_weight, groups)


class ScalesInPlace(PooledClassifier):
    def _rows_of(self, source):
        if isinstance(source.X, np.ndarray) and source.X.flags.writeable:
            source.X[:] *= 2.0
        return super()._rows_of(source)


class ScalesTheTargetInPlace(PooledClassifier):
    def _check_X(self, X, *, reset):
        if isinstance(X, np.ndarray) and X.dtype == float and X.flags.writeable:
            X *= 2.0
        return super()._check_X(X, reset=reset)


class NeedsWriteableRows(PooledClassifier):
    def _rows_of(self, source):
        if isinstance(source.X, np.ndarray):
            source.X.flags.writeable = True
        return super()._rows_of(source)


class MatchesColumnsByPosition(PooledClassifier):
    def _matched(self, source):
        self.n_dropped_columns_[source.name] = 0
        columns = source.columns[: self.n_features_in_]
        rows = np.stack([np.asarray(source.X[name]) for name in columns], axis=1)
        table = pa.table(dict(zip(self._columns, rows.T, strict=True)))
        return Source(source.name, table, source.y)


class RollsDice(PooledClassifier):
    def _fit(self, target, sources):
        super()._fit(target, sources)
        self.model_.intercept_ = self.model_.intercept_ + np.random.default_rng().normal()


class ForgetsItsSources(PooledClassifier):
    def _fit_pool(self, target, pool):
        super()._fit_pool(target, pool)
        self.sources_ = {}


class MixesUpProbabilities(PooledClassifier):
    def proba_for(self, X, classes):
        return np.insert(self.predict_proba(X), 1, 0.0, axis=1)


class PredictsCodes(PooledClassifier):
    def predict(self, X):
        return np.searchsorted(self.classes_, super().predict(X))


class FillsInLabels(PooledClassifier):
    def _check_y(self, y, X):
        y = np.asarray(y)
        return super()._check_y(np.nan_to_num(y) if y.dtype.kind == "f" else y, X)


class DropsTheGroups(PooledClassifier):
    def fit(self, X, y, sources=None, sample_weight=None, groups=None):
        return super().fit(X, y, sources, sample_weight)


class PredictsNothingOnSparse(PooledClassifier):
    def predict_proba(self, X):
        found = super().predict_proba(X)
        return np.full_like(found, np.nan) if hasattr(X, "tocsr") else found


class KeepsGroupsToItself(PooledClassifier):
    _TransferEstimator__metadata_request__fit: ClassVar = {"sources": True, "groups": False}


class KeepsAnchors(PooledClassifier):
    def _fit(self, target, sources):
        super()._fit(target, sources)
        self.anchors_ = [rows.X for rows in sources]


class NeedsAnArgument(PooledClassifier):
    def __init__(
        self,
        estimator,
        source_weight=1.0,
        preprocess="auto",
        preprocess_on="target",
        random_state=None,
    ):
        super().__init__(estimator, source_weight, preprocess, preprocess_on, random_state)


class TakesAnyLabel(PooledClassifier):
    def _shares_label(self, source):
        return source.labelled


POOLS = {
    KeepsThePool: ("test_no_source_rows_are_kept", "holds"),
    KeepsRowsAsLists: ("test_no_source_rows_are_kept", "holds rows of source"),
    KeepsRowsInHalfPrecision: ("test_no_source_rows_are_kept", "holds rows of source"),
    LikesTheFirstSource: ("test_order_and_names_of_sources_do_not_matter", "the order of"),
    SortsByName: ("test_order_and_names_of_sources_do_not_matter", "the names of"),
    LearnsMoreWithAnEmptyPool: ("test_an_empty_pool_is_no_pool", "the baseline is another"),
    TakesLists: (
        "test_a_wrong_pool_is_a_type_error_that_names_the_right_one",
        "nothing was raised",
    ),
    ScalesInPlace: ("test_a_pool_survives_clone_and_is_not_changed", "fit changed the rows"),
    RollsDice: ("test_the_same_seed_gives_the_same_model", "another model"),
    ForgetsItsSources: ("test_it_names_the_sources_that_it_learned_from", "sources_ is {}"),
    NeedsAnArgument: ("test_it_can_be_used_without_arguments", "missing 1 required"),
    TakesAnyLabel: ("test_sources_with_other_labels_follow_the_tag", "instead of"),
}
INPUTS = {
    ScalesTheTargetInPlace: ("test_input_is_never_changed", "changed its input"),
    NeedsWriteableRows: ("test_read_only_and_memory_mapped_input_is_enough", "WRITEABLE"),
    MatchesColumnsByPosition: ("test_columns_are_matched_by_name", "are not matched"),
    MixesUpProbabilities: ("test_classes_are_the_targets", "does not align"),
    PredictsCodes: ("test_classes_are_the_targets", "predicts no label"),
    FillsInLabels: ("test_missing_labels", "nothing was raised"),
    PredictsNothingOnSparse: ("test_sparse_input_follows_the_tag", "no finite"),
    DropsTheGroups: ("test_weights_and_groups_need_one_value_a_row", "nothing was raised"),
}
ROUTES = {
    RemembersWhatItPredicted: ("test_held_out_rows_never_matter", "held-out rows change"),
    KeepsGroupsToItself: (
        "test_sources_and_groups_arrive_with_routing_on_and_off",
        r"groups",
    ),
}
BROKEN = [(broken, *rest) for part in (POOLS, INPUTS, ROUTES) for broken, rest in part.items()]


NAMES = [one[0].__name__ for one in BROKEN]


@pytest.mark.parametrize(("broken", "test", "message"), BROKEN, ids=NAMES)
def test_a_broken_estimator_is_caught_for_what_it_does(broken, test, message):
    suite = TransferEstimatorConformance()
    suite.make_estimator = lambda: broken(LogisticRegression(), random_state=0)
    with pytest.raises((AssertionError, TypeError, ValueError), match=message):
        getattr(suite, test)()


def test_a_sound_estimator_fails_nothing():
    assert failed_tests(PooledClassifier(random_state=0), leave_out=SCIKIT_LEARN) == {}


def test_the_first_failures_are_listed_by_name():
    class ChangesItsParameters(PooledRegressor):
        def _fit(self, target, sources):
            self.source_weight = self.source_weight * 2
            super()._fit(target, sources)

    with pytest.raises(AssertionError, match=r"check_(dont_)?overwrite|overwrite_params"):
        check_transfer_estimator(ChangesItsParameters(random_state=0))


def test_a_declared_failure_is_passed_over():
    suite = failed_tests(KeepsAnchors(random_state=0), leave_out=SCIKIT_LEARN)
    assert set(suite) == {"test_no_source_rows_are_kept"}
    declared = TransferEstimatorConformance()
    declared.make_estimator = lambda: KeepsAnchors(preprocess=None, random_state=0)
    declared.keeps_rows = "neighbour anchors"
    declared.test_no_source_rows_are_kept()
