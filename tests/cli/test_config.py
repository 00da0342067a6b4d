import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlift.cli.config import FILE_NAME, OF_THE_CALL, StudyConfig, read_config
from priorlift.core.errors import InputError

LEAST = {"target": "target.csv", "label": "outcome", "sources": "sources"}
LEAST_TOML = 'target = "target.csv"\nlabel = "outcome"\nsources = "sources"\n'
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
SETTINGS = st.fixed_dictionaries(
    {"label": TEXTS},
    optional={
        "task": st.sampled_from(["classification", "regression"]),
        "methods": st.lists(st.sampled_from(["pooled", "frozen_features", "auto"]), min_size=1),
        "budgets": st.lists(st.integers(1, 10**6), min_size=1, max_size=5),
        "splits": st.integers(2, 1000),
        "level": st.floats(0.01, 0.999),
        "min_lift": st.floats(0, 10),
        "seed": st.integers(0, 2**32 - 1),
        "rank": st.booleans(),
        "runner": st.sampled_from(["serial", "processes"]),
        "workers": st.integers(1, 64),
        "time_budget": st.floats(0.1, 1e6),
    },
)


def refusal(text, options=None):
    with pytest.raises(InputError) as refused:
        StudyConfig.resolve(options or {}, Path("study.toml"), text)
    return str(refused.value)


def line(number):
    return f"study.toml:{number}: "


def assert_taken_or_refused(resolve, said):
    told = said
    try:
        resolve()
    except InputError as error:
        told = str(error).replace("-", "_")
    assert said in told


@given(text=st.text(max_size=300))
def test_any_text_is_a_configuration_or_an_input_error(text):
    assert_taken_or_refused(lambda: StudyConfig.resolve({}, Path("study.toml"), text), "study.toml")


JUNK = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.none()),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=5,
)


@given(key=st.sampled_from(sorted(StudyConfig.model_fields)), value=JUNK)
def test_any_value_of_any_key_is_taken_or_an_input_error(key, value):
    assert_taken_or_refused(lambda: StudyConfig.resolve({**LEAST, key: value}), key)


@given(settings=SETTINGS)
def test_valid_settings_are_taken_as_they_are(settings):
    config = StudyConfig.resolve({**LEAST, **settings})
    for key, value in settings.items():
        assert getattr(config, key) == value


@given(settings=SETTINGS)
def test_a_run_directory_keeps_what_decides_the_results(settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    config = StudyConfig.resolve({**LEAST, **settings})
    (folder / FILE_NAME).write_text(config.to_toml(folder), encoding="utf-8")
    again = read_config(folder / FILE_NAME, {})
    of_the_results = set(StudyConfig.model_fields) - set(OF_THE_CALL) - {"target", "sources", "out"}
    for key in of_the_results:
        assert getattr(again, key) == getattr(config, key)
    for key in ("target", "sources"):
        assert os.path.realpath(getattr(again, key)) == os.path.realpath(getattr(config, key))
    assert os.path.realpath(again.run_directory) == os.path.realpath(folder)


def test_a_moved_project_still_resumes(tmp_path, monkeypatch):
    run = tmp_path / "before" / "runs" / "first"
    run.mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "before")
    run.joinpath(FILE_NAME).write_text(StudyConfig.resolve(LEAST).to_toml(run))
    (tmp_path / "before").rename(tmp_path / "after")
    monkeypatch.chdir(tmp_path)
    again = read_config(tmp_path / "after" / "runs" / "first" / FILE_NAME, {})
    assert again.target == str(Path("after", "target.csv"))
    assert again.sources == str(Path("after", "sources"))


def test_paths_of_a_file_are_relative_to_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "study.toml").write_text(LEAST_TOML + 'out = "runs/a"\n')
    config = read_config(Path("project/study.toml"), {"sources": "elsewhere"})
    assert config.target == str(Path("project", "target.csv"))
    assert config.run_directory == Path("project", "runs", "a")
    assert config.sources == "elsewhere"  # an option is relative to where the user stands


def test_a_run_is_named_after_the_target_by_default():
    assert StudyConfig.resolve({**LEAST, "target": "in/ward 7.csv"}).run_directory == Path(
        "runs", "ward 7"
    )


