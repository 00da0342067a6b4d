"""Targets, sources, the pool: what is refused, what is inferred, what scikit-learn may not cut."""

import gzip
import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.utils.validation import _check_method_params

from priorlift.core import arrays
from priorlift.core.errors import InputError, InputTypeError, UnknownNameError
from priorlift.pool import Source, SourcePool, Target, align_source, infer_task

FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}
each_library = pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (["ill", "well"], "classification"),
        ([True, False], "classification"),
        ([0, 1, 1], "classification"),
        ([-1, 1], "classification"),
        ([3, 7, 7], "classification"),
        ([0.0, 1.0], "classification"),
        ([0, 1, 2, 0, 1, 2], "classification"),
        ([0, 1, 2, 3, 4], None),
        ([1, 2, 3, 1, 2, 3], None),
        ([10, 20, 30, 10], None),
        (list(range(60)) * 3, None),
        ([0.5, 1.5], "regression"),
        ([1.0, 2.0, 2.5], "regression"),
        ([], None),
        ([[0.5, 1.0], [1.0, 2.0]], "regression"),
        ([[0, 1], [1, 0]], None),
    ],
)
def test_the_task_is_inferred_only_where_there_is_no_doubt(y, task):
    assert infer_task(np.array(y)) == task


@given(y=st.lists(st.integers(0, 4) | st.sampled_from(["a", "b"]), min_size=1, max_size=8))
def test_labels_of_any_container_give_the_same_task(y):
    if len({type(value) for value in y}) > 1:
        y = [str(value) for value in y]
    whole = Source("s", np.zeros((len(y), 1)), y).task
    assert Source("s", np.zeros((len(y) + 1, 1)), [*y, None]).task == whole
    assert Source("s", np.zeros((len(y), 1)), pd.Series(y)).task == whole


def test_a_given_task_is_not_doubted():
    assert Source("s", np.eye(3), [1, 2, 3], task="regression").task == "regression"
    with pytest.raises(InputError, match="'clustering'"):
        Source("s", np.eye(3), [1, 2, 3], task="clustering")


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (("s", np.eye(3), [1, 2]), {}, "X has 3 rows, but y has 2"),
        (("s", np.eye(3), None), {}, "y has no"),
        (("s", np.eye(3), 1), {}, "y has no"),
        (("s", np.eye(3), [1, 2, 3]), {"groups": [1]}, "groups has 1"),
        (("s", np.eye(3), [1, 2, 3]), {"groups": ["a", None, "b"]}, "groups is missing in row 1"),
        (("s", np.eye(3), [1, 2, 3]), {"sample_weight": [1, np.nan, 1]}, "missing in row 1"),
        (("s", np.eye(3), [1, 2, 3]), {"sample_weight": [1, -1, 1]}, "weight is negative"),
        (("s", np.empty((0, 3)), []), {}, "has no rows"),
        (("s", pa.table({"a": pa.array([], pa.int64())}), []), {}, "has no rows"),
        (("s", [], []), {}, "has no rows"),
        (("s", [1.0, 2.0], [1, 2]), {}, "not two-dimensional.*reshape"),
        (("", np.eye(3), [1, 2, 3]), {}, "non-empty string"),
        ((np.eye(3), [1, 2, 3], "s"), {}, "non-empty string"),
        (("s", None, [1]), {}, "NoneType"),
        (("s", 5, [1]), {}, "int"),
    ],
)
@pytest.mark.parametrize("kind", [Target, Source])
def test_what_is_no_task_is_refused(kind, arguments, settings, said):
    with pytest.raises((InputError, InputTypeError), match=said):
        kind(*arguments, **settings)


