"""`priorlift gap` says which source hurts and lists its rows."""

import csv
import json

import pytest

HERE = ["target.csv", "--label", "outcome", "--sources", "sources", "--permutations", "20"]


@pytest.fixture
def flipped(tables, write_table):
    write_table(tables / "target.csv", 60)
    write_table(tables / "sources" / "b.csv", 60, seed=2, values=("well", "ill"))
    return tables


def test_a_source_that_hurts_is_named_with_its_rows(flipped, cli):
    ended = cli("gap", *HERE, "--top-rows", "3", "--out", "gaps", "--report", "page.html")
    assert ended.code == 0, ended.err
    assert "Likely to hurt: b" in ended.out
    assert "pooling is likely to hurt (p = 0.048)" in ended.out
    assert ended.out.count("sources/b.csv") == 3
    for page in ("page.html", "gaps/report.html"):
        assert "<html" in (flipped / page).read_text(encoding="utf-8")
    assert json.loads((flipped / "gaps" / "gaps.json").read_text())["n_target"] == 60
    with (flipped / "gaps" / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 100
    with (flipped / "sources" / "b.csv").open(newline="") as file:
        source = list(csv.DictReader(file))
    assert source[int(rows[0]["row"])]["outcome"] == rows[0]["label"]


def test_json_repeats_to_the_bit(flipped, cli):
    documents = []
    for _ in range(2):
        document = json.loads(cli("gap", *HERE, "--groups", "ward", "--json").out)
        for row in document["rows"]:
            del row["seconds"]
        documents.append(document["rows"])
    assert documents[0] == documents[1]
    assert {row["name"] for row in documents[0]} == {"a", "b"}


def test_rows_of_the_same_table_can_be_the_sources(flipped, cli):
    ended = cli("gap", "target.csv", "--label", "outcome", "--cut-by", "ward=a", "--top-rows", "1")
    assert ended.code == 0, ended.err
    assert "source" in ended.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["target.csv", "--sources", "sources"], "--label is not given"),
        (["target.csv", "--label", "outcome"], "--sources is not given"),
        ([*HERE, "--estimator", "forrest"], "did you mean 'forest'"),
        ([*HERE, "--estimator", "ridge"], "--estimator: ridge is not made for a classification"),
        ([*HERE, "--task", "guess"], "--task"),
        ([*HERE, "--permutations", "-1"], "--permutations"),
        (["gone.csv", *HERE[1:]], "no such file"),
        ([*HERE[:-2], "--groups", "room"], "room"),
    ],
)
def test_bad_input_ends_with_one_line_and_exit_code_2(tables, cli, arguments, said):
    ended = cli("gap", *arguments)
    assert (ended.code, ended.out) == (2, ""), ended
    assert said in ended.err
    assert ended.err.strip().count("\n") <= 1


def test_no_source_that_can_be_measured_is_bad_input(tables, cli):
    (tables / "sources" / "a.csv").write_text("u,outcome\n" + "1,ill\n2,well\n" * 10)
    ended = cli("gap", *HERE)
    assert ended.code == 2
    assert "no source can be measured" in ended.err
