"""`priorlift theory` computes what transfer would bring, on the terminal and as files."""

import csv
import json

import numpy as np
import pytest

from priorlift.theory import phase_diagram

SMALL = ["--latent", "20", "--inputs", "30", "--width", "20", "--n-sources", "2"]
SIZES = {"latent": 20, "inputs": 30, "width": 20, "seeds": 2}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_curve_is_that_of_the_theory(cli):
    ended = cli("theory", "curve", *SMALL, "--qF", "1", "--qt", "0.9", "--n", "10,200", "--json")
    assert ended.code == 0, ended.err
    document = json.loads(ended.out)
    expected = phase_diagram("qF", [1.0], [10, 200], knobs={"qt": 0.9}, **SIZES)
    assert document == {**expected.to_dict(), "file": None}
    few, many = document["rows"]
    assert few["transferred"] < few["random"] - 0.05
    assert few["random"] > many["random"]


def test_the_terminal_shows_curves_floors_and_training_from_scratch(cli):
    ended = cli("theory", "curve", *SMALL, "--alpha", "0.5,1,10", "--scratch")
    assert ended.code == 0, ended.err
    assert [
        line.split()[0] for line in ended.out.splitlines() if line[2:8].strip().isdecimal()
    ] == [*("10", "20", "200")]
    assert "from scratch" in ended.out
    assert "With endless labels: 0." in ended.out
    assert "points (100 %)" in ended.err


def test_options_reach_the_heads(cli):
    arguments = ["--n", "20", "--loss", "square", "--lambda", "0.5", "--noise", "0.2"]
    document = json.loads(cli("theory", "curve", *SMALL, *arguments, "--json").out)
    expected = phase_diagram(
        "qF", [0.8], [20], loss="square", lam=0.5, noise=0.2, **SIZES
    ).to_dict()
    assert document["rows"] == expected["rows"]
    assert document["settings"]["loss"] == "square"
    shifted = json.loads(cli("theory", "curve", *SMALL, *arguments, "--seed", "2", "--json").out)
    assert shifted["settings"]["seeds"] == [2, 3]
    flipped = cli("theory", "curve", *SMALL, "--n", "40", "--flips", "0.3", "--json")
    clean = cli("theory", "curve", *SMALL, "--n", "40", "--json")
    errors = [json.loads(one.out)["rows"][0]["random"] for one in (clean, flipped)]
    assert errors[0] < errors[1] - 0.05


def test_the_map_shows_each_value_and_where_the_gain_turns(cli):
    arguments = ["--knob", "qt", "--values", "0,1", "--qF", "0.9", "--n", "10,40,400"]
    ended = cli("theory", "phase-diagram", *SMALL, *arguments)
    assert ended.code == 0, ended.err
    found = phase_diagram("qt", [0, 1], [10, 40, 400], knobs={"qF": 0.9}, **SIZES)
    cells = [line.split() for line in ended.out.splitlines() if line.strip()[:2] in ("0 ", "1 ")]
    assert [row[0] for row in cells] == ["1", "0"]
    shown = [float(cell.strip("()")) for row in cells for cell in row[1:4]]
    np.testing.assert_allclose(shown, found.gain[::-1].ravel(), atol=6e-4)
    bracketed = [cell.startswith("(") for row in cells for cell in row[1:4]]
    assert bracketed == (found.clear[::-1] == 0).ravel().tolist()
    assert "crosses 0 at" in ended.out


def test_the_map_shows_training_from_scratch_where_it_was_simulated(cli):
    arguments = ["--values", "0,1", "--n", "10,40,400", "--scratch", "--out", "map.json"]
    ended = cli("theory", "phase-diagram", *SMALL, *arguments)
    assert ended.code == 0, ended.err
    with open("map.json", encoding="utf-8") as file:
        rows = json.load(file)["rows"]
    expected = [row["simulated_scratch"] - row["simulated_transferred"] for row in rows[:3:2]]
    after = ended.out.split("from scratch minus that of learned features, simulated")[1]
    lines = [line.split() for line in after.splitlines()]
    assert ["qF", "10", "400"] in lines  # every second number
    assert ["0", *(f"{gain:+.3f}" for gain in expected)] in lines