def test_options_win_over_the_file():
    text = LEAST_TOML + "splits = 30\nseed = 1\n"
    config = StudyConfig.resolve({"splits": 40, "seed": None}, Path("study.toml"), text)
    assert (config.splits, config.seed) == (40, 1)


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("\n# more\nlable = 1\n", "unknown key 'lable'"),
        ("\n\nsplits = 'many'\n", "splits = 'many' should be a valid integer"),
        ("\n\nsplits = true\n", "splits = True should be a valid integer"),
        ("\n\nsplits = 1\n", "splits = 1 should be greater than or equal to 2"),
        ("\n\nlevel = 1.5\n", "level = 1.5 should be less than 1"),
        ("\n\nmin_lift = -0.1\n", "min_lift = -0.1"),
        ("\n\nmin_lift = nan\n", "min_lift = nan should be a finite number"),
        ("\n\nbudgets = []\n", "budgets = []"),
        ("\n\nbudgets = [20, 'x']\n", "budgets[1] = 'x' should be a valid integer"),
        ("\n\nbudgets = [-20]\n", "budgets = [-20] should be numbers of labelled rows"),
        ("\n\nmethods = 'pooled'\n", "methods = 'pooled' should be a valid list"),
        ("\n\nmethods = ['poold']\n", "did you mean 'pooled'?"),
        ("\n\nmetric = 'acuracy'\n", "did you mean 'accuracy'?"),
        ("\n\nrunner = 'process'\n", "did you mean 'processes'?"),
        ("\n\ntask = 'classes'\n", "task = 'classes' should be 'classification' or 'regression'"),
        ('\n\nout = "\\u0000"\n', "NUL"),
        ("\n\ngroups = 'outcome'\n", "is the label column as well"),
        ("\n\n[study]\n", "unknown key 'study'"),
        ("\n\ntime_budget = 0\n", "time_budget = 0"),
    ],
)
def test_a_mistake_in_a_file_is_told_with_line_and_key(added, said):
    told = refusal(LEAST_TOML + added)
    assert told.startswith(line(LEAST_TOML.count("\n") + 3))
    assert said in told


def test_the_first_mistake_in_the_file_comes_first_and_the_rest_are_counted():
    told = refusal("seed = -1\n" + LEAST_TOML + "splits = 0\nlevel = 7\n")
    assert told.startswith(line(1))
    assert "(and 2 more)" in told


def test_a_key_gets_the_closest_known_one():
    assert "did you mean 'min_lift'?" in refusal(LEAST_TOML + "minlift = 1\n")
    assert "did you mean 'time_budget'?" in refusal(LEAST_TOML + "time-budget = 1\n")


def test_a_missing_key_is_told_with_both_ways_to_give_it():
    told = refusal('target = "a.csv"\nlabel = "y"\n')
    assert told.startswith("study.toml: sources is not given")
    assert "--sources FOLDER" in told
    with pytest.raises(InputError, match=r"label is not given.*--label COLUMN"):
        StudyConfig.resolve({"target": "a.csv", "sources": "b"})


@pytest.mark.parametrize(
    ("option", "value", "flag"),
    [("splits", 0, "--splits"), ("min_lift", -1.0, "--min-lift"), ("methods", ["x"], "--methods")],
)
def test_a_mistake_in_an_option_names_the_option(option, value, flag):
    told = refusal(LEAST_TOML + "splits = 30\n", {option: value})
    assert told.startswith(f"{flag}: ")


def test_a_metric_for_the_other_task_is_refused_before_a_table_is_read():
    told = refusal(LEAST_TOML + 'task = "regression"\nmetric = "accuracy"\n')
    assert told.startswith(line(5))
    assert "metric for regression" in told


def test_a_file_that_is_not_text_is_told_so(tmp_path):
    path = tmp_path / "study.toml"
    path.write_bytes(b'label = "a"\n\xff\xfe')
    with pytest.raises(InputError, match=r"study\.toml:2: .*not UTF-8"):
        read_config(path, {})
    with pytest.raises(InputError, match="no such file"):
        read_config(tmp_path / "gone.toml", {})
    with pytest.raises(InputError, match="cannot be read"):
        read_config(tmp_path, {})


def test_line_ends_of_other_systems_do_not_matter(tmp_path):
    path = tmp_path / "study.toml"
    path.write_bytes(LEAST_TOML.replace("\n", "\r\n").encode() + b"splits = 0\r\n")
    with pytest.raises(InputError, match=r"study\.toml:4: "):
        read_config(path, {})


def test_every_key_of_a_file_is_an_option_of_the_same_name(cli):
    shown = cli("study", "--help").out
    for key in set(StudyConfig.model_fields) - {"target"}:
        assert f"--{key.replace('_', '-')}" in shown


def test_the_written_file_is_plain_toml():
    values = tomllib.loads(StudyConfig.resolve(LEAST).to_toml(Path("run")))
    assert values["out"] == "."
    assert not set(values) & set(OF_THE_CALL)
