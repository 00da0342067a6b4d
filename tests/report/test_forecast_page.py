"""The page of a forecast says how many labels, and how far to trust the answer."""

import numpy as np
import pytest

from priorlift.report import render_page, write_report
from priorlift.report.forecast_page import forecast_context
from priorlift.theory import forecast

HOSTILE = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 900)
    X = rng.normal(size=(900, 4)) + np.where(y, 0.6, -0.6)[:, None]
    noisy = X + rng.normal(size=X.shape)
    maps, few = {"clear": X, HOSTILE: noisy}, {"clear": X[:200], HOSTILE: noisy[:200]}
    return forecast(maps, few, y[:200], [30, 300], n_bootstrap=4)


def test_curves_check_and_labels_needed_stand_on_the_page(found, tmp_path):
    context = forecast_context(found, 0.16)
    assert context["sentence"].startswith("With clear an error of 0.16 takes about")
    assert [row[0].text for row in context["curves"].rows] == ["clear"] * 2 + [HOSTILE] * 2
    assert len(context["check"].rows) == sum(len(one.check) for one in found.maps.values())
    assert context["maps"].columns[-1].title == "Labels needed"
    page = write_report(found, tmp_path).read_text(encoding="utf-8")
    assert HOSTILE not in page
    assert render_page(found) == page


def test_without_a_check_the_page_says_that_nothing_confirms_it():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 300)
    X = rng.normal(size=(300, 3)) + y[:, None]
    bare = forecast(X, X[:60], y[:60], [30, 300], n_bootstrap=4, honesty=False)
    assert "nothing confirms the forecast" in render_page(bare)
