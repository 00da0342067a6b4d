"""Read a pipeline's alternatives from TOML.

Names become estimators through an explicit list: scikit-learn's own, and priorlift's registered
methods. Nothing is evaluated and nothing else is imported, whatever the file says.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from priorlift.core import registry
from priorlift.core.errors import InputError, UnknownNameError
from priorlift.search.alternatives import Alternatives, Join, Option

# Functions that select columns are parameters by name, too.
_FUNCTIONS = ("chi2", "f_classif", "f_regression", "mutual_info_classif", "mutual_info_regression")
_STEP_KEYS = ("name", "any", "use", "with", "grid", "all")
_OPTION_KEYS = ("use", "with", "grid", "all")
_NOTHING = "none"


def read_steps(path: str | Path) -> tuple[Alternatives, dict[str, Any]]:
    """Read `[[steps]]` and the table `[search]` from a TOML file.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    alternatives : Alternatives
        The steps.
    options : dict
        What stands in `[search]`: keyword arguments of `SharedSearchCV`.

    Raises
    ------
    InputError
        The file is no TOML, a key is unknown or missing, or an estimator does not take a parameter.
    UnknownNameError
        An estimator that is not on the list; the message gives the closest name.
    """
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(
            f"cannot be read as TOML ({error})", where=str(path), remedy="correct the file"
        ) from error
    _check_keys(document, ("steps", "search"), str(path))
    steps = document.get("steps", [])
    if not steps:
        raise InputError("has no [[steps]]", where=str(path), remedy="add one for each step")
    return Alternatives(steps_from(steps)), dict(document.get("search", {}))


def steps_from(steps: Sequence[Mapping[str, Any]]) -> list[tuple[str, Any]]:
    """Turn the tables of `[[steps]]` into the steps of `Alternatives`.

    Parameters
    ----------
    steps : sequence of mappings
        Each with `name` and one of: `use` (one estimator), `any` (a list of options), `all`
        (branches that are joined). An option has `use` (a name, or "none"), `with` (fixed
        parameters) and `grid` (lists of values).

    Examples
    --------
    >>> steps_from([{"name": "scale", "any": [{"use": "StandardScaler"}, {"use": "none"}]}])
    [('scale', [StandardScaler(), None])]
    """
    found = []
    for position, step in enumerate(steps, 1):
        where = f"step {position}"
        _check_keys(step, _STEP_KEYS, where)
        if "name" not in step:
            raise InputError("has no name", where=where, remedy='add name = "..."')
        options = step["any"] if "any" in step else [_without_name(step)]
        found.append((step["name"], [_option(o, f"step {step['name']!r}") for o in options]))
    return found


def _without_name(step: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in step.items() if key != "name"}


def _option(option: Mapping[str, Any], where: str) -> Any:
    _check_keys(option, _OPTION_KEYS, where)
    if "all" in option:
        return Join(*steps_from(option["all"]))
    if "use" not in option:
        raise InputError("an option names no estimator", where=where, remedy='add use = "..."')
    if option["use"] == _NOTHING:
        return None
    estimator = _estimator(option["use"], option.get("with", {}), where)
    if "grid" not in option:
        return estimator
    grid = {name: [_value(v, where) for v in values] for name, values in option["grid"].items()}
    known = estimator.get_params(deep=True)
    for name in grid:
        if name not in known:
            raise UnknownNameError(f"parameter of {option['use']}", name, known)
    return Option(estimator, grid)


def _estimator(name: str, params: Mapping[str, Any], where: str) -> Any:
    known = known_estimators()
    if name not in known:
        raise UnknownNameError("estimator", name, known)
    given = {key: _value(value, where) for key, value in params.items()}
    try:
        return known[name](**given)
    except TypeError as error:
        raise InputError(f"{name}: {error}", where=where, remedy="correct `with`") from error


def _value(value: Any, where: str) -> Any:
    if isinstance(value, Mapping) and "use" in value:
        return _estimator(value["use"], value.get("with", {}), where)
    if isinstance(value, str) and value in _FUNCTIONS:
        from sklearn import feature_selection

        return getattr(feature_selection, value)
    return value


@cache
def known_estimators() -> dict[str, type]:
    """Return the estimators that a file may name: scikit-learn's and priorlift's methods."""
    from sklearn.utils.discovery import all_estimators

    found = dict(all_estimators())
    for name in registry.names("methods"):
        method = registry.get("methods", name)
        for kind in (method.classifier, method.regressor):
            if kind is not None:
                found[kind.__name__] = kind
    return found


def _check_keys(table: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise UnknownNameError(f"key in {where}:", key, known)
