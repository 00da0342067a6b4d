"""TREC-IS: small files in each layout that is known, made here."""

import gzip
import json

import pytest

from priorlift.core.errors import InputError
from priorlift.readers.one_vs_rest import one_vs_rest_task
from priorlift.readers.trec_is import read_trec_is

# Beyond 2**53: as a float it would lose its last digit.
BIG = 900719925474099301


def dump(path, value):
    text = json.dumps(value)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def lines(path, *values):
    path.write_text("\n".join(map(json.dumps, values)) + "\n")
    return path


@pytest.fixture
def tweets(tmp_path):
    return lines(
        tmp_path / "tweets.jsonl",
        {"allProperties": {"id": BIG, "text": "help"}, "topic": "fire1"},
        {"id_str": "2", "id": 2, "full_text": "all of it", "text": "all"},
        {"id_str": "3", "text": "nobody labelled this"},
    )


def of_2018(tmp_path):
    posts = [
        {"postID": str(BIG), "categories": ["SearchAndRescue", "Location"], "priority": "critical"},
        {"postID": "2", "categories": ["News"], "priority": "Unknown"},
        {"postID": "404", "categories": ["News"], "priority": "Low"},
    ]
    event = {"eventid": "fire1", "tweets": posts}
    return dump(tmp_path / "assr1.test", {"annotator": {}, "events": [event]})


def of_2019(tmp_path):
    records = [
        {
            "eventID": "fire1",
            "eventType": "wildfire",
            "postID": BIG,
            "postCategories": ["Request-SearchAndRescue", "Report-Location"],
            "postPriority": "Critical",
        },
        {"eventID": "fire1", "postID": 2, "postCategories": ["Report-News"], "postPriority": None},
    ]
    return dump(tmp_path / "labels.json", records)


@pytest.mark.parametrize("labels", [of_2018, of_2019])
def test_labels_meet_their_tweets_in_each_layout(tmp_path, tweets, labels):
    texts = read_trec_is(labels(tmp_path), tweets, hazards={"fire1": "wildfire"})
    assert texts.ids.tolist() == [str(BIG), "2"]
    assert texts.texts.tolist() == ["help", "all of it"]
    assert texts.events.tolist() == ["fire1", "fire1"]
    assert texts.labels["information_type"].tolist() == [("Location", "SearchAndRescue"), ("News",)]
    assert texts.labels["priority"].tolist() == ["Critical", None]
    assert texts.hazards.tolist() == ["wildfire"] * 2
    task = one_vs_rest_task(texts, "information_type", "News")
    assert task.y.tolist() == [0, 1]


def test_records_name_the_hazard_themselves(tmp_path, tweets):
    assert read_trec_is(of_2019(tmp_path), tweets).event_info["fire1"].hazard == "wildfire"


def test_files_that_carry_texts_need_no_tweets(tmp_path):
    post = {"postID": "1", "postText": "x", "postCategories": ["Other-News"], "postPriority": "Low"}
    value = {"events": [{"trecisid": "TRECIS-CTIT-H-035", "tweets": [post]}]}
    texts = read_trec_is(dump(tmp_path / "all.json.gz", value))
    assert texts.texts.tolist() == ["x"]
    assert texts.events.tolist() == ["TRECIS-CTIT-H-035"]
    assert texts.counts("priority") == {"Low": 1}


def test_folders_and_lines_are_read_and_several_labels_of_a_post_are_kept(tmp_path, tweets):
    folder = tmp_path / "labels"
    folder.mkdir()
    record = {"eventID": "e", "postID": "2", "postCategories": ["News"], "postPriority": "Low"}
    lines(folder / "one.jsonl", record, {**record, "postPriority": "High"})
    lines(folder / "two.jsonl", {**record, "postPriority": "High"})
    texts = read_trec_is(folder, [tweets])
    assert texts.counts("priority") == {"High": 2, "Low": 1}
    assert texts.settled("priority", conflicts="majority")[1].tolist() == ["High"]
    assert len(texts.settled("priority")[0]) == 0


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([{"postID": "1"}], "record 0: is no post with an event"),
        (["text"], "record 0: is no post with an event"),
        ({"events": [{"eventid": "e"}]}, "an event has no list of 'tweets'"),
        ([{"eventID": "e", "postID": 1.5}], "record 0: a post has no 'postID'"),
        ([{"eventID": "e", "postID": 1, "categories": "News"}], "no list of names"),
        ([{"eventID": "e", "postID": 1, "categories": ["News"]}], "none of 1 labelled posts"),
    ],
)
def test_other_layouts_are_refused_with_the_place(tmp_path, value, said):
    with pytest.raises(InputError, match=said):
        read_trec_is(dump(tmp_path / "labels.json", value))


def test_what_is_no_json_or_no_tweet_is_refused_with_the_line(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id_str": "1", "text": "x"}\n{"id_str"\n')
    with pytest.raises(InputError, match="line 2: is not JSON"):
        read_trec_is(of_2018(tmp_path), path)
    lines(path, {"id_str": "1", "text": "x"}, {"text": "x"})
    with pytest.raises(InputError, match="line 2: holds no tweet"):
        read_trec_is(of_2018(tmp_path), path)
    with pytest.raises(InputError, match="no such file"):
        read_trec_is(tmp_path / "none.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no file ending in"):
        read_trec_is(tmp_path / "empty")
    (tmp_path / "a.json.gz").write_bytes(b"not gzip")
    with pytest.raises(InputError, match="cannot be read"):
        read_trec_is(tmp_path / "a.json.gz")