@pytest.mark.parametrize(
    "X", [np.eye(3), sp.csr_matrix(np.eye(3)), ["a", "b", "c"], [[1, 2], [3, 4], [5, 6]]]
)
def test_every_kind_of_rows_makes_a_task(X):
    source = Source("s", X, [0, 1, 1])
    assert source.n_rows == 3
    assert source.columns is None
    assert source.take(np.array([2, 0])).y.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("y", "unlabeled", "labelled"),
    [
        ([0, None, 1], None, [True, False, True]),
        ([0.0, np.nan, 1.0], None, [True, False, True]),
        (["a", np.nan, "b"], None, [True, False, True]),
        ([0, -1, 1], None, [True, True, True]),
        ([0, -1, 1], -1, [True, False, True]),
        ([0.5, np.nan, -1.0], -1, [True, False, False]),
        (["a", "?", None], "?", [True, False, False]),
        (["a", "b", "c"], -1, [True, True, True]),
        ([[0.5, 1.0], [1.0, np.nan], [2.0, -1.0]], -1, [True, False, False]),
    ],
)
def test_a_missing_label_is_none_nan_or_what_was_named(y, unlabeled, labelled):
    target = Target("t", np.eye(3), y, unlabeled=unlabeled)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(target.labelled, labelled)
    assert len(target.fingerprint) == 32


@each_library
def test_labels_and_groups_of_a_frame_are_taken_as_they_are(make):
    frame = make({"y": ["a", None, "b"], "g": ["p", "p", "q"], "w": [1.0, 2.0, 0.0]})
    target = Target("t", np.eye(3), frame["y"], groups=frame["g"], sample_weight=frame["w"])
    assert target.y.tolist() == ["a", None, "b"]
    assert target.groups.tolist() == ["p", "p", "q"]
    assert target.labelled.tolist() == [True, False, True]
    assert target.task == "classification"


def test_a_task_keeps_everything_when_rows_are_taken():
    target = Target(
        "t",
        np.arange(8).reshape(4, 2),
        [0, 1, -1, 1],
        groups=list("ppqq"),
        sample_weight=[1, 2, 3, 4],
        unlabeled=-1,
        licence="CC0",
        description="four rows",
    )
    for rows in (np.array([3, 2]), np.array([False, False, True, True])):
        taken = target.take(rows)
        assert type(taken) is Target
        assert (taken.licence, taken.description, taken.task) == (
            "CC0",
            "four rows",
            "classification",
        )
        np.testing.assert_array_equal(taken.X, target.X[rows])
        np.testing.assert_array_equal(taken.labelled, target.labelled[rows])
        np.testing.assert_array_equal(taken.groups, target.groups[rows])
        np.testing.assert_array_equal(taken.sample_weight, target.sample_weight[rows])
    whole = target.take(np.arange(4))
    assert whole.fingerprints == target.fingerprints


def test_fingerprints_are_separate_for_each_part():
    base = {"X": np.eye(3), "y": [0, 1, 1], "groups": [0, 0, 1], "sample_weight": [1.0, 1.0, 1.0]}
    prints = Source("a", **base).fingerprints
    changes = {
        "X": {"X": np.eye(3) * 2},
        "y": {"y": [0, 1, 0]},
        "groups": {"groups": [0, 1, 1]},
        "metadata": {"sample_weight": [1.0, 2.0, 1.0]},
    }
    for part, change in changes.items():
        other = Source("a", **(base | change)).fingerprints
        differing = {p for p in changes if getattr(other, p) != getattr(prints, p)}
        assert differing == {part}
        assert other.combined != prints.combined
    renamed = Source("another name", **base, licence="MIT", description="x")
    assert renamed.fingerprints == prints
    assert Source("a", **base, task="regression").fingerprints.metadata != prints.metadata


def test_one_content_has_one_fingerprint_in_every_container():
    columns = {"a": [1.0, None, 2.0], "b": ["x", None, "y"]}
    prints = {Source("s", make(columns), [0, 1, 1]).fingerprint for make in FRAMES.values()}
    assert len(prints) == 1
    labels = ([0, 1, 1], np.array([0, 1, 1]), pd.Series([0, 1, 1]), pa.array([0, 1, 1]))
    assert len({Source("s", np.eye(3), y).fingerprints.y for y in labels}) == 1
    texts = (["a", "b", None], pd.Series(["a", "b", None]), pl.Series(["a", "b", None]))
    assert len({Source("s", np.eye(3), y).fingerprints.y for y in texts}) == 1


def test_a_named_missing_label_counts_as_missing():
    marked = Target("t", np.eye(3), [0, -1, 1], unlabeled=-1)
    assert marked.fingerprints.y == Target("t", np.eye(3), [0, None, 1]).fingerprints.y
    assert marked.fingerprints.y != Target("t", np.eye(3), [0, -1, 1]).fingerprints.y


