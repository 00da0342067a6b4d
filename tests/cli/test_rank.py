import json

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
