"""The task function of a sweep: fit one arm of one cell on one split and score it.

The rows are encoded already. A trial's outcome follows from its parameters alone; what the process
still has from the trial before (memory-mapped features, a source's network) only saves time.
"""

from collections.abc import Mapping
from typing import Any

from priorlift.core.seeds import derive_seed
from priorlift.pool import SourcePool
from priorlift.study.design import Split, split_rows
from priorlift.study.metrics import METRICS
from priorlift.study.sweep_plan import design_of
from priorlift.study.tasks import outcome_of, seeded
from priorlift.transfer.base import TransferEstimator
from priorlift.trials.context import Context
from priorlift.trials.outcome import Outcome
from priorlift.trials.trial import Trial

SEED_OF_MODELS = "encoder_seed"


def fit_and_score(trial: Trial, context: Context) -> Outcome:
    """Fit one arm on one split and score it on the split's test rows.

    Parameters
    ----------
    trial : Trial
        Made by `SweepPlan.trial`.
    context : Context
        Its store holds the encoded target and sources; `extras["methods"]` the unfitted estimators
        by `method_key`, `extras["names"]` the sources' names by fingerprint.

    Returns
    -------
    Outcome
        As that of a study's trial.
    """
    params = trial.params
    target = context.store.target(params["target"])
    names = context.extras["names"]
    sources = SourcePool([context.store.source(f, name=names[f]) for f in params["sources"]])
    split = Split(**params["split"])
    train, test = split_rows(target, design_of(params["splits"]), params["task"], split)
    seed = derive_seed(params["seed"], _content(trial))
    method = context.extras["methods"][method_key(params["method"], params["estimator"])]
    estimator = with_seeded_models(seeded(method, seed), params)
    return outcome_of(estimator, seed, target, sources, train, test, METRICS[params["metric"]])


def method_key(name: str, estimator: str) -> str:
    """Return the key of an unfitted estimator in a context: its name and its hash.

    One name may stand for several estimators: a classifier and a regressor, or one for tables and
    one for features.
    """
    return f"{name} {estimator}"


def _content(trial: Trial) -> str:
    # Another version of the code is another trial, but no reason to draw other numbers.
    return Trial(trial.task, {k: v for k, v in trial.params.items() if k != "code"}).hash


def with_seeded_models(
    estimator: TransferEstimator, params: Mapping[str, Any]
) -> TransferEstimator:
    """Seed what is learned on sources apart, so that the trials that share it learn the same."""
    if estimator.get_params(deep=False).get(SEED_OF_MODELS, 0) is None:
        draw = "" if params["shared_models"] == "draws" else str(params["split"]["draw"])
        estimator.set_params(**{SEED_OF_MODELS: derive_seed(params["seed"], "source models", draw)})
    return estimator
