import json

import pytest

from priorlift.cli import checkup


def test_the_doctor_looks_at_everything(cli):
    ended = cli("doctor")
    assert ended.code == 0
    for part in (
        "python",
        "memory",
        "cores",
        "core",
        "methods",
        "[nets]",
        "device",
        "threads",
        "cache",
    ):
        assert f"  {part} " in ended.out


def test_json_says_whether_all_is_well(cli):
    document = json.loads(cli("doctor", "--json").out)
    assert document["healthy"] is True
    assert {"part", "mark", "text"} == set(document["findings"][0])


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_fault_ends_with_1(cli, monkeypatch, as_json):
    fault = checkup.Finding("core", "fault", "missing: pip install numpy")
    monkeypatch.setattr(checkup, "examine", lambda: [fault])
    ended = cli("doctor", *as_json)
    assert ended.code == 1
    assert "pip install numpy" in ended.out
