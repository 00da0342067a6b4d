import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlift.cli import output

ROWS = [
    ("helps", "frozen_features", "a " * 60 + "zebra", "+0.123"),
    ("not shown", "pooled", "b", "-"),
]
HEADER = ("verdict", "method", "sources", "lift")


def test_only_one_column_gives_way_and_nothing_is_cut(capsys):
    output.write_table("Lift", HEADER, ROWS, numbers=("lift",), wrapped="sources")
    shown = capsys.readouterr().out
    for whole in ("frozen_features", "not shown", "+0.123", "zebra"):
        assert whole in shown
    assert max(map(len, shown.splitlines())) <= output.WIDTH
    assert "\x1b" not in shown  # colours are for terminals


def test_markup_in_a_name_is_shown_as_it_is(capsys):
    output.write_table("[red]T", ("name",), [("[bold]x[/bold] :smile:",)], wrapped="name")
    assert "[bold]x[/bold] :smile:" in capsys.readouterr().out


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(document=PLAIN)
def test_json_is_always_valid(document):
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        output.write_json(document)
    json.loads(out.getvalue(), parse_constant=pytest.fail)


def test_a_combination_that_no_method_can_use_is_told_once(capsys):
    def skipped(method, sources, reason):
        return SimpleNamespace(method=method, sources=sources, reason=reason)

    plan = SimpleNamespace(
        methods={"target_only": {}, "pooled": {}, "auto": {}},
        reference="target_only",
        skipped=(
            skipped("(any)", "broken", "no text"),
            skipped("pooled", "wine", "other columns"),
            skipped("auto", "wine", "other columns"),
            skipped("pooled", "parity", "other labels"),
        ),
    )
    output._write_skipped(SimpleNamespace(plan=plan))
    assert capsys.readouterr().out.splitlines() == [
        "left out: broken: no text.",
        "left out: wine: other columns.",
        "left out: pooled with parity: other labels.",
    ]


def test_a_study_says_what_is_expected_of_it_or_why_nothing_is(capsys):
    from priorlift.study.target_forecast import TargetForecast

    result = SimpleNamespace(
        sentence="Not shown.",
        plan=SimpleNamespace(
            methods={},
            reference="target_only",
            skipped=(),
            metric_title="accuracy",
            level=0.95,
            design=SimpleNamespace(largest=20),
        ),
        verdicts=(),
        warnings=(),
        forecast=TargetForecast(reason="the target has 10 classes"),
    )
    output.show_study(result)
    assert "No forecast of labels saved: the target has 10 classes.\n" in capsys.readouterr().out
    result.forecast = None
    output.show_study(result)
    assert "forecast" not in capsys.readouterr().out
