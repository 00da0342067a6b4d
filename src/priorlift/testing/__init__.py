"""Conformance suites: what methods, scores, encoders, readers and runners must keep to, as tests.

Subclass a suite in a test module, name what is to be tested, and pytest collects its tests:

    class TestMyMethod(TransferEstimatorConformance):
        def make_estimator(self):
            return MyMethodClassifier(random_state=0)

The suites need nothing but the core dependencies; `check_transfer_estimator` and its like run one
without pytest. The built-in methods pass the same suites.
"""

from priorlift.testing.encoders import EncoderConformance
from priorlift.testing.estimators import TransferEstimatorConformance, check_transfer_estimator
from priorlift.testing.readers import ReaderConformance
from priorlift.testing.runners import RunnerConformance
from priorlift.testing.scores import ScoreConformance

__all__ = [
    "EncoderConformance",
    "ReaderConformance",
    "RunnerConformance",
    "ScoreConformance",
    "TransferEstimatorConformance",
    "check_transfer_estimator",
]
