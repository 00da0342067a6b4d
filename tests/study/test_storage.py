import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from priorlift.core.errors import InputError
from priorlift.study import storage
from priorlift.study.results import StudyResult
from priorlift.study.study import Study
from priorlift.transfer.pooled import PooledClassifier
from priorlift.trials.directory import RunDirectory


def unmeasured(folder):
    table = pq.read_table(folder / storage.TABLE)
    return table.select([name for name in table.column_names if not name.startswith("measured_")])


def test_a_run_directory_gives_the_result_back_without_a_fit(finished, monkeypatch):
    _, result, folder = finished
    monkeypatch.setattr(PooledClassifier, "fit", None)
    loaded = StudyResult.load(folder)
    assert loaded.to_json() == result.to_json() == (folder / storage.RESULT).read_text()
    assert loaded.bill == result.bill
    assert loaded.columns() == result.columns()
    assert dict(loaded.environment) == dict(result.environment)


def test_a_saved_result_gives_the_same_again(finished, tmp_path):
    _, result, folder = finished
    again = StudyResult.load(result.save(tmp_path / "copy"))
    assert again.to_json() == result.to_json()
    assert again.columns() == result.columns()
    assert unmeasured(tmp_path / "copy").equals(unmeasured(folder))
    with pytest.raises(InputError, match="holds a run of"):
        result.save(tmp_path / "copy")


def test_the_table_has_a_row_for_each_trial_sorted_by_hash(finished):
    study, result, folder = finished
    table = pq.read_table(folder / storage.TABLE).to_pydict()
    assert table == result.columns()
    assert table["trial"] == sorted(trial.hash for trial in study.plan.trials())
    for row, record in enumerate(result.records):
        assert table["score"][row] == record.outcome.values["score"]
        assert table["measured_wall_seconds"][row] == record.measured.wall_seconds
    assert set(table["sources"]) == {"(no sources)", "same", "swapped", "(all usable)"}


def test_one_result_for_any_number_of_workers(make_task, quick_methods, tmp_path):
    task = make_task(240)
    study = Study(*task, quick_methods(), (20,), metric="roc_auc", rank=False)
    expected = study.run(tmp_path / "serial")
    for n_workers in (1, 2, 3):
        out = tmp_path / str(n_workers)
        found = study.run(out, runner="processes", n_workers=n_workers)
        assert unmeasured(out).equals(unmeasured(tmp_path / "serial"))
        assert found.to_json() == expected.to_json()
        workers = set(pq.read_table(out / storage.TABLE)["measured_worker"].to_pylist())
        assert len(workers) <= n_workers


class StoppedError(Exception):
    pass


def test_an_interrupted_run_ends_as_one_left_in_peace(finished, make_task, quick_methods, tmp_path):
    _, result, folder = finished
    shutil.copy(folder / storage.RANKING, tmp_path)
    task = make_task(320, seed=4)

    def stop_at(stop):
        def progress(done, planned, record):
            if record is not None and done >= stop:
                raise StoppedError

        return progress

    def study():
        return Study(*task, quick_methods(), (10, 40), random_state=7, rank=False)

    out = tmp_path / "run"
    for stop in (30, 31, 120):
        with pytest.raises(StoppedError):
            study().run(out, resume=True, progress=stop_at(stop))
    seen = []
    resumed = study().run(out, resume=True, progress=lambda *state: seen.append(state[0]))
    assert 120 <= seen[0] < seen[-1]
    assert unmeasured(out).equals(unmeasured(folder))
    assert resumed.verdicts == result.verdicts
    assert resumed.reproducible


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"random_state": 8}, "design, seed differ"),
        ({"metric": "neg_log_loss"}, "metric, metric_title differ"),
        ({"min_lift": 0.1}, "min_lift differ"),
    ],
)
def test_another_study_is_not_mixed_in(finished, quick_methods, change, named):
    study, result, folder = finished
    before = {path: path.read_bytes() for path in folder.glob("*.json")}
    settings = {"random_state": 7} | change
    other = Study(study.target, study.sources, quick_methods(), (10, 40), **settings)
    with pytest.raises(InputError, match=f"a run of another study: {named}"):
        other.run(folder, resume=True)
    assert {path: path.read_bytes() for path in folder.glob("*.json")} == before
    assert StudyResult.load(folder).to_json() == result.to_json()


def test_a_run_is_not_overwritten_without_being_asked(finished):
    study, _, folder = finished
    with pytest.raises(InputError, match="go on with --resume"):
        study.run(folder)


def test_resuming_a_finished_run_fits_nothing(finished):
    study, result, folder = finished
    seen = []
    again = study.run(folder, resume=True, progress=lambda *state: seen.append(state))
    n = len(study.plan.trials())
    assert seen == [(n, n, None)]
    assert again.to_json() == result.to_json()


@pytest.mark.parametrize("content", ["", "{", '{"a": 1'])
def test_a_damaged_plan_is_told_with_its_path(finished, tmp_path, content):
    shutil.copytree(finished[2], tmp_path / "run")
    (tmp_path / "run" / storage.PLAN).write_text(content)
    with pytest.raises(InputError, match=r"plan\.json: cannot be read"):
        StudyResult.load(tmp_path / "run")


def test_a_folder_without_a_run_is_told(tmp_path):
    with pytest.raises(InputError, match="is no run directory"):
        StudyResult.load(tmp_path)


def test_a_run_without_a_trial_is_told(finished, tmp_path):
    study, *_ = finished
    with RunDirectory(tmp_path / "run") as directory:
        storage.write_plan(directory, study.plan)
        study._store(directory)
    with pytest.raises(InputError, match="no trial is recorded yet"):
        StudyResult.load(tmp_path / "run")


def test_columns_without_a_value_can_be_written():
    assert storage._arrow([None, None]).to_pylist() == [None, None]
    assert storage._arrow([None, 1.5]).to_pylist() == [None, 1.5]


def test_the_environment_names_what_results_depend_on():
    assert storage.environment()["numpy"] == np.__version__
    assert {"python", "platform", "priorlift"} <= set(storage.environment())
