"""Theory: what a linear head on given features will reach, with how many labels.

`covariate_model` solves the Gaussian covariate model: error and losses of a head on fixed features
for any number of labels and any regulariser, with nothing trained. `spectrum`, `quadrature`,
`proximal`, `logistic_loss`, `square_loss` and `fixed_point` are its parts.

The names below are fetched from their modules when they are first used. NumPy and SciPy alone are
needed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from priorlift.theory.covariate_model import CovariateModel
    from priorlift.theory.solution import Solution

_HOMES = {
    "CovariateModel": "priorlift.theory.covariate_model",
    "Solution": "priorlift.theory.solution",
}

__all__ = ["CovariateModel", "Solution"]


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
