"""`priorlift forecast` says how many labels a table's features will need."""

import csv
import json

import numpy as np
import pytest

QUICK = ["--n-grid", "30,100"]


@pytest.fixture
def wards(tmp_path, monkeypatch):
    """Go to a folder with 400 rows, 150 of them labelled, once as a table and once as arrays."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    X = rng.normal(size=(400, 4)) + np.where(y, 0.6, -0.6)[:, None]
    with open("wards.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "c", "d", "outcome"])
        for place, row in enumerate(X):
            label = ("ill", "well")[y[place]] if place < 150 else ""
            writer.writerow([*(f"{value:.6f}" for value in row), label])
    np.savez("wards.npz", X=X[:150], y=y[:150], X_unlabelled=X[150:])
    return tmp_path


def test_a_table_gets_its_answer_figures_and_page(wards, cli):
    arguments = ["wards.csv", "--label", "outcome", *QUICK, "--target-error", "0.16"]
    ended = cli("forecast", *arguments, "--out", "found")
    assert ended.code == 0, ended.err
    assert "an error of 0.16 takes about" in ended.out
    assert "Real heads on held-out rows" in ended.out
    assert "150 labelled rows, 400 rows in all" in ended.err
    document = json.loads((wards / "found" / "forecast.json").read_text())
    assert document["labels_needed"]["features"]["n"] > 2
    assert (wards / "found" / "forecast.png").read_bytes()[:4] == b"\x89PNG"
    assert "<svg" in (wards / "found" / "forecast.svg").read_text(encoding="utf-8")
    page = (wards / "found" / "report.html").read_text(encoding="utf-8")
    assert "Labels needed" in page
    assert "Predicted beside observed" in page


def test_arrays_say_the_same_and_repeat_to_the_bit(wards, cli):
    documents = [json.loads(cli("forecast", "wards.npz", *QUICK, "--json").out) for _ in range(2)]
    assert documents[0] == documents[1]
    one = documents[0]["maps"]["features"]
    assert one["n"] == [30, 100]
    assert one["n_unlabelled"] == 400
    assert one["error"][0] > one["error"][1]


def test_an_error_out_of_reach_is_said_to_be(wards, cli):
    ended = cli("forecast", "wards.npz", *QUICK, "--target-error", "0.01")
    assert ended.code == 0, ended.err
    assert "cannot be reached" in ended.out


def test_a_column_of_numbers_is_forecast_in_its_units(wards, cli):
    lines = [line.split(",") for line in (wards / "wards.csv").read_text().splitlines()]
    scaled = [lines[0]]
    for place, row in enumerate(lines[1:]):
        value = 1000 * float(row[3]) + 700 * np.sin(37.0 * place)
        scaled.append([*row[:4], f"{value:.3f}"])
    (wards / "numbers.csv").write_text("\n".join(",".join(row) for row in scaled) + "\n")
    arguments = ["numbers.csv", "--label", "outcome", *QUICK, "--target-error", "800"]
    ended = cli("forecast", *arguments, "--out", "numbers")
    assert ended.code == 0, ended.err
    assert "an error of 800 takes about" in ended.out
    assert "root of the mean squared error" in ended.out
    assert "alpha" in ended.out
    document = json.loads((wards / "numbers" / "forecast.json").read_text())
    assert document["task"] == "regression"
    assert 400 < document["maps"]["features"]["floor"] < 600  # 700 / sqrt(2)
    page = (wards / "numbers" / "report.html").read_text(encoding="utf-8")
    assert "alpha of Ridge" in page
    assert "Real ridge heads" in page


def test_a_second_file_brings_the_rows_without_labels(wards, cli):
    lines = (wards / "wards.csv").read_text().splitlines()
    (wards / "few.csv").write_text("\n".join(lines[:151]) + "\n")
    (wards / "more.csv").write_text("\n".join([lines[0], *lines[151:]]) + "\n")
    arguments = ["--label", "outcome", *QUICK, "--json"]
    whole = json.loads(cli("forecast", "wards.csv", *arguments).out)
    apart = json.loads(cli("forecast", "few.csv", "--unlabelled", "more.csv", *arguments).out)
    assert apart["maps"]["features"]["n_unlabelled"] == 400
    assert apart["maps"]["features"]["error"] == pytest.approx(whole["maps"]["features"]["error"])
    alone = json.loads(cli("forecast", "few.csv", *arguments).out)
    assert any("without unlabelled rows" in text for text in alone["maps"]["features"]["warnings"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["wards.csv"], "--label is not given"),
        (["wards.csv", "--label", "outcom"], "outcome"),
        (["wards.csv", "--label", "a", "--task", "classification"], "one labelled row"),
        (["wards.csv", "--label", "outcome", "--task", "regression"], "labels are not numbers"),
        (["wards.csv", "--label", "a", "--target-error", "7"], "standard deviation"),
        (["wards.csv", "--label", "outcome", "--target-error", "0"], "--target-error"),
        (["gone.csv", "--label", "outcome"], "no such file"),
        (["gone.npz"], "gone.npz"),
        (["wards.csv", "--label", "outcome", "--target-error", "0.7"], "--target-error"),
        (["wards.csv", "--label", "outcome", "--n-grid", "ten"], "--n-grid"),
        (["wards.csv", "--label", "outcome", "--n-grid", "1"], "n_grid"),
        (["wards.npz", "--label", "outcome"], "goes with a table"),
        (["broken.npz"], "cannot be read"),
    ],
)
def test_bad_input_ends_with_one_line_and_exit_code_2(wards, cli, arguments, said):
    (wards / "broken.npz").write_bytes(b"PK nothing")
    ended = cli("forecast", *arguments)
    assert (ended.code, ended.out) == (2, ""), ended
    assert said.lower() in ended.err.lower()
    assert "Traceback" not in ended.err
