import json

import numpy as np
import pytest

HERE = ["target.csv", "--label", "outcome", "--sources", "sources"]


def test_a_ranking_is_a_table_with_what_was_left_out(tables, cli):
    (tables / "sources" / "b.csv").write_text("u,outcome\n" + "1,ill\n2,well\n" * 10)
    ended = cli("rank", *HERE, "--scores", "logme", "--report", "ranking.html")
    assert ended.code == 0
    assert "a stands first" in ended.out
    assert "left out: b: " in ended.out
    assert "<html" in (tables / "ranking.html").read_text(encoding="utf-8")


def test_json_is_the_ranking_and_repeats_to_the_bit(tables, cli):
    documents = []
    for _ in range(2):
        ended = cli("rank", *HERE, "--scores", "logme,nce", "--groups", "ward", "--json")
        document = json.loads(ended.out)
        assert document["plan"]["resampled"] == "groups"
        documents.append([row["scores"] for row in document["rows"]])
    assert documents[0] == documents[1]
    assert set(documents[0][0]) == {"logme", "nce"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--scores", "logm"], "did you mean 'logme'"),
        (["--task", "guess"], "--task"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_nonsense_is_refused(tables, cli, options, said):
    ended = cli("rank", *HERE, *options)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_nothing_to_rank_is_bad_input(tables, cli):
    (tables / "sources" / "a.csv").write_text("u,outcome\n" + "1,ill\n2,well\n" * 10)
    ended = cli("rank", *HERE)
    assert ended.code == 2
    assert "no source can be ranked" in ended.err


@pytest.fixture
def quick(monkeypatch):
    """Let one linear model stand for the choice among several learners, and repeat less."""
    from sklearn.linear_model import LogisticRegression

    from priorlift.study import design
    from priorlift.transfer import target_only

    monkeypatch.setattr(design, "MIN_REPEATS", 2)
    monkeypatch.setattr(
        target_only.TargetOnlyClassifier, "_default", lambda self: {"a": LogisticRegression()}
    )


def test_verify_runs_all_transfers_and_compares(tables, cli, quick, write_table):
    write_table(tables / "sources" / "b.csv", 40, seed=2, values=("well", "ill"))
    verify = [*HERE, "--verify", "--runner", "serial", "--scores", "logme"]
    ended = cli("rank", *verify, "--top", "1", "--report", "verified.html")
    assert ended.code == 0, ended.err
    page = (tables / "verified.html").read_text(encoding="utf-8")
    assert "regret" in page
    assert "<svg" in page
    assert "Weighted tau" in ended.out
    assert "regret@1" in ended.out
    assert "to rank, " in ended.out
    assert "... and 1 more" in ended.out
    assert "fits (100 %)" in ended.err
    for name in ("verification.json", "report.html", "ranking.json", "results.parquet"):
        assert (tables / "runs" / "target" / name).exists()

    refused = cli("rank", *verify)
    assert refused.code == 2
    assert "--resume" in refused.err
    again = cli("rank", *verify, "--resume", "--json")
    document = json.loads(again.out)
    rows = document["verification"]["rows"]
    assert {row["source"] for row in rows} == {"a", "b"}
    assert document["plan"]["scores"] == ["logme"]
    kept = json.loads((tables / "runs" / "target" / "verification.json").read_text())
    assert kept["rows"] == rows
    assert next(row["lift"] for row in rows if row["source"] == "b") < 0

    taught = cli("rank", *HERE, "--scores", "logme", "--learn-from", "runs")
    assert taught.code == 0, taught.err
    assert "2 outcomes of 1 target from 1 run" in taught.err
    assert "a called" not in taught.err
    assert "outcomes of a target called 'target' itself" in taught.err
    assert "No lift is predicted yet" in taught.out


@pytest.fixture
def experienced(tables, monkeypatch, write_table):
    """Let earlier runs hold what the test says: (target, source) -> (score, lift)."""
    from priorlift.ranking.pairs import PairFeatures
    from priorlift.study import past_outcomes

    def hold(sign=1.0, score="logme", n_targets=6, skipped=()):
        keys = [(f"t{i}", s) for i in range(n_targets) for s in "abcdef"]
        place = np.array([ord(s) - ord("a") for _, s in keys], dtype=float)
        gains = sign * (0.1 + 0.02 * place + 0.001 * np.sin(np.arange(len(keys))))
        pairs = PairFeatures(tuple(t for t, _ in keys), tuple(s for _, s in keys), {score: place})
        found = past_outcomes.PastOutcomes(
            pairs,
            gains,
            method="pooled",
            metric="accuracy",
            budgets=np.full(len(keys), 20),
            runs=("runs/1",) * len(keys),
            skipped=dict(skipped),
        )
        monkeypatch.setattr(past_outcomes, "read_outcomes", lambda runs: found)

    write_table(tables / "sources" / "b.csv", 40, seed=2, values=("well", "ill"))
    return hold


def test_what_earlier_runs_measured_becomes_a_predicted_lift(experienced, cli):
    experienced(skipped={"runs/2": "the study is not finished."})
    ended = cli("rank", *HERE, "--scores", "logme", "--learn-from", "runs")
    assert ended.code == 0, ended.err
    assert "Expected to help: " in ended.out
    assert "P(lift > 0)" in ended.out
    assert "not learned from: runs/2: the study is not finished." in ended.err
    ended = cli("rank", *HERE, "--scores", "logme", "--learn-from", "runs", "--json")
    document = json.loads(ended.out)
    told = document["rows"][0]["predicted"]
    assert told["low"] < told["mean"] < told["high"]
    assert document["learned_from"]["skipped"] == {"runs/2": "the study is not finished."}


def test_where_nothing_ever_helped_the_answer_is_not_to_transfer(experienced, cli):
    experienced(sign=-1.0)
    ended = cli("rank", *HERE, "--scores", "logme", "--learn-from", "runs")
    assert ended.code == 0, ended.err
    assert "Do not transfer: no source is expected to help." in ended.out


def test_runs_that_were_ranked_by_other_scores_are_refused(experienced, cli):
    experienced(score="parc")
    ended = cli("rank", *HERE, "--scores", "logme", "--learn-from", "runs")
    assert (ended.code, ended.out) == (2, "")
    assert "know none of the scores logme" in ended.err
    assert "ranked by others: parc" in ended.err


def test_scores_that_the_runs_lack_are_named(experienced, cli):
    experienced()
    ended = cli("rank", *HERE, "--scores", "logme,nce", "--learn-from", "runs")
    assert ended.code == 0, ended.err
    assert "the runs do not know nce" in ended.err


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (None, "no such folder"),
        ("notes", "holds no run"),
        ("plan.json", "nothing can be learned from these runs"),
    ],
)
def test_runs_that_teach_nothing_are_refused(tables, cli, make, said):
    if make:
        (tables / "runs" / "1").mkdir(parents=True)
        (tables / "runs" / "1" / make).write_text("{}")
    ended = cli("rank", *HERE, "--learn-from", "runs")
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_a_folder_of_tables_is_ranked_in_all_pairs(tables, cli, write_table):
    for name, seed in (("a", 1), ("b", 2), ("c", 3)):
        write_table(tables / "tasks" / f"{name}.csv", 40, seed=seed)
    (tables / "tasks" / "d.csv").write_text("x1,x2\n1,2\n")
    shown = ("--top", "1", "--report", "tasks.html")
    ended = cli("rank", "tasks", "--label", "outcome", "--groups", "ward", *shown)
    assert ended.code == 0, ended.err
    assert "6 ordered pairs of 3 targets ranked" in ended.out
    assert "'d' is left out" in ended.err
    assert "Open the page: tasks.html" in ended.out
    assert "<svg" in (tables / "tasks.html").read_text(encoding="utf-8")
    ended = cli("rank", "tasks", "--label", "outcome", "--groups", "ward", "--json")
    document = json.loads(ended.out)
    assert set(document["best"]) == {"a", "b", "c"}
    assert [row["name"] for row in document["rankings"]["a"]["rows"]].count("a") == 0
    assert set(document["unusable"]) == {"d"}
    apart = cli(
        *("rank", "tasks", "--label", "outcome", "--groups", "ward"),
        *("--sources", "sources", "--json"),
    )
    rows = json.loads(apart.out)["rankings"]["b"]["rows"]
    assert [row["name"] for row in rows] == ["a"]


def test_a_folder_is_predicted_too(experienced, tables, cli):
    experienced(sign=-1.0)
    ended = cli("rank", "sources", "--label", "outcome", "--groups", "ward", "--learn-from", "x")
    assert ended.code == 0, ended.err
    assert ended.out.count("do not transfer") == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["target.csv", "--out", "run"], "--out: goes with --verify"),
        (["target.csv", "--resume"], "--resume: goes with --verify"),
        (["target.csv", "--workers", "2"], "--workers: goes with --verify"),
        (["sources", "--verify"], "--verify: takes one table"),
        (["sources", "--cut-by", "ward=a"], "--cut-by: takes one table"),
        (["sources"], "holds 1 usable tables"),
        (["target.csv", "--sources", "sources", "--top", "0"], "--top"),
        (["target.csv", "--sources", "sources", "--verify", "--method", "pool"], "'pooled'"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tables, cli, options, said):
    ended = cli("rank", *options, "--label", "outcome")
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert not (tables / "runs").exists()