def test_a_restored_task_is_not_hashed_again(monkeypatch):
    source = Source("s", np.eye(3), [0, 1, 1])
    prints = source.fingerprints
    monkeypatch.setattr(arrays, "fingerprint", lambda X: pytest.fail("it was hashed"))
    restored = Source.restore(prints, "s", np.eye(3), [0, 1, 1])
    assert restored.fingerprints is prints
    assert source.fingerprints is prints


def test_other_rows_of_known_hash_are_not_hashed_again(monkeypatch):
    source = Source("s", np.eye(3), [0, 1, 1], groups=[1, 1, 2])
    doubled = Source("s", 2.0 * np.eye(3), [0, 1, 1], groups=[1, 1, 2])
    rows, known, hashed = doubled.X, doubled.fingerprints, []
    plain = arrays.fingerprint
    monkeypatch.setattr(arrays, "fingerprint", lambda X: hashed.append(X) or plain(X))
    assert source.with_rows(rows, known.X).fingerprints == known
    assert not any(part is rows for part in hashed)


def pool_of(*names, n=3):
    return SourcePool([Source(name, np.eye(n) + i, [0, 1, 1]) for i, name in enumerate(names)])


def test_a_pool_is_read_by_name():
    pool = pool_of("b", "a")
    assert pool.names == ("b", "a")
    assert pool.n_sources == 2
    assert [source.name for source in pool] == ["b", "a"]
    assert "a" in pool
    assert "c" not in pool
    assert pool.subset(["a"]).names == ("a",)
    assert repr(pool).startswith("SourcePool([Source('b', 3 rows x 3 columns, classification)")
    with pytest.raises(UnknownNameError, match=r"unknown source 'aa'.*did you mean 'a'"):
        pool["aa"]


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        (Source("a", np.eye(3), [0, 1, 1]), r"SourcePool\(\[source\]\)"),
        ([np.eye(3)], r"not ndarray.*SourcePool\(\[Source"),
        ([Target("a", np.eye(3), [0, 1, 1])], "not Target"),
        ([Source("a", np.eye(3), [0, 1, 1])] * 2, r"two sources are named 'a'.*SourcePool"),
    ],
)
def test_what_is_no_pool_is_refused(sources, said):
    with pytest.raises((InputError, InputTypeError), match=said):
        SourcePool(sources)


@given(order=st.permutations(["a", "b", "c"]))
def test_sources_are_combined_in_an_order_that_their_content_gives(order):
    pool = pool_of("a", "b", "c")
    shuffled = SourcePool([pool[name] for name in order])
    assert [s.name for s in shuffled.by_fingerprint()] == [s.name for s in pool.by_fingerprint()]


def test_a_pool_has_no_size():
    pool = pool_of("a", "b", "c")
    for attribute in ("__len__", "shape", "__array__"):
        assert not hasattr(pool, attribute)
    with pytest.raises(TypeError):
        len(pool)


def test_scikit_learn_passes_a_pool_whole_even_when_it_could_be_cut():
    pool = pool_of("a", "b", "c")
    X, rows = np.eye(3), np.array([0, 2])
    passed = _check_method_params(X, {"sources": pool, "sized": [1, 2, 3]}, rows)
    assert passed["sources"] is pool
    # What would happen to a pool with a length: the reason why it has none.
    assert passed["sized"] == [1, 3]


def test_a_clone_shares_the_pool_and_a_pickle_keeps_it():
    pool = pool_of("a", "b")
    assert clone(pool) is pool
    assert [s.fingerprint for s in pickle.loads(pickle.dumps(pool))] == [
        s.fingerprint for s in pool
    ]


@each_library
@given(order=st.permutations(["a", "b", "c", "extra"]))
def test_columns_are_matched_by_name_in_any_order(make, order):
    values = {"a": [1.0, 2.0], "b": ["x", "y"], "c": [5.0, None], "extra": [0, 0]}
    source = Source("s", make({name: values[name] for name in order}), [0, 1])
    aligned = align_source(source, ("c", "a", "b"), 3)
    assert arrays.column_names(aligned.X) == ("c", "a", "b")
    assert aligned.n_dropped == 1
    assert arrays.column_values(aligned.X, "b") == ["x", "y"]


