"""The conformance suite of encoders of raw inputs."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from priorlift.core import arrays
from priorlift.core.errors import InputError, InputTypeError
from priorlift.encoders.base import RawEncoder
from priorlift.testing.assertions import require, require_equal, require_error

CLOSE = 1e-4


class EncoderConformance:
    """Tests that every encoder has to pass; subclass it and fill in the methods.

    `make_encoder` returns an unfitted encoder with fixed seeds. `make_inputs` returns six or more
    raw inputs, of different lengths where inputs have one. `make_missing` returns inputs of which
    one is missing or NaN. An encoder with a `batch_size` is tried with several.

    Examples
    --------
    >>> from priorlift.encoders import TfidfSvdEncoder
    >>> class TestTfidf(EncoderConformance):
    ...     def make_encoder(self):
    ...         return TfidfSvdEncoder(3, random_state=0)
    ...     def make_inputs(self):
    ...         return ["one two", "two six", "six ten ten", "one ten", "two two", "one six"]
    ...     def make_missing(self):
    ...         return ["one", None]
    >>> TestTfidf().test_order_of_rows_does_not_matter()
    """

    make_encoder: Callable[[], RawEncoder]
    make_inputs: Callable[[], Any]
    make_missing: Callable[[], Any]

    def test_features_are_a_finite_float32_matrix(self) -> None:
        """One row each, at least one column; the inputs stay as they were."""
        inputs = self.make_inputs()
        before = arrays.fingerprint(inputs)
        found = self._features(inputs)
        require(isinstance(found, np.ndarray), f"features are a {type(found).__name__}")
        require(found.dtype == np.float32, f"features are {found.dtype}, not float32")
        n = arrays.n_rows(inputs)
        require(found.ndim == 2 and len(found) == n, f"{found.shape} for {n} rows")
        require(found.shape[1] > 0, "features have no column")
        require(np.isfinite(found).all(), "features are NaN or infinite")
        require(arrays.fingerprint(inputs) == before, "encoding changed the inputs")

    def test_features_tell_inputs_apart(self) -> None:
        """An encoder that gives all inputs the same features has lost them."""
        require(len(np.unique(self._features(self.make_inputs()), axis=0)) > 1, "all rows equal")

    def test_the_same_result_twice(self) -> None:
        """Bit for bit, from one encoder and from its clone."""
        inputs = self.make_inputs()
        encoder = self.make_encoder().fit(inputs)
        first = encoder.transform(inputs)
        require_equal(encoder.transform(inputs), first, "a second call differs")
        again = clone(encoder).fit(inputs)
        require_equal(again.transform(inputs), first, "a clone differs")
        params = encoder.get_params(deep=False)
        kept = clone(encoder).get_params(deep=False)
        require(params.keys() == kept.keys(), "a clone has other parameters")

    def test_order_of_rows_does_not_matter(self) -> None:
        """The features of a row are its own, up to rounding."""
        inputs = self.make_inputs()
        encoder = self.make_encoder().fit(inputs)
        features = encoder.transform(inputs)
        order = np.random.default_rng(0).permutation(len(features))
        found = encoder.transform(arrays.take_rows(inputs, order))
        _require_close(found, features[order], "features depend on the order of rows")
        one = encoder.transform(arrays.take_rows(inputs, order[:1]))
        _require_close(one, features[order[:1]], "features of a row alone differ")

    def test_the_size_of_batches_does_not_matter(self) -> None:
        """Where there is a `batch_size`."""
        inputs = self.make_inputs()
        encoder = self.make_encoder()
        if "batch_size" not in encoder.get_params(deep=False):
            return
        features = self._features(inputs)
        for size in (1, 3):
            found = clone(encoder).set_params(batch_size=size).fit(inputs).transform(inputs)
            _require_close(found, features, f"features differ with batch_size={size}")

    def test_the_fingerprint_is_stable_and_needs_no_pickle(self) -> None:
        """Equal for a clone and after use; 32 hexadecimal digits; libraries are named."""
        inputs = self.make_inputs()
        encoder = self.make_encoder().fit(inputs)
        first = encoder.fingerprint
        require(len(first) == 32 and int(first, 16) >= 0, f"{first!r} is no fingerprint")
        encoder.transform(inputs)
        require(encoder.fingerprint == first, "use changes the fingerprint")
        require(clone(encoder).fit(inputs).fingerprint == first, "a clone has another fingerprint")
        require(encoder.libraries, "no library is named")

    def test_it_travels_to_another_process(self) -> None:
        """A study's workers receive encoders."""
        inputs = self.make_inputs()
        encoder = self.make_encoder().fit(inputs)
        expected = encoder.transform(inputs)
        sent = pickle.loads(pickle.dumps(encoder))
        require_equal(sent.transform(inputs), expected, "features differ after the journey")

    def test_nothing_to_encode_is_refused(self) -> None:
        """With an `InputError`."""
        inputs = self.make_inputs()
        encoder = self.make_encoder().fit(inputs)
        nothing = arrays.take_rows(inputs, np.zeros(0, dtype=np.intp))
        require_error(lambda: encoder.transform(nothing), InputError)

    def test_a_missing_input_is_refused(self) -> None:
        """With an `InputError` instead of features that are NaN."""
        encoder = self.make_encoder().fit(self.make_inputs())
        wrong = self.make_missing()
        require_error(lambda: encoder.transform(wrong), (InputError, InputTypeError))

    def _features(self, inputs: Any) -> NDArray[np.float32]:
        return self.make_encoder().fit(inputs).transform(inputs)


def _require_close(found: Any, expected: Any, message: str) -> None:
    scale = max(float(np.abs(expected).max()), 1e-12)
    worst = float(np.abs(found - expected).max()) / scale
    require(worst < CLOSE, f"{message}: by {worst:.1e} of the largest value")
