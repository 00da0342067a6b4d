"""The page of a sweep: neutral where nothing is shown, and everything that is missing is named."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from priorlift import SourcePool, Sweep, Target, write_report
from priorlift.pool import Source
from priorlift.report import render_page
from priorlift.report.sweep_page import shown_arms, sweep_context
from priorlift.study.plan import Arm
from priorlift.study.sweep_plan import Cell
from priorlift.transfer.pooled import PooledClassifier
from priorlift.transfer.target_only import TargetOnlyClassifier

HOSTILE = "</title><img src=x onerror=alert(2)>"


class Fussy(PooledClassifier):
    """Refuses to learn from a source whose rows lie far off."""

    def fit(self, X, y, sources=None, sample_weight=None, groups=None):
        if sources is not None and any(abs(np.mean(s.X)) > 50 for s in sources):
            raise ValueError("far off")
        return super().fit(X, y, sources=sources, sample_weight=sample_weight, groups=groups)


def blobs(n, rng, sign=1, shift=0.0):
    y = np.arange(n) % 2
    X = rng.normal(size=(n, 3)) + np.outer(y - 0.5, [1.2, 1.2, 0]) + shift
    return X, y if sign > 0 else 1 - y


@pytest.fixture(scope="module")
def swept():
    """Two tasks: one with a source that helps, one with a source that cannot be learned from."""
    rng = np.random.default_rng(3)
    tasks = {"wards": Target("w", *blobs(240, rng)), HOSTILE: Target("h", *blobs(240, rng))}
    sources = {
        "wards": SourcePool(
            [Source("same", *blobs(200, rng)), Source("other", [[0.0]] * 9, [1] * 9)]
        ),
        HOSTILE: SourcePool([Source("far", *blobs(60, rng, shift=100.0))]),
    }
    methods = {
        "fussy": Fussy(),
        "target_only": TargetOnlyClassifier({"a": LogisticRegression()}),
    }
    return Sweep(tasks, None, sources, methods, [8, 16], n_splits=20).run()


@pytest.fixture(scope="module")
def context(swept):
    return sweep_context(swept)


@pytest.fixture(scope="module")
def page(swept):
    return render_page(swept)


def test_the_page_counts_every_fit(swept, context):
    facts = dict(context["facts"])
    counts = swept.counts
    assert counts["planned"] == counts["done"] + counts["failed"] + counts["pending"]
    assert facts[f"{counts['planned']:,} fits planned"].startswith(f"{counts['done']:,} done")


def test_what_failed_and_what_was_left_out_stands_on_the_page_with_its_reason(swept, context):
    failed = context["failures"].rows
    assert {row[0].text for row in failed} == {HOSTILE}
    assert "ValueError: far off" in failed[0][-1].text
    assert sum(int(row[4].text) for row in failed) == swept.counts["failed"] > 0
    assert any(row[3].text == "other" for row in context["skipped"].rows)


def test_every_claim_has_a_row(swept, context):
    rows = context["verdicts"].rows
    assert len(rows) == len(swept.verdicts) == 1
    assert [cell.text for cell in rows[0][1:5]] == ["wards", "as is", "fussy", "same"]


def test_the_map_shows_all_sources_together_or_each_one_and_never_the_best(swept):
    cell = swept.plan.cell("wards", "as is")
    arms = (Arm("fussy", ()), Arm("fussy", ("a",)), Arm("fussy", ("b",)))
    each = replace(cell.study, arms=arms)
    assert shown_arms(Cell("wards", "as is", each), "fussy") == list(arms[1:])
    together = Arm("fussy", ("a", "b"))
    both = replace(each, arms=(*arms, together))
    assert shown_arms(Cell("wards", "as is", both), "fussy") == [together]


def test_a_map_without_a_settled_verdict_names_none(swept):
    words = [replace(v, verdict=replace(v.verdict, verdict="not shown")) for v in swept.verdicts]
    page = render_page(replace(swept, verdicts=tuple(words), curves=()))
    assert "nothing is settled" in page
    assert "not shown (dashed, no colour)" in page


def test_the_page_asks_for_nothing_and_escapes_names(page):
    assert "<img src=x" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "default-src &#39;none&#39;" in page


def test_a_sweep_that_is_not_finished_says_so(swept, context):
    few = dict(list(swept.records.items())[:-1])
    assert replace(swept, records=few).counts["pending"] == 1
    assert context["pending"] == 0
    assert "Fits still to be run: 1" in render_page(replace(swept, records=few, curves=()))


def test_a_saved_sweep_gives_the_same_page(swept, page, tmp_path):
    swept.save(tmp_path / "run")
    written = write_report(type(swept).load(tmp_path / "run"), tmp_path)
    assert written.read_text(encoding="utf-8") == page