def test_missing_columns_are_named():
    source = Source("ward 1", pa.table({"a": [1, 2], "z": [3, 4]}), [0, 1])
    with pytest.raises(
        InputError, match=r"source 'ward 1': lacks 2 of the target's columns: 'b', 'c'"
    ):
        align_source(source, ("a", "b", "c"), 3)
    with pytest.raises(InputError, match="no column in common"):
        align_source(source, ("b", "c"), 2)
    with pytest.raises(InputError, match="'q4' and others"):
        align_source(source, ("a", *(f"q{i}" for i in range(9))), 10)


@pytest.mark.parametrize(
    "X", [np.eye(3), sp.csr_matrix(np.eye(3)), pa.table({"a": [1], "b": [2], "c": [3]})]
)
def test_without_names_columns_are_matched_by_position(X):
    source = Source("s", X, np.zeros(arrays.n_rows(X)))
    assert align_source(source, None, 3).X is source.X
    with pytest.raises(InputError, match="has 3 columns, the target 4"):
        align_source(source, None, 4)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.csv").write_text("x,y,g\n1,ill,p\n2,well,q\n3,,q\n")
    pq.write_table(pa.table({"y": ["ill", "well"], "x": [1.5, None]}), tmp_path / "b.PARQUET")
    (tmp_path / "README.md").write_text("# no table")
    (tmp_path / ".hidden.csv").write_text("junk")
    (tmp_path / "deeper").mkdir()
    return tmp_path


def test_a_folder_becomes_a_pool(folder):
    pool = SourcePool.read(folder, label="y", groups="g", licence="CC0")
    assert pool.names == ("a", "b")
    assert pool.unusable == {}
    assert pool["a"].groups.tolist() == ["p", "q", "q"]
    assert pool["b"].groups is None
    assert pool["a"].labelled.tolist() == [True, True, False]
    assert pool["a"].columns == pool["b"].columns == ("x",)
    assert {source.licence for source in pool} == {"CC0"}


def test_each_file_is_read_once(folder, monkeypatch):
    opened = []
    monkeypatch.setattr(
        "priorlift.core.files.read_table",
        lambda path: opened.append(path) or pa.table({"x": [1], "y": [2]}),
    )
    SourcePool.read(folder, label="y")
    assert [path.name for path in opened] == ["a.csv", "b.PARQUET"]


def test_files_that_cannot_be_used_are_listed_with_the_reason(folder):
    (folder / "empty.csv").write_text("")
    (folder / "other.csv").write_text("x,label\n1,2\n")
    (folder / "only.csv").write_text("y,g\n1,2\n")
    (folder / "a.tsv").write_text("x\ty\n1\t2\n")
    pool = SourcePool.read(folder, label="y", groups="g")
    assert pool.names == ("a", "b")
    assert set(pool.unusable) == {"empty", "other", "only", "a.tsv"}
    assert "is empty" in pool.unusable["empty"]
    assert "unknown label column 'y'" in pool.unusable["other"]
    assert "no column is left" in pool.unusable["only"]
    assert "another file" in pool.unusable["a.tsv"]


def test_a_folder_without_tables_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"holds no table.*\.csv"):
        SourcePool.read(tmp_path, label="y")
    with pytest.raises(InputError, match="is not a folder"):
        SourcePool.read(tmp_path / "missing", label="y")


def test_a_target_is_read_from_a_file(folder):
    target = Target.read(folder / "a.csv", label="y", groups="g")
    assert (target.name, target.columns, target.task) == ("a", ("x",), "classification")
    assert Target.read(folder / "a.csv", label="y", name="ward").name == "ward"
    with pytest.raises(InputError, match=r"a\.csv: unknown label column 'Y'.*did you mean 'y'"):
        Target.read(folder / "a.csv", label="Y")
    with pytest.raises(InputError, match="unknown group column 'ward'"):
        Target.read(folder / "a.csv", label="y", groups="ward")
    with pytest.raises(InputError, match=r"no reader knows the ending '\.md'"):
        Target.read(folder / "README.md", label="y")


def test_an_ending_of_two_parts_is_no_part_of_the_name(tmp_path):
    (tmp_path / "ward.7.csv.gz").write_bytes(gzip.compress(b"x,y\n1,2\n2,3\n"))
    assert Target.read(tmp_path / "ward.7.csv.gz", label="y").name == "ward.7"
    assert SourcePool.read(tmp_path, label="y").names == ("ward.7",)
