"""The page of a phase diagram says where transfer helps, where it hurts, and how surely."""

from dataclasses import replace

import numpy as np
import pytest

from priorlift.report import render_page, write_report
from priorlift.report.numbers import MINUS, NONE, percent
from priorlift.report.phase_page import labels_where, phase_context, phase_sentence, settings
from priorlift.theory import phase_diagram

HOSTILE = "<script>alert('x')</script>"


def texts(table):
    return [[cell.text for cell in row] for row in table.rows]


def test_each_value_says_where_transfer_helps_and_where_it_hurts(phases):
    context = phase_context(phases())
    assert context["sentence"].startswith("Learned features err less than random ones at 6 of 12")
    where = texts(context["where"])
    assert [row[:3] for row in where] == [
        ["qF = 0", NONE, "25 to 1,600"],
        ["qF = 0.5", "25 to 100", "400 to 1,600"],
        ["qF = 1", "25 to 1,600", NONE],
    ]
    assert [row[3] for row in where] == [NONE, "252", NONE]  # 0.02 to -0.01 along log n
    assert [row[4] for row in where] == [f"{MINUS}0.010", "+0.060", "+0.300"]
    assert [row[-1] for row in where] == ["0.150"] * 3


def test_a_gain_within_two_standard_errors_is_neither(phases):
    found = phases()
    assert found.clear[1].tolist() == [1, 1, -1, -1]
    loud = replace(found, transferred=found.transferred + np.array([-0.02, 0.02])[:, None, None])
    np.testing.assert_allclose(loud.gain, found.gain)
    assert loud.clear[1].tolist() == [1, 0, 0, 0]
    assert labels_where(loud, 1, -1) == NONE
    assert phase_sentence(loud).endswith("By more than two standard errors: less at 5, more at 0.")
    one = replace(found, transferred=found.transferred[:1], random=found.random[:1])
    assert one.clear[1].tolist() == [1, 1, -1, -1]
    assert "standard errors" not in phase_sentence(one)


def test_ranges_of_labels_break_where_the_sign_does(phases):
    found = phases((1.0,), simulated=False)
    signs = np.array([0.1, -0.1, 0.1, 0.1])
    mixed = replace(found, transferred=found.random - signs)
    assert labels_where(mixed, 0, 1) == "25, 400 to 1,600"
    assert labels_where(mixed, 0, -1) == "100"


def test_map_curves_and_every_number_stand_on_the_page(phases, tmp_path):
    found = phases()
    context = phase_context(found)
    assert [title for title, _ in context["curves"]] == ["qF = 1", "qF = 0.5", "qF = 0"]
    points = texts(context["points"])
    assert len(points) == 12
    assert points[4][:6] == ["0.5", "25", "0.25", "0.360", "0.420", "+0.060"]
    assert points[0][-1] == "0.250"
    assert points[1][-1] == NONE
    page = write_report(found, tmp_path).read_text(encoding="utf-8")
    assert page.count("<details>") == 3
    assert "the border, where it is 0" in page
    assert "The border lies at qF = 0.07 at 25 labels" in page
    assert "from scratch (simulated)" in page
    assert render_page(found) == page


def test_a_single_value_has_its_curves_instead_of_a_map(phases):
    context = phase_context(phases((1.0,), simulated=False))
    assert context["map"] is None
    assert context["heading"] == "What would transfer bring?"
    page = render_page(phases((1.0,), simulated=False))
    assert "<details" not in page
    assert "scratch" not in page


def test_many_values_draw_some_curves_and_list_no_endless_table(phases):
    found = phases()
    many = np.linspace(0, 1, 300)
    errors = np.broadcast_to(found.random[:, :1], (2, 300, 4))
    dense = replace(found, values=many, transferred=errors - 0.1, random=errors, floors=None)
    context = phase_context(replace(dense, simulated=None))
    assert context["map"].wide.count("+0.10") == 40 * 4
    assert len(context["curves"]) == 8
    assert (context["curves"][0][0], context["curves"][-1][0]) == ("qF = 1", "qF = 0")
    assert context["points"] is None
    assert context["cut"]


def test_what_a_caller_wrote_into_the_settings_is_escaped(phases):
    page = render_page(phases(training={"rate": HOSTILE}))
    assert HOSTILE not in page
    assert "alert(&#39;x" in page


def test_settings_say_which_heads_and_which_noise(phases):
    facts = dict(settings(phases(lam=0.25, loss="square_labels", noise=0.1, flips=0.2)))
    assert facts["Heads"] == "ridge regression on labels -1 and 1"
    assert facts["Regulariser"] == "lambda = 0.25"
    assert facts["Labels turned over"] == percent(0.2)
    assert facts["qt"] == "0.9"


def test_the_call_on_the_page_computes_the_same_again():
    sizes = {"latent": 10, "inputs": 12, "width": 8, "seeds": [3], "training": {"steps": 20}}
    found = phase_diagram("delta", [-0.5, 1 / 3], [20, 80], knobs={"qt": 0.9}, lam=0.3, **sizes)
    again = eval(phase_context(found)["call"], {"phase_diagram": phase_diagram})
    np.testing.assert_array_equal(again.transferred, found.transferred)
    assert again.settings == found.settings


@pytest.mark.parametrize("loss", ["square", "square_labels"])
def test_the_error_is_named_for_what_it_is(phases, loss):
    assert ("mean squared error" in render_page(phases(loss=loss))) == (loss == "square")
