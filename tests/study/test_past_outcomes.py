"""Outcomes of earlier studies, from real run directories and from made-up ones."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from priorlift.core.errors import InputError
from priorlift.ranking.pairs import Outcomes, PairFeatures
from priorlift.study import past_outcomes
from priorlift.study.past_outcomes import read_outcomes
from priorlift.study.results import StudyResult
from priorlift.study.storage import PLAN, RESULT, STATE


def test_a_finished_study_gives_its_lifts_beside_its_scores(finished):
    _, result, folder = finished
    found = read_outcomes(folder)
    assert isinstance(found, Outcomes)
    assert found.pairs.targets == ("few", "few")
    assert found.pairs.sources == ("same", "swapped")
    lifts = {v.sources: v.against_same_class.estimate for v in result.verdicts}
    assert found.gains.tolist() == [lifts["same"], lifts["swapped"]]
    assert (found.method, found.metric) == ("pooled", "accuracy")
    assert found.budgets.tolist() == [40, 40]
    assert found.skipped == {}
    for i, source in enumerate(found.pairs.sources):
        for name, value in result.ranking[source].scores.items():
            assert found.pairs.values[name][i] == value
    assert "2 outcomes of 1 target from 1 run" in found.summary


def test_a_folder_of_runs_lists_what_cannot_be_read(finished, tmp_path):
    _, result, folder = finished
    shutil.copytree(folder, tmp_path / "good")
    shutil.copytree(folder, tmp_path / "damaged")
    (tmp_path / "damaged" / PLAN).write_text('{"target_name": 3}')
    shutil.copytree(folder, tmp_path / "unfinished")
    (tmp_path / "unfinished" / RESULT).unlink()
    replace(result, ranking=None).save(tmp_path / "unranked")
    shutil.copytree(folder, tmp_path / "hasty")
    state = json.loads((tmp_path / "hasty" / STATE).read_text())
    (tmp_path / "hasty" / STATE).write_text(json.dumps({**state, "reproducible": False}))
    (tmp_path / "no run").mkdir()
    found = read_outcomes(tmp_path)
    reasons = {path.rpartition("/")[2]: why for path, why in found.skipped.items()}
    assert sorted(reasons) == ["damaged", "hasty", "unfinished", "unranked"]
    assert "not finished" in reasons["unfinished"]
    assert "ranked nothing" in reasons["unranked"]
    assert "time limit" in reasons["hasty"]
    assert set(found.runs) == {str(tmp_path / "good")}


def test_the_same_study_twice_counts_once(finished, tmp_path):
    _, _, folder = finished
    shutil.copytree(folder, tmp_path / "again")
    found = read_outcomes([folder, tmp_path / "again", folder])
    assert found.n_pairs == 2
    assert len(found.pairs.targets) == 2


def test_another_method_or_metric_is_named_as_the_reason(finished):
    _, _, folder = finished
    found = read_outcomes(folder, method="auto")
    assert found.n_pairs == 0
    assert "tried pooled with single sources, not auto" in found.skipped[str(folder)]
    found = read_outcomes(folder, metric="roc_auc")
    assert "measured accuracy, not roc_auc" in found.skipped[str(folder)]
    assert found.summary == "0 outcomes of 0 targets; 1 left out"


@pytest.mark.parametrize("make", [False, True])
def test_a_folder_without_runs_is_refused(tmp_path, make):
    if make:
        (tmp_path / "runs" / "notes").mkdir(parents=True)
    with pytest.raises(InputError, match="holds no run" if make else "no such folder"):
        read_outcomes(tmp_path / "runs")


def made_up(tmp_path, monkeypatch, runs):
    """Give run directories whose content is told: name -> what `_read` would find."""
    found = {}
    for place, (name, run) in enumerate(runs.items()):
        (tmp_path / name).mkdir()
        (tmp_path / name / PLAN).write_text("{}")
        lifts = run["lifts"]
        sources = list(dict.fromkeys(s for by in lifts.values() for s in by))
        values = {f: np.arange(float(len(sources))) + place for f in run.get("features", ["x"])}

        def pair_features(target, sources=sources, values=values):
            return PairFeatures((target,) * len(sources), tuple(sources), values)

        plan = SimpleNamespace(
            target_name=run["target"],
            target_fingerprint=run.get("fingerprint", run["target"]) * 9,
            metric=run.get("metric", "accuracy"),
            design=SimpleNamespace(largest=10 * (place + 1)),
            sources=[SimpleNamespace(fingerprint=s) for s in sources],
        )
        found[str(tmp_path / name)] = past_outcomes._Run(
            str(tmp_path / name),
            plan,
            SimpleNamespace(names=sources, pair_features=pair_features),
            lifts,
            f"2020-01-{place + 1:02d}",
        )
    monkeypatch.setattr(past_outcomes, "_read", lambda path: found[str(path)])
    return read_outcomes


def test_the_method_of_most_claims_is_read_and_the_latest_run_counts(tmp_path, monkeypatch):
    runs = {
        "1": {"target": "t", "lifts": {"pooled": {"a": 0.1, "b": 0.2}, "frozen": {"a": 0.9}}},
        "2": {"target": "t", "lifts": {"pooled": {"a": 0.3}}},
        "3": {"target": "u", "lifts": {"frozen": {"c": 0.5}}},
    }
    read = made_up(tmp_path, monkeypatch, runs)
    found = read(tmp_path)
    assert found.method == "pooled"
    assert found.pairs.sources == ("a", "b")
    assert found.gains.tolist() == [0.3, 0.2]
    assert found.budgets.tolist() == [20, 10]
    assert found.pairs.values["x"].tolist() == [1.0, 1.0]
    assert "tried frozen with single sources, not pooled" in found.skipped[str(tmp_path / "3")]
    other = read(tmp_path, method="frozen")
    assert other.pairs.targets == ("t", "u")
    assert other.gains.tolist() == [0.9, 0.5]


def test_a_target_that_has_grown_is_the_same_and_a_namesake_is_not(tmp_path, monkeypatch):
    runs = {
        "1": {"target": "t", "fingerprint": "x", "lifts": {"pooled": {"a": 0.1}}},
        "2": {"target": "t", "fingerprint": "y", "lifts": {"pooled": {"a": 0.2, "b": 0.3}}},
        "3": {"target": "t", "fingerprint": "z", "lifts": {"pooled": {"c": 0.4}}},
    }
    found = made_up(tmp_path, monkeypatch, runs)(tmp_path)
    assert len(set(found.pairs.targets)) == 2
    assert {t.partition(" ")[0] for t in found.pairs.targets} == {"t"}
    assert sorted(found.gains.tolist()) == [0.2, 0.3, 0.4]


def test_features_that_a_run_lacks_and_lifts_that_are_no_numbers(tmp_path, monkeypatch):
    runs = {
        "1": {"target": "t", "features": ["x"], "lifts": {"pooled": {"a": 0.1, "b": np.nan}}},
        "2": {"target": "u", "features": ["z"], "lifts": {"pooled": {"a": 0.2}}},
    }
    found = made_up(tmp_path, monkeypatch, runs)(tmp_path)
    assert found.pairs.names == ("x", "z")
    assert np.isnan(found.pairs.matrix(["x", "z"])).tolist() == [[False, True], [True, False]]
    assert "not a number" in found.skipped[f"{tmp_path / '1'}: b"]


def test_metrics_are_never_mixed(tmp_path, monkeypatch):
    runs = {
        "1": {"target": "t", "metric": "roc_auc", "lifts": {"pooled": {"a": 0.1, "b": 0.1}}},
        "2": {"target": "u", "lifts": {"pooled": {"a": 0.2}}},
    }
    found = made_up(tmp_path, monkeypatch, runs)(tmp_path)
    assert (found.metric, found.n_pairs) == ("roc_auc", 2)
    assert "measured accuracy, not roc_auc" in found.skipped[str(tmp_path / "2")]


def test_the_saved_result_gives_the_same_outcomes(finished, tmp_path):
    _, _, folder = finished
    StudyResult.load(folder).save(tmp_path / "copy")
    first, second = read_outcomes(folder), read_outcomes(tmp_path / "copy")
    assert first.gains.tolist() == second.gains.tolist()
