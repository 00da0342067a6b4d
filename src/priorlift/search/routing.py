"""What each step of a pipeline is given beside X and y, with metadata routing on and off."""

from collections.abc import Mapping
from typing import Any

from sklearn import get_config
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from priorlift.search.keys import digest
from priorlift.search.plan import Step

_Params = Mapping[str, Mapping[str, Any]]


class StepMetadata:
    """The metadata of one fold, given out to steps as `Pipeline.fit` gives it out.

    Parameters
    ----------
    estimator : estimator
        The search's estimator.
    params : mapping
        What its `fit` is given, cut to the training rows.
    """

    def __init__(self, estimator: Any, params: Mapping[str, Any]) -> None:
        self._params = dict(params)
        self._is_pipeline = type(estimator) is Pipeline
        self._routes = bool(get_config()["enable_metadata_routing"])
        self._digests: dict[int, str] = {}

    def of(self, step: Step) -> _Params:
        """Return what a transformer's `fit`, `fit_transform` and `transform` are given."""
        if not self._params:
            return {}
        if not self._routes:
            own = self._named(step)
            return {"fit": own, "fit_transform": own} if own else {}
        mapping = MethodMapping()
        if hasattr(step.estimator, "fit_transform"):
            mapping.add(caller="fit", callee="fit_transform")
        else:
            mapping.add(caller="fit", callee="fit").add(caller="fit", callee="transform")
        routed = self._routed(step, mapping)
        return routed if any(routed.values()) else {}

    def of_head(self, step: Step) -> Mapping[str, Any]:
        """Return what the last step's `fit` is given."""
        if not self._params or not self._is_pipeline:
            return self._params
        if not self._routes:
            return self._named(step)
        routed = self._routed(step, MethodMapping().add(caller="fit", callee="fit"))
        return dict(routed.get("fit", {}))

    def mark(self, step: Step) -> str:
        """Return what tells a step from an equal one elsewhere: what it is given."""
        given = self.of(step)
        return digest({name: dict(values) for name, values in given.items()}) if given else ""

    def _named(self, step: Step) -> dict[str, Any]:
        prefix = f"{step.name}__"
        return {
            name.removeprefix(prefix): value
            for name, value in self._params.items()
            if name.startswith(prefix)
        }

    def _routed(self, step: Step, mapping: MethodMapping) -> dict[str, Any]:
        router = MetadataRouter(owner=self).add(method_mapping=mapping, step=step.estimator)
        return dict(router.route_params(caller="fit", params=self._params).get("step", {}))
