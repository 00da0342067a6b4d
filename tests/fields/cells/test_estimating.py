"""A long transfer is said to be long, before it starts."""

import pytest

from priorlift.cells import transfer_labels
from priorlift.fields.cells import estimating
from priorlift.transfer.joint.settings import resolve
from priorlift.transfer.joint_labels import JointLabelTransferClassifier


def test_time_grows_with_cells_values_and_epochs():
    published = resolve("published", {})
    first = estimating.seconds(100_000, (10**8, 10**8), 100_000, published)
    assert 200 < first < 2_000
    assert estimating.seconds(100_000, (10**8, 10**8), 500_000, published) > first
    assert estimating.seconds(200_000, (2 * 10**8, 10**8), 100_000, published) > 1.8 * first
    fewer = resolve("published", {"epochs": 10})
    assert estimating.seconds(100_000, (10**8, 10**8), 100_000, fewer) < 0.9 * first
    assert estimating.said(30.0, "few") == ""
    assert "about 20 minutes" in estimating.said(1200.0, "10 cells to 10")


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
