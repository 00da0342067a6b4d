"""Scores of many sources together are those of each alone."""

import numpy as np
import pytest

from priorlift.ranking import scores as public
from priorlift.ranking.linear_source import LinearSource, PrincipalSpace
from priorlift.ranking.plan import AUTO_SCORES, resolve_scores
from priorlift.ranking.scores import Score
from priorlift.ranking.scores.many import logmes, shrinkage_hs
from priorlift.ranking.scoring import evaluate, evaluate_many
from priorlift.ranking.statistics import TaskStatistics
from priorlift.ranking.view import SourceView, TargetView

CLOSE = 1e-8
"""Of a difference of leave-one-out errors; the scores that solve no regression agree to 1e-9."""
EXACT = 1e-9


def several(task, classes=2, seed=0, n=50):
    """Return views of one target whose sources' directions have different widths."""
    draws = np.random.default_rng(seed)
    X, pooled = draws.normal(size=(n, 12)), draws.normal(size=(400, 12))
    space = PrincipalSpace.of(pooled)

    def labels(rows, slope):
        values = rows @ slope
        if task == "regression":
            return values
        return np.digitize(values, np.quantile(values, np.arange(1, classes) / classes))

    target = TargetView(labels(X, np.eye(12)[0]), task, X, seed)
    views = []
    for place in range(6):
        rows = draws.normal(size=(60 + 30 * place, 12)) * np.linspace(1.0, 1.0 + place, 12)
        if place == 5:
            rows[:, 2:] = 1.0  # all that it has seen vary are two columns
        y = labels(rows, np.eye(12)[place % 3] + 0.3 * draws.normal(size=12))
        source = LinearSource.of(rows, y, task, space)
        views.append(SourceView(str(place), target, source, space.map(X), None, (rows, y)))
    return views


@pytest.mark.parametrize(
    ("task", "classes"), [("classification", 2), ("classification", 3), ("regression", 0)]
)
@pytest.mark.parametrize("seed", range(3))
def test_many_are_scored_as_one_by_one(task, classes, seed):
    views = several(task, classes, seed)
    widths = {view.features.shape[1] for view in views}
    assert len(widths) > 1
    scores = resolve_scores("auto", task)
    for score in scores:
        alone = np.array([score(view) for view in views])
        close = CLOSE if score.name.endswith("gain") else EXACT
        # LogME is minus the log of a residual, which has few digits left where nothing remains.
        rounding = 1e-15 * np.exp(2.0 * alone) if score.name == "logme" else 0.0
        assert (np.abs(score.many(views) - alone) <= close + rounding).all()
        assert len(np.unique(alone.round(6))) > 1
    together = evaluate_many(views, scores)
    for view, (values, missing) in zip(views, together, strict=True):
        assert values == pytest.approx(evaluate(view, scores)[0], abs=CLOSE, rel=1e-7)
        assert missing == {}


def test_stacked_scores_are_the_public_ones():
    draws = np.random.default_rng(0)
    features = draws.normal(size=(3, 40, 5)) * np.arange(1.0, 6.0)
    features[1, :, 3:] = 0.0
    y = draws.integers(3, size=40)
    columns = (y[:, None] == np.arange(3)).astype(float)
    expected = [public.logme(F[:, : 3 if i == 1 else 5], y) for i, F in enumerate(features)]
    assert logmes(features, columns) == pytest.approx(expected, abs=1e-9)
    views = several("classification", 3)
    expected = [public.shrinkage_h_score(view.features, view.y, adjusted=True) for view in views]
    assert shrinkage_hs(views) == pytest.approx(expected, abs=1e-9)
    expected = [
        public.shrinkage_h_score(TaskStatistics.of(v.features, v.y), adjusted=True) for v in views
    ]
    assert shrinkage_hs(views) == pytest.approx(expected, abs=1e-9)


def test_a_source_that_a_score_cannot_judge_leaves_the_others_theirs():
    views = several("classification")
    rows, _ = views[2].sample
    numbers = LinearSource.of(rows, rows[:, 0], "regression", views[2].closed_form.space)
    views[2] = SourceView("2", views[2].target, numbers, views[2].in_space, None, views[2].sample)
    scores = resolve_scores("auto", "classification")
    found = evaluate_many(views, scores)
    for place, (view, (values, missing)) in enumerate(zip(views, found, strict=True)):
        expected, why = evaluate(view, scores)
        assert values == pytest.approx(expected, abs=CLOSE, nan_ok=True)
        assert missing == why
        assert set(missing) == ({"nce", "agreement", "pooling_gain"} if place == 2 else set())


def test_a_score_without_a_form_for_many_and_one_that_gives_nan_are_taken_one_by_one():
    views = several("classification")
    plain = Score("plain", "Its place", ("classification",), lambda view: float(view.name))
    broken = Score(
        "broken",
        "NaN for one",
        ("classification",),
        lambda view: np.nan if view.name == "1" else 7.0,
        many=lambda views: np.full(len(views), np.nan),
    )
    found = evaluate_many(views, (plain, broken))
    assert [values[0] for values, _ in found] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert [missing for _, missing in found] == [
        {"broken": "the score is nan"} if place == 1 else {} for place in range(6)
    ]
    assert np.isnan(found[1][0][1])
    assert evaluate_many([], (plain,)) == []


def test_the_order_of_the_sources_changes_no_score():
    views = several("classification")
    scores = resolve_scores(AUTO_SCORES, "classification")
    forth = evaluate_many(views, scores)
    back = evaluate_many(views[::-1], scores)[::-1]
    for (one, _), (other, _) in zip(forth, back, strict=True):
        assert one == pytest.approx(other, abs=CLOSE)
