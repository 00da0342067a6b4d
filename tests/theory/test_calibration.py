"""The level of a forecast follows observed errors; everything else stays."""

import numpy as np
import pytest

from priorlift.theory.calibration import level, level_error, predicted, shifted
from priorlift.theory.label_alignment import SIGN_GAUGE, LabelAlignment

P = 30
ALPHA, LAMS = np.array([1.0, 4.0]), np.full((1, 2), 0.3)


def alignment(reach=0.5, share=0.5):
    spectrum = np.arange(1, P + 1) ** -0.8
    variance = 4 * share * (1 - share)
    squares = spectrum * np.linspace(2.0, 0.0, P) / P * reach * variance
    return LabelAlignment(
        spectrum / spectrum.mean(), squares / spectrum.mean(), variance, share, 300, reach
    )


def test_no_shift_changes_nothing():
    one = alignment()
    np.testing.assert_allclose(shifted(one, 0.0, "classes").squares, one.squares, rtol=1e-12)


@pytest.mark.parametrize("picture", ["classes", "field"])
def test_a_shift_keeps_shape_and_limits(picture):
    one = alignment(0.4)
    for shift in (-4.0, -0.5, 0.5, 4.0):
        moved = shifted(one, shift, picture)
        assert (moved.reach > one.reach) == (shift > 0)
        assert 0 < moved.reach < (1.0 if picture == "classes" else 1.0 / SIGN_GAUGE)
        ratio = moved.squares[one.squares > 0] / one.squares[one.squares > 0]
        np.testing.assert_allclose(ratio, ratio[0])


@pytest.mark.parametrize(("picture", "share"), [("classes", 0.5), ("classes", 0.2), ("field", 0.5)])
def test_the_level_is_found_again_from_errors_that_it_made(picture, share):
    one = [alignment(0.4, share)]
    observed = predicted(one, picture, ALPHA, LAMS, 0.7)
    assert level(one, picture, ALPHA, LAMS, observed) == pytest.approx(0.7, abs=0.02)


def test_errors_beyond_every_level_stay_at_the_end():
    one = [alignment()]
    assert level(one, "classes", ALPHA, LAMS, np.full(2, 1e-12)) == 4.0
    assert level(one, "classes", ALPHA, LAMS, np.full(2, 0.6)) == -4.0


def test_an_alignment_of_nothing_has_no_level():
    nothing = alignment(0.0)
    assert shifted(nothing, 2.0, "classes") is nothing


def test_a_less_certain_error_makes_a_less_certain_level():
    one = [alignment()]
    small, large = (level_error(one, "classes", ALPHA, LAMS, 0.0, e) for e in (0.02, 0.1))
    assert large == pytest.approx(5 * small)
