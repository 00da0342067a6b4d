"""How sources and groups get to an estimator: bare, in pipelines, in searches."""

from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from priorlift.testing.assertions import require, require_equal
from priorlift.testing.suite import Suite, outputs, recording
from priorlift.transfer.routing import fit_params


class RoutingChecks(Suite):
    """scikit-learn's tools hand the sources on whole, and held-out rows stay out."""

    def test_sources_and_groups_arrive_with_routing_on_and_off(self) -> None:
        """Bare and in a `Pipeline`; the pool is passed on as it is, groups beside their rows."""
        p = self.problem()
        expected = self.predicted(p.X, p.y, p.pool, p.X_new, groups=p.groups)
        for routing in (False, True):
            with config_context(enable_metadata_routing=routing):
                for before in ([], [FunctionTransformer()]):
                    estimator, calls = recording(self.make_estimator())
                    model = make_pipeline(*before, estimator) if before else estimator
                    given = fit_params(model, sources=p.pool, groups=p.groups)
                    found = outputs(model.fit(p.X, p.y, **given), p.X_new)
                    require_equal(found, expected, f"routing {routing}: another model in {model}")
                    require(calls[0]["sources"] is p.pool, "the pool did not arrive")
                    require_equal(calls[0]["groups"], p.groups, "the groups did not arrive")

    def test_a_search_hands_the_sources_on_with_routing_on_and_off(self) -> None:
        """`GridSearchCV` fits each fold and the last model with the whole pool."""
        p = self.problem()
        expected = self.predicted(p.X, p.y, p.pool, p.X_new)
        for routing in (False, True):
            with config_context(enable_metadata_routing=routing):
                estimator, calls = recording(self.make_estimator())
                search = GridSearchCV(estimator, {}, cv=[(np.arange(16), np.arange(16, 24))])
                search.fit(p.X, p.y, **fit_params(search, sources=p.pool))
                require(all(call["sources"] is p.pool for call in calls), "a fold got no pool")
                require(len(calls) == 2, f"{len(calls)} fits instead of 2")
                found = outputs(search.best_estimator_, p.X_new)
                require_equal(found, expected, f"routing {routing}: another model after a search")

    def test_groups_of_the_training_rows_reach_each_fold(self) -> None:
        """`cross_validate` with routing on gives each `fit` the groups of its rows."""
        p = self.problem()
        train, test = np.arange(16), np.arange(16, 24)
        with config_context(enable_metadata_routing=True):
            estimator, calls = recording(self.make_estimator())
            given = fit_params(estimator, sources=p.pool, groups=p.groups)
            split = [(train, test)]
            cross_validate(estimator, p.X, p.y, cv=split, params=given, error_score="raise")
        require_equal(calls[0]["groups"], p.groups[train], "the groups are not those of the rows")

    def test_rows_of_another_group_may_be_few(self) -> None:
        """One group, and one group a row, are both fitted."""
        p = self.problem()
        for groups in (np.zeros(len(p.y), dtype=int), np.arange(len(p.y))):
            found = self.predicted(p.X, p.y, p.pool, p.X_new, groups=groups)
            require(np.isfinite(found).all(), "not finite")

    def test_held_out_rows_never_matter(self) -> None:
        """Absurd rows in the test fold leave the fitted model as it was, also in later folds."""
        p = self.problem()
        expected = self.predicted(p.X, p.y, p.pool, p.X_new)
        split = (np.arange(len(p.y)), len(p.y) + np.arange(6))
        for factor in (1.0, -1e6):
            X = np.vstack([p.X, factor * p.X_new[:6]])
            y = np.concatenate([p.y, p.y[:6]])
            estimator = self.make_estimator()
            for fitted in self._cross_validated(estimator, X, y, split, p.pool):
                require_equal(
                    outputs(fitted, p.X_new), expected, "held-out rows change the fitted model"
                )

    def _cross_validated(self, estimator: Any, X: Any, y: Any, split: Any, pool: Any) -> list[Any]:
        # The same split twice: what the first fold leaks while it predicts, the second would use.
        done = cross_validate(
            clone(estimator),
            X,
            y,
            cv=[split, split],
            params=fit_params(estimator, sources=pool),
            return_estimator=True,
            error_score="raise",
        )
        return list(done["estimator"])
