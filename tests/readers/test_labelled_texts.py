"""One-vs-rest tasks: each text once, one label a text, the same rows for all labels of a kind."""

import numpy as np
import pytest

from priorlift.core.errors import InputError
from priorlift.pool import Source, Target
from priorlift.readers.labelled_texts import (
    Event,
    LabelledTexts,
    object_vector,
)
from priorlift.readers.one_vs_rest import one_vs_rest_task, one_vs_rest_tasks

ROWS = [
    # text, event, type, tags
    ("Flood here", "flood", "advice", ("a", "b")),
    ("RT @x: flood here http://t.co/1", "flood", "advice", ("a", "b")),
    ("help us", "flood", "need", ("a",)),
    ("HELP us!", "flood", "advice", ("b",)),
    ("help us", "quake", "need", ("a", "c")),
    ("it shook", "quake", None, ()),
    ("it shook", "quake", "report", None),
    ("!!!", "quake", "report", ("c",)),
    ("???", "quake", "need", None),
]


@pytest.fixture
def texts():
    columns = [object_vector(column) for column in zip(*ROWS, strict=True)]
    return LabelledTexts(
        columns[0],
        object_vector(str(row) for row in range(len(ROWS))),
        columns[1],
        {"type": columns[2], "tags": columns[3]},
        {
            "flood": Event("flood", hazard="Floods", hazard_category="Natural"),
            "quake": Event("quake", hazard="Earthquake", hazard_category="Natural"),
        },
        licence="a licence",
    )


def test_counts_and_groups(texts):
    assert texts.counts("type") == {"advice": 3, "need": 3, "report": 2, None: 1}
    assert texts.counts("tags") == {"a": 4, "b": 3, "c": 2, None: 2}
    assert texts.event_groups() == {"Earthquake": ("quake",), "Floods": ("flood",)}
    assert texts.event_groups("hazard_category") == {"Natural": ("flood", "quake")}
    assert texts.hazards.tolist() == ["Floods"] * 4 + ["Earthquake"] * 5


def test_conflicting_copies_are_dropped(texts):
    rows, labels = texts.settled("type")
    assert rows.tolist() == [0, 6, 7, 8]
    assert labels.tolist() == ["advice", "report", "report", "need"]
    assert texts.settled("tags")[0].tolist() == [0, 5, 7]


def test_the_majority_of_copies_decides_and_a_tie_does_not(texts):
    rows, labels = texts.settled("type", conflicts="majority")
    assert dict(zip(rows.tolist(), labels, strict=True))[2] == "need"
    # Of two copies with different labels none is the more frequent one.
    assert 2 not in texts.settled("type", ["flood"], "majority")[0]
    rows, labels = texts.settled("tags", conflicts="majority")
    assert dict(zip(rows.tolist(), labels, strict=True))[2] == ("a",)


def test_a_task_holds_each_text_once_with_its_event_as_group(texts):
    task = one_vs_rest_task(texts, "type", "advice", make=Target)
    assert type(task) is Target
    assert task.X.tolist() == ["Flood here", "it shook", "!!!", "???"]
    assert task.y.tolist() == [1, 0, 0, 0]
    assert task.groups.tolist() == ["flood", "quake", "quake", "quake"]
    assert (task.task, task.licence) == ("classification", "a licence")


def test_a_label_among_several_counts(texts):
    task = one_vs_rest_task(texts, "tags", "b", ["flood"], conflicts="majority", name="mine")
    assert (task.name, task.y.tolist()) == ("mine", [1, 0])
    assert type(task) is Source


def test_all_tasks_of_a_kind_share_their_rows_and_rare_ones_are_listed(texts):
    pool = one_vs_rest_tasks(texts, ["type"], min_positive=1)
    assert pool.names == ("advice", "need", "report")
    assert len({source.fingerprints.X for source in pool}) == 1
    assert np.sum([source.y for source in pool], axis=0).tolist() == [1, 1, 1, 1]
    few = one_vs_rest_tasks(texts, ["type"], min_positive=2)
    assert few.names == ("report",)
    assert "1 of 4 texts" in few.unusable["advice"]


def test_groups_of_events_name_the_tasks(texts):
    pool = one_vs_rest_tasks(texts, ["type"], texts.event_groups(), min_positive=1)
    assert pool.names == ("need @ Earthquake", "report @ Earthquake")
    assert set(pool["need @ Earthquake"].groups) == {"quake"}


def test_labels_of_two_kinds_are_told_apart(texts):
    twice = LabelledTexts(
        texts.texts,
        texts.ids,
        texts.events,
        {"one": texts.labels["type"], "two": texts.labels["type"]},
        texts.event_info,
    )
    names = one_vs_rest_tasks(twice, min_positive=1).names
    assert names[0] == "one: advice"
    assert len(set(names)) == 6


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("typ", "advice"), "did you mean 'type'"),
        (("type", "advise"), "did you mean 'advice'"),
        (("type", "advice", ["floods"]), "did you mean 'flood'"),
    ],
)
def test_a_misspelt_name_gets_the_closest_one(texts, arguments, said):
    with pytest.raises(InputError, match=said):
        one_vs_rest_task(texts, *arguments)


def test_what_cannot_be_a_task_is_refused(texts):
    with pytest.raises(InputError, match="conflicts is 'vote'"):
        texts.settled("type", conflicts="vote")
    with pytest.raises(InputError, match="no text with a label"):
        one_vs_rest_task(texts, "type", "advice", [])
    with pytest.raises(InputError, match="9 texts, but 1 ids"):
        LabelledTexts(texts.texts, texts.ids[:1], texts.events, {}, texts.event_info)