def test_many_numbers_of_labels_are_thinned_on_the_terminal_alone(cli):
    n = ",".join(str(10 * k) for k in range(1, 13))
    ended = cli("theory", "phase-diagram", *SMALL, "--values", "0,1", "--n", n, "--out", "all.csv")
    assert "8 of 12 numbers of labels are shown" in ended.out
    with open("all.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["n"]) for row in rows[:12]] == [10 * k for k in range(1, 13)]
    assert len(rows) == 24
    assert float(rows[0]["gain"]) == pytest.approx(
        float(rows[0]["random"]) - float(rows[0]["transferred"])
    )


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a/map.json", b"{"),
        ("map.CSV", b"qF,n,alpha"),
        ("map.svg", b"<svg"),
        ("map.png", b"\x89PNG"),
        ("map.html", b"<!doctype html>"),
    ],
)
def test_the_ending_of_the_file_says_what_is_written(cli, folder, name, start):
    ended = cli("theory", "phase-diagram", *SMALL, "--values", "0,1", "--n", "10,80", "--out", name)
    assert ended.code == 0, ended.err
    assert f"Written: {name}" in ended.out
    content = (folder / name).read_bytes()
    assert content.lower().startswith(start.lower())
    if name.endswith("json"):
        assert len(json.loads(content)["rows"]) == 4
    if name.endswith("html"):
        assert b"Where does transfer help?" in content
        assert b"from scratch" not in content
    assert not list(folder.glob("**/.tmp*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["curve", "--alpha", "0"], "--alpha: is 0"),
        (["curve", "--alpha", "0.5,-1"], "--alpha: is -1"),
        (["curve", "--alpha", "0.001"], "two labels"),
        (["curve", "--alpha", "many"], "'many' is no number"),
        (["curve", "--alpha", "nan"], "'nan' is no number"),
        (["curve", "--alpha", ","], "--alpha: is empty"),
        (["curve", "--alpha", "1", "--n", "20"], "in place of --n"),
        (["curve", "--n", "1"], "--n: is '1'"),
        (["curve", "--n", "1.5"], "no whole number"),
        (["curve", "--lambda", "0"], "--lambda: is 0"),
        (["curve", "--lambda", "-1"], "--lambda: is -1"),
        (["curve", "--lambda", "nan"], "--lambda: is nan"),
        (["curve", "--loss", "logistik"], "did you mean 'logistic'"),
        (["curve", "--qF", "1.2"], "--qF: is 1.2"),
        (["curve", "--qF", "nan"], "--qF: is nan"),
        (["curve", "--qt", "-0.5"], "qt is from 0 to 1"),
        (["curve", "--eta", "2"], "--eta: is 2"),
        (["curve", "--delta", "-1"], "above -1"),
        (["curve", "--flips", "0.5"], "flips is 0.5"),
        (["curve", "--flips", "0.1", "--loss", "square"], "learns numbers"),
        (["curve", "--flips", "0.1", "--scratch"], "from scratch"),
        (["curve", "--width", "0"], "--width"),
        (["curve", "--latent", "9999"], "--latent"),
        (["curve", "--n-sources", "0"], "--n-sources"),
        (["curve", "--out", "curve.pdf"], ".svg"),
        (["curve", "--out", "curve"], "has no ending"),
        (["curve", "--out", "there.csv"], "is a folder"),
        (["curve", "--out", "a-file/curve.csv"], "cannot be written"),
        (["phase-diagram", "--knob", "qf"], "did you mean 'qF'"),
        (["phase-diagram", "--values", "0,1.5"], "--values: is 1.5"),
        (["phase-diagram", "--values", "few"], "--values"),
        (["phase-diagram", "--qF", "0.5"], "leave it out"),
        (["phase-diagram", "--qt", "7"], "--qt: is 7"),
        (["phase-diagramm"], "phase-diagram"),
    ],
)
def test_bad_input_ends_with_one_line_and_exit_code_2(cli, folder, monkeypatch, arguments, said):
    def never(*_, **__):
        raise AssertionError("a source was trained")

    monkeypatch.setattr("priorlift.theory.phases.train_sources", never)
    (folder / "there.csv").mkdir()
    (folder / "a-file").write_text("")
    ended = cli("theory", *arguments)
    assert (ended.code, ended.out) == (2, ""), ended
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_an_earlier_file_stays_when_the_work_fails(cli, folder):
    (folder / "map.json").write_text("earlier")
    ended = cli("theory", "curve", "--flips", "0.1", "--scratch", "--out", "map.json")
    assert ended.code == 2
    assert (folder / "map.json").read_text() == "earlier"


def test_errors_are_json_too_where_that_is_asked_for(cli):
    ended = cli("theory", "curve", "--qF", "3", "--json")
    assert ended.code == 2
    assert json.loads(ended.out)["error"]["exit_code"] == 2
