"""scikit-learn's own checks: without sources, and its core again with a source in every `fit`."""

import warnings
from collections.abc import Mapping
from unittest import SkipTest

from sklearn.utils.estimator_checks import estimator_checks_generator

from priorlift.testing.suite import Suite, injecting
from priorlift.transfer.base import TransferEstimator

# What a source could break: state, input, shapes, dtypes, determinism. Left out are checks of
# parameters and tags, which no source touches, and weight equivalence, which the injected source,
# having the target's own rows, would change.
CORE = frozenset(
    {
        "check_dict_unchanged",
        "check_dont_overwrite_parameters",
        "check_dtype_object",
        "check_estimators_fit_returns_self",
        "check_estimators_nan_inf",
        "check_estimators_overwrite_params",
        "check_f_contiguous_array_estimator",
        "check_fit2d_1feature",
        "check_fit2d_1sample",
        "check_fit2d_predict1d",
        "check_fit_idempotent",
        "check_fit_score_takes_y",
        "check_methods_subset_invariance",
        "check_n_features_in_after_fitting",
        "check_readonly_memmap_input",
    }
)


class ScikitLearnChecks(Suite):
    """The estimator is a scikit-learn estimator, with and without sources."""

    def test_scikit_learn_checks_pass(self) -> None:
        """`check_estimator` is green but for the declared failures."""
        run_checks(self.make_estimator(), self.expected_failed_checks)

    def test_core_of_scikit_learn_checks_passes_with_a_source(self) -> None:
        """The checks that a source could break pass with a source in every `fit`."""
        run_checks(injecting(self.make_estimator()), self.expected_failed_checks, CORE)


def run_checks(
    estimator: TransferEstimator,
    expected_failed_checks: Mapping[str, str],
    only: frozenset[str] | None = None,
) -> None:
    """Run scikit-learn's checks and raise one error that lists all unexpected failures.

    Parameters
    ----------
    estimator : transfer estimator
        What is checked.
    expected_failed_checks : mapping of str to str
        Checks that may fail, and why.
    only : frozenset of str, optional
        Names of the checks to run; by default all.
    """
    failures = []
    for instance, check in estimator_checks_generator(estimator):
        name = check.func.__name__
        if name in expected_failed_checks or not (only is None or name in only):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                check(instance)
        except SkipTest:
            continue
        except Exception as error:
            failures.append(f"{name}: {type(error).__name__}: {error}")
    if failures:
        raise AssertionError("\n".join(failures))
