"""CrisisLexT26: small files made here, and the counts of the published ones."""

import json

import pytest

from priorlift.core.errors import InputError
from priorlift.readers.crisislex import read_crisislex
from priorlift.readers.one_vs_rest import one_vs_rest_tasks

HEADER = "Tweet ID, Tweet Text, Information Source, Information Type, Informativeness\n"
ROW = '"1","a ""quoted"", text",Media,Caution and advice,Related and informative\n'


def write(folder, event="2012_flood", body=ROW, header=HEADER, description=None):
    folder.mkdir(exist_ok=True)
    content = (header + body).encode() if isinstance(body, str) else header.encode() + body
    (folder / f"{event}-tweets_labeled.csv").write_bytes(content)
    kinds = {"category": "Natural", "sub_category": "Hydrological", "type": "Floods"}
    text = json.dumps({"name": "A flood", "categorization": kinds, "location": {"country": "US"}})
    description = text if description is None else description
    (folder / f"{event}-event_description.json").write_text(description)
    return folder


def test_rows_and_facts(tmp_path):
    write(tmp_path, body=ROW + '"2","plain",Not labeled,Not labeled,Not related\n\n')
    texts = read_crisislex(write(tmp_path / "2013_quake", "2013_quake").parent)
    assert texts.texts.tolist() == ['a "quoted", text', "plain", 'a "quoted", text']
    assert texts.ids.tolist() == ["1", "2", "1"]
    assert texts.events.tolist() == ["2012_flood", "2012_flood", "2013_quake"]
    assert texts.labels["information_source"].tolist() == ["Media", None, "Media"]
    assert texts.labels["informativeness"][1] == "Not related"
    event = texts.event_info["2012_flood"]
    assert (event.title, event.hazard, event.hazard_group) == ("A flood", "Floods", "Hydrological")
    assert (event.hazard_category, event.country) == ("Natural", "US")


def test_bytes_that_are_not_utf8_are_replaced(tmp_path):
    texts = read_crisislex(write(tmp_path, body=b'"1","caf\xe9",Media,Not labeled,Not related\n'))
    assert texts.texts.tolist() == ["caf\N{REPLACEMENT CHARACTER}"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"header": HEADER.replace("Tweet Text", "Text")}, "line 1: column 'Tweet Text' is miss"),
        ({"body": ROW + '"2","short",Media\n'}, "line 3: has 3 values, the header has 5"),
        ({"description": "{"}, "event_description.json: is not JSON"),
        ({"description": "{}"}, "event_description.json: lacks"),
        ({"header": "", "body": ""}, "tweets_labeled.csv: is empty"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path, wrong, said):
    with pytest.raises(InputError, match=said):
        read_crisislex(write(tmp_path, **wrong))


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(InputError, match="holds no file that ends in"):
        read_crisislex(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        read_crisislex(tmp_path / "none")
    write(tmp_path)
    (tmp_path / "2012_flood-event_description.json").unlink()
    with pytest.raises(InputError, match=r"event_description\.json: there is no such file"):
        read_crisislex(tmp_path)


def test_an_event_occurs_once(tmp_path):
    write(tmp_path / "one")
    write(tmp_path / "two")
    with pytest.raises(InputError, match="two files hold event '2012_flood'"):
        read_crisislex(tmp_path)


@pytest.mark.data
def test_the_published_counts(data_dir):
    texts = read_crisislex(data_dir / "text" / "CrisisLexT26")
    assert (texts.n_rows, len(texts.event_info), len(set(texts.keys))) == (27_933, 26, 24_601)
    assert texts.counts("information_source") == {
        "Media": 10_157,
        "Outsiders": 9_252,
        None: 3_344,
        "Eyewitness": 2_193,
        "Government": 1_174,
        "NGOs": 982,
        "Business": 419,
        "Not applicable": 412,
    }
    assert list(texts.counts("information_type").values()) == [
        7_627,
        4_790,
        4_650,
        3_419,
        2_404,
        2_306,
        1_599,
        1_138,
    ]
    assert list(texts.counts("informativeness").values()) == [16_849, 7_732, 2_863, 489]
    assert len(texts.event_groups()["Floods"]) == 6
    pool = one_vs_rest_tasks(texts, ["information_type"])
    assert pool.n_sources == 7
    first = next(iter(pool))
    assert len(set(first.X)) == first.n_rows
