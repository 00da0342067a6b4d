import json
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from priorlift.study.interval import t_interval
from priorlift.study.results import StudyResult
from priorlift.study.verdicts import Claim, decide


@pytest.fixture
def result(finished):
    return finished[1]


def with_verdicts(result, **lifts):
    """The result, with a claim for each source; None stands for fits that predict the same."""

    def interval(lift):
        error = 0.0 if lift is None else 0.01
        return t_interval(lift or 0.0, error, 50, formula="row", n_units=51, level=0.95)

    claims = [
        Claim(name.replace("_", " "), "pooled", interval(lift), interval(lift))
        for name, lift in lifts.items()
    ]
    return replace(result, verdicts=decide(claims))


def test_a_study_tells_what_helps_and_what_hurts(result):
    assert {v.sources: v.verdict for v in result.verdicts}["swapped"] == "hurts"


def test_the_sentence_begins_with_the_best_source_that_helps(result):
    sentence = with_verdicts(result, good=0.1, better=0.2, bad=-0.1, none=None).sentence
    assert sentence.startswith(
        "Yes: pooled with better helps 'few' at 40 labels, by +0.200 accuracy"
    )
    assert "adjusted for 4 claims" in sentence
    assert sentence.endswith("2 of 4 claims help, 1 hurt.")


@pytest.mark.parametrize(
    ("lifts", "end"),
    [
        ({"bad": -0.1}, "0 of 1 claims help, 1 hurt."),
        ({"a": 0.001, "b": None}, "0 of 2 claims help, 0 hurt."),
    ],
)
def test_the_sentence_says_when_nothing_is_shown(result, lifts, end):
    sentence = with_verdicts(result, **lifts).sentence
    assert sentence.startswith("Not shown: no source is proved to help 'few' at 40 labels.")
    assert sentence.endswith(end)


def test_the_sentence_says_when_nothing_was_compared(result):
    sentence = replace(result, verdicts=()).sentence
    assert sentence == "No comparison could be made for 'few' at 40 labels."
    assert len(replace(result, verdicts=()).verdict_frame()) == 0


def test_what_is_no_number_is_null_in_json(result):
    empty = with_verdicts(result, none=None)
    assert np.isnan(empty.verdicts[0].against_same_class.low)
    read = json.loads(empty.to_json(), parse_constant=lambda name: pytest.fail(name))
    assert read["verdicts"][0]["lift_low"] is None
    assert read["verdicts"][0]["lift"] == 0.0


def test_json_holds_all_that_a_page_needs(result):
    read = json.loads(result.to_json())
    assert read["sentence"] == result.sentence
    assert len(read["verdicts"]) == 3
    assert len(read["lifts"]) == 6
    assert len(read["curves"]) == 10
    assert len(read["labels_saved"]) == 6
    assert read["plan"]["design"]["kind"] == "label budgets"


def test_frames(result):
    frame = result.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame["trial"]) == sorted(frame["trial"])
    assert len(frame) == len(result.records)
    assert list(result.verdict_frame()["verdict"]) == [v.verdict for v in result.verdicts]
    means = frame[frame["budget"] == 40].groupby(["method", "sources"])["score"].mean()
    lift = means["pooled", "same"] - means["pooled", "(no sources)"]
    found = next(v for v in result.verdicts if v.sources == "same")
    assert found.against_same_class.estimate == pytest.approx(lift, abs=1e-12)


def test_the_notebook_view_escapes_names(result):
    hostile = with_verdicts(result, **{"<script>x</script>": 0.2})
    view = hostile._repr_html_()
    assert "<script>" not in view
    assert "&lt;script&gt;" in view
    assert "+0.200" in view


def test_plots_are_figures(result):
    for figure in (result.plot_lifts(), result.plot_curves("pooled"), result.plot_ranking()):
        assert isinstance(figure, plt.Figure)
        assert figure.axes
        plt.close(figure)
    with pytest.raises(ValueError, match="rank=True"):
        replace(result, ranking=None).plot_ranking()


def test_results_do_not_change(result):
    assert isinstance(result, StudyResult)
    with pytest.raises(AttributeError):
        result.reproducible = False
