"""Theory: what a linear head on given features will reach, with how many labels.

`covariate_model` solves the Gaussian covariate model: error and losses of a head on fixed features
for any number of labels and any regulariser, with nothing trained. `spectrum`, `quadrature`,
`proximal`, `logistic_loss`, `square_loss` and `fixed_point` are its parts. `correlated_tasks` draws
two tasks whose relatedness is known, `covariances` gives the covariances of features on them in
closed form, and `simulate` does for real (`heads`, `two_layer`) what the model predicts.
`forecasts` says the same of a user's own features: `label_alignment` estimates what the theory
needs, `pictures` and `mixture` solve, `forecast_check` holds real heads against it.

The names below are fetched from their modules when they are first used. NumPy and SciPy alone are
needed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from priorlift.theory.correlated_tasks import (
        CorrelatedTasks,
        HiddenManifold,
        make_correlated_tasks,
    )
    from priorlift.theory.covariances import (
        Covariances,
        erf_covariances,
        monte_carlo_covariances,
    )
    from priorlift.theory.covariate_model import CovariateModel
    from priorlift.theory.forecast_result import Forecast, LabelsNeeded, MapForecast
    from priorlift.theory.forecasts import forecast, labels_needed
    from priorlift.theory.phase_result import PhaseDiagram
    from priorlift.theory.phases import phase_diagram
    from priorlift.theory.simulate import simulate_heads, simulate_transfer, train_sources
    from priorlift.theory.solution import Solution

_HOMES = {
    "CovariateModel": "priorlift.theory.covariate_model",
    "Solution": "priorlift.theory.solution",
    "CorrelatedTasks": "priorlift.theory.correlated_tasks",
    "HiddenManifold": "priorlift.theory.correlated_tasks",
    "make_correlated_tasks": "priorlift.theory.correlated_tasks",
    "Covariances": "priorlift.theory.covariances",
    "erf_covariances": "priorlift.theory.covariances",
    "monte_carlo_covariances": "priorlift.theory.covariances",
    "simulate_heads": "priorlift.theory.simulate",
    "simulate_transfer": "priorlift.theory.simulate",
    "train_sources": "priorlift.theory.simulate",
    "forecast": "priorlift.theory.forecasts",
    "labels_needed": "priorlift.theory.forecasts",
    "Forecast": "priorlift.theory.forecast_result",
    "LabelsNeeded": "priorlift.theory.forecast_result",
    "MapForecast": "priorlift.theory.forecast_result",
    "phase_diagram": "priorlift.theory.phases",
    "PhaseDiagram": "priorlift.theory.phase_result",
}

__all__ = [
    "CovariateModel",
    "Solution",
    "CorrelatedTasks",
    "HiddenManifold",
    "make_correlated_tasks",
    "Covariances",
    "erf_covariances",
    "monte_carlo_covariances",
    "simulate_heads",
    "simulate_transfer",
    "train_sources",
    "forecast",
    "labels_needed",
    "Forecast",
    "LabelsNeeded",
    "MapForecast",
    "phase_diagram",
    "PhaseDiagram",
]


def __getattr__(name: str) -> Any:
    """Fetch a public name from its module and keep it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'priorlift.theory' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names too that nobody has used yet."""
    return sorted({*globals(), *__all__})
