"""The methods of a sweep: named once, and given to each task in the form of its kind.

A method named by the registry has a class for classification and one for regression, so one name
with its parameters serves tasks of both kinds. An estimator serves the tasks of its own kind.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from priorlift.core import registry
from priorlift.core.errors import InputError, InputTypeError, UnknownNameError
from priorlift.pool import Task
from priorlift.study.plan import resolve_methods
from priorlift.study.sweep_plan import names_of
from priorlift.transfer.base import TransferEstimator


@dataclass(frozen=True)
class NamedMethod:
    """A registered method with parameters, for tasks of any kind.

    Parameters
    ----------
    name : str
        As it is registered, "pooled" say.
    parameters : mapping of str to object
        What its class is made with; the others keep their defaults.

    Raises
    ------
    UnknownNameError
        There is no such method, or it has no such parameter; the message gives the closest name.

    Examples
    --------
    >>> NamedMethod("pooled", {"source_weight": 0.2}).estimator("regression", prepared=False)
    PooledRegressor(source_weight=0.2)
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        method = registry.get("methods", self.name)
        forms = [form for form in (method.classifier, method.regressor) if form is not None]
        known = {key for form in forms for key in inspect.signature(form).parameters}
        for key in self.parameters:
            if key not in known:
                raise UnknownNameError(f"parameter of {self.name!r}", key, known)

    def estimator(self, task: Task, *, prepared: bool) -> TransferEstimator:
        """Return the method for a kind of task, unfitted.

        Parameters
        ----------
        task : {"classification", "regression"}
            The kind.
        prepared : bool
            Whether its features are prepared already, so that it does not preprocess them unless
            its parameters say so.

        Raises
        ------
        InputError
            The method has no form for such tasks.
        """
        form = registry.get("methods", self.name).for_task(task)
        made: TransferEstimator = form(**self.parameters)
        if prepared and "preprocess" not in self.parameters and hasattr(made, "preprocess"):
            made.set_params(preprocess=None)
        return made


Method: TypeAlias = NamedMethod | TransferEstimator


def named_methods(methods: Sequence[Any] | Mapping[str, Any]) -> dict[str, Method]:
    """Return methods by the names that tables give them.

    Parameters
    ----------
    methods : sequence of str, NamedMethod or TransferEstimator, or mapping of str to one of these
        In a sequence each has the name of its class or registration.

    Raises
    ------
    InputError
        No method is given, two have one name, or nothing is registered under a name.
    InputTypeError
        Something is no method.
    """
    if isinstance(methods, str | NamedMethod | TransferEstimator):
        raise InputTypeError("a single method was passed", remedy=f"methods=[{methods!r}]")
    if not methods:
        raise InputError("no method is given", remedy=", ".join(registry.names("methods")))
    if isinstance(methods, Mapping):
        return {name: _method(method, name) for name, method in methods.items()}
    found = [_method(method) for method in methods]
    names = [_name_of(method) for method in found]
    return dict(zip(names_of("method", names), found, strict=True))


def methods_for(
    methods: Mapping[str, Method], task: Task, *, prepared: bool
) -> tuple[dict[str, TransferEstimator], dict[str, str]]:
    """Return the estimators that serve a kind of task, and why the others do not.

    Parameters
    ----------
    methods : mapping of str to NamedMethod or TransferEstimator
        As `named_methods` gives them.
    task : {"classification", "regression"}
        The kind.
    prepared : bool
        As for `NamedMethod.estimator`.

    Returns
    -------
    estimators : dict of str to TransferEstimator
        Unfitted.
    left_out : dict of str to str
        The reason by name.
    """
    found: dict[str, TransferEstimator] = {}
    left_out: dict[str, str] = {}
    for name, method in methods.items():
        try:
            if isinstance(method, NamedMethod):
                method = method.estimator(task, prepared=prepared)
            found |= resolve_methods({name: method}, task)
        except InputError as error:
            left_out[name] = str(error)
    return found, left_out


def _method(method: Any, name: str | None = None) -> Method:
    if isinstance(method, str):
        return NamedMethod(method)
    if not isinstance(method, NamedMethod | TransferEstimator):
        raise InputTypeError(
            f"method {name or ''!r} is a {type(method).__name__}, no transfer estimator",
            remedy="pass a registered name, a NamedMethod or an estimator of priorlift.transfer",
        )
    return method


def _name_of(method: Method) -> str:
    if isinstance(method, NamedMethod):
        return method.name
    (name,) = resolve_methods([method], method._task)
    return name
