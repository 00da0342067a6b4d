import numpy as np
import pytest
from scipy.special import expit, logit

from priorlift.fields.cells.calibrating import Calibration, fitted
from priorlift.plots.svg import to_svg


def test_the_curve_is_found_again_and_few_cells_move_it_little():
    draws = np.random.default_rng(0)
    sure = draws.uniform(0.3, 0.999, 5_000)
    right = draws.random(5_000) < expit(0.5 * logit(sure) - 0.3)
    found = fitted(sure, right)
    assert (found.slope, found.shift) == pytest.approx((0.5, -0.3), abs=0.08)
    few = fitted(sure[:3], right[:3])
    assert abs(few.slope - 1) < 0.4
    assert (np.diff(found(np.sort(sure))) >= 0).all()
    assert (Calibration()(sure) == sure).all()


def test_labelled_cells_calibrate_and_the_result_says_so(pair, transfer):
    reference, query = pair
    query.obs["known"] = query.obs["truth"].astype(str).where(np.arange(120) < 100, "none")
    options = {"query_label_key": "known", "unlabeled_category": "none"}
    result = transfer(reference, query.copy(), **options)
    assert result.calibration.n_cells == 100
    assert "calibrated on 100 labelled query cells" in result.notes[-1]
    plain = transfer(reference, query.copy(), calibrate=False, **options)
    assert "calibrated on nothing" in plain.notes[-1]
    assert (plain.labels == result.labels).all()
    np.testing.assert_allclose(result.calibration(plain.confidence), result.confidence)
    query.obs["known"] = query.obs["truth"].astype(str).where(np.arange(120) < 99, "none")
    assert "calibrated on nothing" in transfer(reference, query, **options).notes[-1]


def test_reliability_is_drawn(compared):
    _, _, result = compared
    figure = result.plot_reliability("truth")
    text = to_svg(figure, "reliability", "d")
    assert "of 400 labels right" in text
    assert "10 bins" in text
