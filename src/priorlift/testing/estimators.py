"""The conformance suite of transfer estimators, and a way to run it without pytest."""

from collections.abc import Mapping

from sklearn.base import clone

from priorlift.testing.inputs import InputChecks
from priorlift.testing.pools import PoolChecks
from priorlift.testing.routes import RoutingChecks
from priorlift.testing.scikit_learn import ScikitLearnChecks
from priorlift.transfer.base import TransferEstimator


class TransferEstimatorConformance(ScikitLearnChecks, PoolChecks, InputChecks, RoutingChecks):
    """Tests that every transfer estimator has to pass; subclass it and say how to make yours.

    Attributes
    ----------
    expected_failed_checks : mapping of str to str
        Names of scikit-learn's checks that may fail, and why.
    keeps_rows : str
        Why the fitted estimator must keep rows of sources, if it must; empty where it keeps none.

    Examples
    --------
    >>> from priorlift.transfer import PooledClassifier
    >>> class TestPooled(TransferEstimatorConformance):
    ...     def make_estimator(self):
    ...         return PooledClassifier(random_state=0)
    >>> TestPooled().test_an_empty_pool_is_no_pool()
    """

    def make_estimator(self) -> TransferEstimator:
        """Return a fresh, unfitted estimator with a fixed `random_state`.

        Small settings keep the suite quick.
        """
        raise NotImplementedError("make_estimator: return a transfer estimator to be tested")


def check_transfer_estimator(
    estimator: TransferEstimator,
    *,
    expected_failed_checks: Mapping[str, str] | None = None,
    keeps_rows: str = "",
) -> None:
    """Run the whole suite on one estimator.

    Parameters
    ----------
    estimator : transfer estimator
        Unfitted, with a fixed `random_state`.
    expected_failed_checks : mapping of str to str, optional
        As in `TransferEstimatorConformance`.
    keeps_rows : str, default=""
        As in `TransferEstimatorConformance`.

    Raises
    ------
    AssertionError
        Lists every test that failed, and how.
    """
    failures = failed_tests(
        estimator, expected_failed_checks=expected_failed_checks, keeps_rows=keeps_rows
    )
    if failures:
        raise AssertionError("\n".join(f"{name}: {why}" for name, why in failures.items()))


def failed_tests(
    estimator: TransferEstimator,
    *,
    expected_failed_checks: Mapping[str, str] | None = None,
    keeps_rows: str = "",
    leave_out: tuple[str, ...] = (),
) -> dict[str, str]:
    """Run the suite and return what failed.

    Parameters
    ----------
    estimator, expected_failed_checks, keeps_rows
        As in `check_transfer_estimator`.
    leave_out : tuple of str
        Names of tests that are not run.

    Returns
    -------
    dict of str to str
        The message of each failed test, by the test's name.
    """
    suite = TransferEstimatorConformance()
    suite.make_estimator = lambda: clone(estimator)  # type: ignore[method-assign]
    suite.expected_failed_checks = dict(expected_failed_checks or {})  # type: ignore[misc]
    suite.keeps_rows = keeps_rows  # type: ignore[misc]
    failures = {}
    for name in dir(suite):
        if not name.startswith("test_") or name in leave_out:
            continue
        try:
            getattr(suite, name)()
        except Exception as error:
            failures[name] = f"{type(error).__name__}: {error}"
    return failures
