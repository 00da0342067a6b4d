"""Panels of an embedding: what lies above what, and what is named."""

import numpy as np

from priorlift.plots.cell_map import cell_map
from priorlift.plots.embedding_map import embedding_panels


def test_a_small_group_is_not_hidden_by_a_large_one():
    groups = ["query"] * 3 + ["reference"] * 30
    figure = embedding_panels(
        np.zeros((33, 2)), ["a"] * 33, groups, np.full(33, 0.5), order=["a"], title="points"
    )
    heights = {len(c.get_offsets()): c.get_zorder() for c in figure.axes[1].collections}
    assert heights[3] > heights[30]


def test_shares_have_no_sign():
    values = {"title": "t", "below": "", "scale": 1.0}
    for signed, text in ((True, "+0.25"), (False, "0.25")):
        figure = cell_map(["a"], ["b"], np.array([[0.25]]), signed=signed, **values)
        assert text in [written.get_text() for written in figure.axes[0].texts]
