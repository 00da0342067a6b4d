"""`priorlift sweep`: one file in, one table and one page out, and again where it stopped."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LogisticRegression

from priorlift import Sweep, SweepResult
from priorlift.cli.app import run
from priorlift.cli.named_parts import build_encoders, build_methods
from priorlift.cli.sweep_config import SweepConfig
from priorlift.core.errors import InputError
from priorlift.study import NamedMethod
from priorlift.transfer import target_only

LEAST = 'tasks = "tasks"\nlabel = "outcome"\n'
SMALL = """\
tasks = "tasks"
label = "outcome"
groups = "ward"
methods = ["pooled"]
budgets = [8]
splits = 2
encoders = ["as is"]
runner = "serial"
out = "run"
"""


def refusal(text, options=None):
    with pytest.raises(InputError) as refused:
        SweepConfig.resolve(options or {}, Path("sweep.toml"), text)
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tasks = [", "sweep.toml:1: this is no TOML"),
        ('label = "y"\n', "tasks is not given"),
        (LEAST + "budget = [10]\n", "sweep.toml:3: unknown key 'budget'"),
        (LEAST + 'methods = ["poled"]\n', "did you mean 'pooled'?"),
        (LEAST + 'encoders = ["tfidf"]\n', "did you mean 'tfidf_svd'?"),
        (LEAST + 'metric = "acuracy"\n', "did you mean 'accuracy'?"),
        (LEAST + 'runner = "serail"\n', "did you mean 'serial'?"),
        (LEAST + "splits = 1\n", "sweep.toml:3: splits = 1"),
        (LEAST + "budgets = []\n", "sweep.toml:3: budgets"),
        (LEAST + "budgets = [-3]\n", "numbers of labelled rows"),
        (LEAST + "max_seconds = 0\n", "sweep.toml:3: max_seconds = 0"),
        (LEAST + "level = 1.5\n", "sweep.toml:3: level = 1.5"),
        (LEAST + 'resume = "maybe"\n', "sweep.toml:3: resume = 'maybe'"),
        (LEAST + 'source_sets = "best"\n', "sweep.toml:3: source_sets = 'best'"),
        (LEAST + "[encoders.words]\nn_components = 4\n", "encoder 'words' has no kind"),
        (LEAST + "[methods.light]\nsource_weight = 0.5\n", "method 'light' has no kind"),
        (LEAST + '[methods.light]\nkind = "poled"\n', "sweep.toml:3: unknown method 'poled'"),
        (LEAST + '[methods.a.b]\nc = 1\n[methods.a]\nkind = "pooled"\n', "'b' of method 'a'"),
        (LEAST + 'methods = ["pooled", "pooled"]\n', "'pooled' is named twice"),
        (LEAST + 'encoders = ["as is", "as is"]\n', "'as is' is named twice"),
        ("tasks = []\n" + 'label = "y"\n', "sweep.toml:1: tasks"),
        ('tasks = "a\\u0000b"\nlabel = "y"\n', "NUL"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_closest_name(text, said):
    assert said in refusal(text)


def test_an_option_wins_over_the_file_and_is_named_when_it_is_wrong():
    config = SweepConfig.resolve({"splits": 5}, Path("sweep.toml"), LEAST + "splits = 30\n")
    assert config.splits == 5
    assert "--splits: splits = 0" in refusal(LEAST, {"splits": 0})


def test_paths_are_relative_to_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = LEAST + 'sources = "s"\nout = "o"\ncache = "c"\n'
    config = SweepConfig.resolve({}, tmp_path / "deep" / "sweep.toml", text)
    found = (config.tasks, config.sources, config.out, config.cache)
    assert found == tuple(str(Path("deep") / part) for part in ("tasks", "s", "o", "c"))
    assert SweepConfig.resolve({"out": "o"}, tmp_path / "deep" / "s.toml", text).out == "o"


def test_encoders_have_names_kinds_and_parameters():
    text = LEAST + '[encoders.words]\nkind = "tfidf_svd"\nn_components = 4\nngram_range = [1, 1]\n'
    built = build_encoders(SweepConfig.resolve({}, Path("sweep.toml"), text).encoders)
    assert built["words"].get_params()["n_components"] == 4
    assert built["words"].ngram_range == (1, 1)
    wrong = SweepConfig.resolve({}, Path("sweep.toml"), text.replace("n_components", "components"))
    with pytest.raises(InputError, match="did you mean 'n_components'"):
        build_encoders(wrong.encoders)


def test_methods_have_names_kinds_and_parameters(tmp_path):
    text = LEAST + '[methods."with a light pool"]\nkind = "pooled"\nsource_weight = 0.2\n'
    text += '[methods.net]\nkind = "frozen_features"\nhidden_layer_sizes = [4]\n'
    text += '[encoders.words]\nkind = "tfidf_svd"\n'
    config = SweepConfig.resolve({}, tmp_path / "sweep.toml", text)
    built = build_methods(config.methods)
    assert built["with a light pool"] == NamedMethod("pooled", {"source_weight": 0.2})
    assert built["net"].parameters == {"hidden_layer_sizes": (4,)}
    kept = config.to_toml(tmp_path / "run")
    again = SweepConfig.resolve({}, tmp_path / "run" / "sweep.toml", kept)
    assert (again.methods, again.encoders) == (config.methods, config.encoders)
    chosen = SweepConfig.resolve({"methods": ["auto"]}, tmp_path / "sweep.toml", text)
    assert build_methods(chosen.methods) == {"auto": NamedMethod("auto")}
    wrong = SweepConfig.resolve({}, Path("s.toml"), text.replace("source_w", "sauce_w"))
    with pytest.raises(InputError, match=r"methods.with a light pool.*mean 'source_weight'"):
        build_methods(wrong.methods)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, write_table):
    """Give a folder with three small tasks, one of which no method can use, and a sweep of them.

    One linear model stands for the reference's choice among several.
    """
    folder = tmp_path_factory.mktemp("ein Lauf ü")
    write_table(folder / "tasks" / "a.csv", 20)
    write_table(folder / "tasks" / "b.csv", 20, seed=1)
    write_table(folder / "tasks" / "other.csv", 20, seed=2, columns=("u", "v"))
    (folder / "sweep.toml").write_text(SMALL, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        quick = {"a": LogisticRegression()}
        patch.setattr(target_only.TargetOnlyClassifier, "_default", lambda self: quick)
        assert run(["sweep", str(folder / "sweep.toml")]) == 0
    return folder


def rows(run_directory):
    table = pq.read_table(run_directory / "results.parquet").to_pylist()
    return [{k: v for k, v in row.items() if not k.startswith("measured_")} for row in table]


def test_the_run_directory_holds_table_result_and_page(folder):
    table = rows(folder / "run")
    assert {row["task"] for row in table} == {"a", "b"}
    assert {row["status"] for row in table} == {"done"}
    document = json.loads((folder / "run" / "result.json").read_text(encoding="utf-8"))
    assert document["counts"]["planned"] == len(table)
    assert {one["task"] for one in document["plan"]["skipped"]} >= {"other"}
    assert "Where does transfer help?" in (folder / "run" / "report.html").read_text("utf-8")


def test_it_goes_on_where_it_stopped_and_says_what_it_will_do(folder, cli):
    before = rows(folder / "run")
    ended = cli("sweep", folder / "sweep.toml")
    assert ended.code == 0
    assert f"{len(before)} of {len(before)} fits (100 %)" in ended.err, "nothing was run again"
    assert f"work     {len(before)} fits" in ended.err
    assert "left out" in ended.out
    assert rows(folder / "run") == before


def test_runner_workers_and_policy_reach_the_sweep(folder, cli, tmp_path, monkeypatch):
    calls = []

    def give_result(sweep, out, runner, resume, **options):
        limits = options["max_seconds"], options["max_memory_mb"]
        calls.append((str(out), runner, resume, options["n_workers"], options["address"], *limits))
        return SweepResult.load(folder / "run")

    monkeypatch.setattr(Sweep, "run", give_result)
    ended = cli(
        *("sweep", folder / "sweep.toml", "--out", tmp_path / "run", "--no-report"),
        *("--runner", "processes", "--workers", 2, "--resume", "always"),
        *("--max-seconds", 60, "--max-memory-mb", 2000),
    )
    assert ended.code == 0
    assert calls == [(str(tmp_path / "run"), "processes", "always", 2, None, 60, 2000)]
    assert "by 2 workers" in ended.err
    assert "Open the report" not in ended.out


def test_a_dry_run_writes_nothing(folder, cli, tmp_path):
    ended = cli("sweep", folder / "sweep.toml", "--out", tmp_path / "run", "--dry-run")
    assert ended.code == 0
    assert "fits planned" in ended.out
    assert "left out: other" in ended.out
    assert not (tmp_path / "run").exists()


def test_never_only_tabulates(folder, cli, tmp_path):
    ended = cli("sweep", folder / "sweep.toml", "--resume", "never", "--json")
    assert json.loads(ended.out)["counts"]["pending"] == 0
    none = cli("sweep", folder / "sweep.toml", "--resume", "never", "--out", tmp_path / "none")
    assert (none.code, none.out) == (2, "")
    assert "no run directory of a sweep" in none.err


def test_the_page_comes_again_from_the_run(folder, cli, tmp_path):
    ended = cli("report", folder / "run", "--out", tmp_path / "page.html")
    assert ended.code == 0
    assert "claims help" in ended.out
    again = (tmp_path / "page.html").read_text("utf-8")
    assert again == (folder / "run" / "report.html").read_text("utf-8")


def test_a_sweep_of_a_thousand_million_fits_is_refused_before_it_is_planned(folder, cli):
    ended = cli("sweep", folder / "sweep.toml", "--splits", 10**9, "--out", folder / "no")
    assert ended.code == 2
    assert "multiplies to" in ended.err
    assert not (folder / "no").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('"tasks"', '"task"'), "is not a folder"),
        (('"tasks"', '["tasks/a.csv", "tasks/none.csv"]'), "none.csv"),
        (('"outcome"', '"outcme"'), "outcome"),
    ],
)
def test_tables_that_are_not_there_are_named(folder, cli, change, said):
    text = SMALL.replace(*change)
    (folder / "bad.toml").write_text(text, encoding="utf-8")
    ended = cli("sweep", folder / "bad.toml", "--out", folder / "no")
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_texts_are_read_from_their_column_and_encoded(tmp_path, cli):
    (tmp_path / "tasks").mkdir()
    for task in ("one", "two"):
        lines = [
            f"the {'river' if i % 2 else 'hill'} rose {i},{'wet' if i % 2 else 'dry'}"
            for i in range(20)
        ]
        (tmp_path / "tasks" / f"{task}.csv").write_text("message,kind\n" + "\n".join(lines))
    settings = SMALL.replace("outcome", "kind").replace('groups = "ward"\n', 'text = "message"\n')
    settings = settings.replace('encoders = ["as is"]\n', "")
    settings += '[encoders.words]\nkind = "tfidf_svd"\nn_components = 3\n'
    (tmp_path / "s.toml").write_text(settings)
    ended = cli("sweep", tmp_path / "s.toml", "--dry-run")
    assert ended.code == 0, ended.err
    assert "words" in ended.out
    assert "40 rows to encode" in ended.err


def test_the_run_directory_alone_goes_on_with_the_settings_that_began_it(folder, cli):
    kept = SweepConfig.resolve(
        {}, folder / "run" / "sweep.toml", (folder / "run" / "sweep.toml").read_text("utf-8")
    )
    began = SweepConfig.resolve({}, folder / "sweep.toml", SMALL)
    same = {"exclude": {"runner", "workers", "address", "resume"}}
    assert kept.model_dump(**same) == began.model_dump(**same)
    before = rows(folder / "run")
    ended = cli("sweep", folder / "run", "--runner", "serial")
    assert ended.code == 0, ended.err
    assert f"{len(before)} of {len(before)} fits (100 %)" in ended.err
    assert rows(folder / "run") == before


def test_encoders_with_parameters_survive_the_run_directory(tmp_path):
    for name in ("net", "run"):
        (tmp_path / name).mkdir()
    text = LEAST + '[encoders."my words"]\nkind = "tfidf_svd"\nngram_range = [1, 3]\n'
    text += '[encoders.s]\nkind = "sentence"\nmodel = "net"\n[encoders.hub]\nkind = "sentence"\n'
    text += 'model = "owner/model"\n'
    config = SweepConfig.resolve({}, tmp_path / "sweep.toml", text)
    again = SweepConfig.resolve(
        {}, tmp_path / "run" / "sweep.toml", config.to_toml(tmp_path / "run")
    )
    real = {
        name: dict(one, model=Path(str(one.get("model"))).resolve())
        for name, one in again.encoders.items()
    }
    assert real["s"]["model"] == (tmp_path / "net").resolve()
    assert again.encoders["my words"] == config.encoders["my words"]
    assert again.encoders["hub"]["model"] == "owner/model"


def test_a_folder_that_is_no_sweep_is_told(tmp_path, cli):
    ended = cli("sweep", tmp_path)
    assert ended.code == 2
    assert "is a folder without a sweep.toml" in ended.err
