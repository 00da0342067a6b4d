"""Expected labels saved go on where the measured ones end."""

from dataclasses import replace

import pytest

from priorlift.core.errors import InputError
from priorlift.study.expected_labels import expected_labels_saved


@pytest.fixture
def result(finished):
    return finished[1]


@pytest.fixture(scope="module")
def answered(finished):
    return expected_labels_saved(finished[1])


def test_each_claim_gets_what_the_target_alone_would_need(result, answered):
    found, expected = answered
    assert [(one.sources, one.method) for one in expected] == [
        (v.sources, v.method) for v in result.verdicts
    ]
    one = found["features"]
    for claim in expected:
        if claim.needed is None:
            assert claim.reason
        else:
            assert claim.saved == claim.needed - claim.budget
            assert one.error_at(claim.needed) <= claim.error + 1e-9


def test_a_better_score_is_expected_to_save_more(result, answered):
    found = answered[0]

    def saved_at(score):
        curves = tuple(replace(point, score=score) for point in result.curves)
        return expected_labels_saved(replace(result, curves=curves), found=found)[1][0]

    floor = found["features"].floor
    worse, better = saved_at(1 - 1.6 * floor), saved_at(1 - 1.3 * floor)
    assert better.saved > worse.saved
    assert saved_at(1 - 0.5 * floor).needed is None


def test_what_a_forecast_cannot_speak_of_is_refused(result):
    with pytest.raises(InputError, match="judged by roc_auc"):
        expected_labels_saved(replace(result, plan=replace(result.plan, metric="roc_auc")))
    with pytest.raises(InputError, match="two classes alone"):
        expected_labels_saved(replace(result, plan=replace(result.plan, task="regression")))
