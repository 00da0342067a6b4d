"""A long transfer is said to be long, before it starts."""

import pytest

from priorlift.cells import transfer_labels
from priorlift.fields.cells import estimating
from priorlift.transfer.joint.settings import resolve
from priorlift.transfer.joint_labels import JointLabelTransferClassifier


def seconds(n_query, n_values, n_cells, settings, n_fits=1):
    return estimating.seconds(n_query, n_values, n_cells, settings, n_fits).least


def test_time_grows_with_cells_values_and_epochs():
    published = resolve("published", {})
    first = seconds(100_000, (10**8, 10**8), 100_000, published)
    assert 200 < first < 2_000
    assert seconds(100_000, (10**8, 10**8), 500_000, published) > first
    assert seconds(200_000, (2 * 10**8, 10**8), 100_000, published) > 1.8 * first
    fewer = resolve("published", {"epochs": 10})
    assert seconds(100_000, (10**8, 10**8), 100_000, fewer) < 0.9 * first
    assert seconds(100_000, (10**8, 10**8), 100_000, published, 3) == pytest.approx(3 * first)


def test_a_first_stage_that_may_run_twice_is_counted():
    atlas = 10**5, (10**8, 10**8), 10**5
    found = estimating.seconds(*atlas, resolve("default", {}))
    assert 1.3 * found.least < found.most < 1.6 * found.least
    still = estimating.seconds(*atlas, resolve("published", {}))
    assert still.least == still.most


def test_what_is_short_is_not_said():
    assert estimating.said(estimating.Estimate(30.0, 40.0), "few") == ""
    text = estimating.said(estimating.Estimate(1200.0, 1800.0), "10 cells to 10")
    assert "about 20 minutes on one core, 30 where types" in text
    assert estimating.said(estimating.Estimate(1200.0, 1200.0), "few").endswith("one core")


def test_it_is_said_before_anything_is_fitted(pair, monkeypatch):
    monkeypatch.setattr(estimating, "LONG", 0.0)

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(JointLabelTransferClassifier, "fit", stopped)
    with (
        pytest.warns(estimating.LongTransferWarning, match=r"cells to 120 will take about"),
        pytest.raises(KeyboardInterrupt),
    ):
        transfer_labels(*pair, label_key="cell_type")
