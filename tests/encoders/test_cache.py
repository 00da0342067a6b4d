"""What was encoded once is not encoded again, and what is read back is what was computed."""

import json

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from priorlift.core.errors import InputError
from priorlift.encoders import CachedEncoder, RawEncoder, TfidfSvdEncoder
from priorlift.encoders.base import texts_of
from priorlift.encoders.cache import row_hashes
from priorlift.testing import EncoderConformance


class Lengths(RawEncoder):
    """Features of a text: its length, and a multiple of it; counts the texts it was given."""

    seen = 0

    def __init__(self, factor=1.0):
        self.factor = factor

    def _encode(self, X):
        texts = texts_of(X, "Lengths")
        type(self).seen += len(texts)
        lengths = np.array([len(text) for text in texts], dtype=float)
        return np.column_stack([lengths, lengths * self.factor])

    def _content(self):
        return [repr(self.factor)]


@pytest.fixture(autouse=True)
def count():
    Lengths.seen = 0


class TestConformance(EncoderConformance):
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path):
        self.path = tmp_path

    def make_encoder(self):
        return CachedEncoder(TfidfSvdEncoder(3, random_state=0), self.path)

    def make_inputs(self):
        return ["one two", "two six", "six ten ten", "one ten", "two two", "one six"]

    def make_missing(self):
        return ["one", None]


@given(st.lists(st.lists(st.text("abc", max_size=4), min_size=1, max_size=6), max_size=4))
def test_any_sequence_of_calls_gives_what_the_encoder_gives(tmp_path_factory, calls):
    Lengths.seen = 0
    encoder = CachedEncoder(Lengths(2.0), tmp_path_factory.mktemp("cache"))
    for texts in calls:
        np.testing.assert_array_equal(encoder.transform(texts), Lengths(2.0)._encode(texts))
        Lengths.seen -= len(texts)
    assert Lengths.seen == len({text for texts in calls for text in texts})


def test_each_text_is_encoded_once_over_subsets_orders_and_objects(tmp_path):
    texts = ["a", "bb", "a", "ccc", "bb"]
    encoder = CachedEncoder(Lengths(), tmp_path)
    encoder.transform(texts)
    assert (Lengths.seen, encoder.n_encoded_, encoder.n_read_) == (3, 3, 0)
    other = CachedEncoder(Lengths(), tmp_path)
    assert other.transform(texts[::-1])[:, 0].tolist() == [2, 3, 1, 2, 1]
    assert other.transform(np.array(["ccc", "dddd"]))[:, 0].tolist() == [3, 4]
    assert (Lengths.seen, other.n_encoded_, other.n_read_) == (4, 1, 1)


def test_the_same_rows_again_are_memory_mapped(tmp_path):
    encoder = CachedEncoder(Lengths(), tmp_path)
    first = encoder.transform(["a", "bb"])
    again = encoder.transform(["a", "bb"])
    assert isinstance(again.base, np.memmap)
    assert not again.flags.writeable
    np.testing.assert_array_equal(again, first)


def test_other_settings_are_other_features(tmp_path):
    for factor in (1.0, 2.0):
        encoder = CachedEncoder(Lengths(factor), tmp_path)
        assert encoder.transform(["abc"]).tolist() == [[3, 3 * factor]]
    assert Lengths.seen == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_other_versions_of_a_library_are_other_features(tmp_path, monkeypatch):
    encoder = CachedEncoder(Lengths(), tmp_path)
    encoder.transform(["a"])
    monkeypatch.setattr("priorlift.encoders.cache.metadata.version", lambda name: "0.0")
    encoder.transform(["a"])
    assert Lengths.seen == 2


def test_the_device_is_recorded_and_is_no_part_of_the_key(tmp_path):
    for device in ("cpu", "cuda"):
        inner = Lengths()
        inner.device_ = device
        CachedEncoder(inner, tmp_path).transform(["a"])
    (folder,) = tmp_path.iterdir()
    about = json.loads((folder / "encoder.json").read_text())
    assert (about["device"], about["dtype"], Lengths.seen) == ("cpu", "float32", 1)


@pytest.mark.parametrize("ending", [".features.npy", ".rows.npy"])
@pytest.mark.parametrize("damage", [lambda b: b[:-3], lambda b: b"", lambda b: b"\x80\x04pickle"])
def test_a_damaged_block_is_encoded_again(tmp_path, ending, damage):
    encoder = CachedEncoder(Lengths(), tmp_path)
    encoder.transform(["a", "bb"])
    (path,) = tmp_path.glob(f"*/*{ending}")
    path.write_bytes(damage(path.read_bytes()))
    assert encoder.transform(["a", "bb"])[:, 0].tolist() == [1, 2]
    assert Lengths.seen == 4
    encoder.transform(["a", "bb"])
    assert Lengths.seen == 4


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("priorlift.encoders.cache.np.save", full)
    with pytest.raises(InputError, match="No space left on device"):
        CachedEncoder(Lengths(), tmp_path).transform(["a"])
    assert not list(tmp_path.glob("*/.tmp-*"))
    assert not list(tmp_path.glob("*/*.npy"))


@pytest.mark.parametrize(
    "X",
    [
        np.arange(12.0).reshape(6, 2),
        np.arange(48, dtype=np.uint8).reshape(6, 2, 2, 2),
        sp.csr_matrix(np.arange(12.0).reshape(6, 2)),
        [np.full((2, n + 1), n) for n in range(6)],
        ["a", "b", "aa", "", "é", " "],
    ],
)
def test_rows_hash_by_content(X):
    found = row_hashes(X)
    assert len(set(found.tolist())) == 6
    again = row_hashes(X[::-1])
    np.testing.assert_array_equal(again, found[::-1])


def test_a_text_hashes_alike_in_every_container():
    texts = ["a", "bcd"]
    for X in (np.array(texts), np.array(texts, dtype=object)):
        np.testing.assert_array_equal(row_hashes(X), row_hashes(texts))
