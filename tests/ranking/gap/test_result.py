"""A result can be read, written, and read again."""

import json
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from priorlift.core.errors import InputError
from priorlift.pool import Source, SourcePool
from priorlift.ranking.gap.parts import Gap
from priorlift.ranking.gap.performance import performance_gap
from priorlift.ranking.gap.result import GapResult
from priorlift.ranking.gap.words import interval, sentence, verdict


@pytest.fixture(scope="module")
def result():
    draws = np.random.default_rng(0)
    X = draws.normal(size=(120, 3))
    y = np.where(X[:, 0] > 0, "ill", "well")
    other = np.where(X[:, 0] > 0, "well", "ill")
    pool = SourcePool(
        [Source("<same>", X[40:], y[40:]), Source("flipped", X[40:], other[40:])],
        unusable={"b.csv": "is empty"},
    )
    return performance_gap(
        LogisticRegression(), X[:40], y[:40], pool, n_permutations=20, random_state=0
    )


def test_json_gives_it_back(result):
    text = result.to_json()
    again = GapResult.from_json(text)
    assert again.to_json() == text
    assert again["flipped"].leading == result["flipped"].leading
    assert again.worst_rows(4) == result.worst_rows(4)
    assert list(again["flipped"].on_target) == ["zero_one", "log_loss"]
    assert json.loads(text)["format"] == 1


def test_an_interval_without_ends_survives(result):
    row = result["flipped"]
    gap = replace(row.leading, low=float("nan"), high=float("nan"))
    changed = replace(result, rows=(replace(row, on_target={**row.on_target, "zero_one": gap}),))
    assert np.isnan(GapResult.from_json(changed.to_json())["flipped"].leading.low)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}'])
def test_other_texts_are_refused(text):
    with pytest.raises(InputError):
        GapResult.from_json(text)


def test_it_is_a_table_a_text_and_a_page(result):
    frame = result.to_frame()
    assert list(frame["source"]) == ["<same>", "flipped"]
    assert {"zero_one_on_target", "log_loss_on_source_p_value"} <= set(frame.columns)
    rows = result.rows_frame()
    assert len(rows) == 160
    assert list(rows.columns) == ["source", "row", "label", "contribution", "loss_by_target"]
    assert "likely to hurt: flipped" in repr(result)
    assert "b.csv: is empty" in repr(result)
    assert "&lt;same&gt;" in result._repr_html_()
    with pytest.raises(KeyError):
        result["c"]
    with pytest.raises(FrozenInstanceError):
        result.seconds = 0.0


@pytest.mark.parametrize(
    ("gap", "found", "said"),
    [
        (Gap(0.2, 0.1, 0.3, p_value=0.01), "hurts", "likely to hurt"),
        (Gap(0.2, 0.1, 0.3, p_value=0.2), "not shown", "not shown"),
        (Gap(0.2, -0.1, 0.5, p_value=0.01), "not shown", "may hurt"),
        (Gap(0.2, 0.1, 0.3), "hurts", "no permutations"),
        (Gap(-0.2, -0.3, -0.1, p_value=0.9), "helps", "likely to help"),
        (Gap(-0.2, -0.5, 0.1, p_value=0.9), "not shown", "gains 0.20"),
        (Gap(0.001, -0.5, 0.1, p_value=0.9), "not shown", "of the target's own"),
        (Gap(0.2, float("nan"), float("nan"), p_value=0.01), "not shown", "may hurt"),
    ],
)
def test_verdicts_and_their_words(gap, found, said):
    assert verdict(gap, 0.95) == found
    assert said in sentence(gap, "zero_one", 0.95)


def test_the_interval_is_students_over_rows_and_over_groups():
    draws = np.random.default_rng(0)
    values = draws.normal(size=30)
    ones = np.ones(30)
    low, high = interval(values, ones, np.arange(30), 0.95, zero_one=False)
    reach = 2.0452 * values.std(ddof=1) / np.sqrt(30)
    assert (low, high) == pytest.approx((values.mean() - reach, values.mean() + reach), abs=1e-4)
    repeated = np.repeat(values, 3)
    groups = np.repeat(np.arange(30), 3)
    assert interval(repeated, np.ones(90), groups, 0.95, zero_one=False) == pytest.approx(
        (low, high)
    )
    # Equal differences of indicators still leave doubt; numbers that do not vary give no interval.
    low, high = interval(np.zeros(10), np.ones(10), np.arange(10), 0.95, zero_one=True)
    assert low < 0 < high
    assert np.isnan(interval(np.zeros(10), np.ones(10), np.arange(10), 0.95, zero_one=False)[0])
    assert np.isnan(interval(values[:1], ones[:1], np.arange(1), 0.95, zero_one=True)[0])
