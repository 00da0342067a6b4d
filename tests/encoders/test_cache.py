"""What was encoded once is not encoded again, and what is read back is what was computed."""

import hashlib
import json
import os

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

SEEN: list[str] = []
"""All texts that were encoded."""


class Lengths(RawEncoder):
    """Features of a text: its length, and a multiple of it; keeps the texts it was given."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def _encode(self, X):
        texts = texts_of(X, "Lengths")
        SEEN.extend(texts)
        lengths = np.array([len(text) for text in texts], dtype=float)
        return np.column_stack([lengths, lengths * self.factor])

    def _content(self):
        return [repr(self.factor)]


@pytest.fixture(autouse=True)
def count():
    SEEN.clear()


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
    SEEN.clear()
    encoder = CachedEncoder(Lengths(2.0), tmp_path_factory.mktemp("cache"))
    for texts in calls:
        np.testing.assert_array_equal(encoder.transform(texts), Lengths(2.0)._encode(texts))
        del SEEN[len(SEEN) - len(texts) :]
    assert len(SEEN) == len({text for texts in calls for text in texts})


def test_each_text_is_encoded_once_over_subsets_orders_and_objects(tmp_path):
    texts = ["a", "bb", "a", "ccc", "bb"]
    encoder = CachedEncoder(Lengths(), tmp_path)
    encoder.transform(texts)
    assert (len(SEEN), encoder.n_encoded_, encoder.n_read_) == (3, 3, 0)
    other = CachedEncoder(Lengths(), tmp_path)
    assert other.transform(texts[::-1])[:, 0].tolist() == [2, 3, 1, 2, 1]
    assert other.transform(np.array(["ccc", "dddd"]))[:, 0].tolist() == [3, 4]
    assert (len(SEEN), other.n_encoded_, other.n_read_) == (4, 1, 1)


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
    assert len(SEEN) == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_other_versions_of_a_library_are_other_features(tmp_path, monkeypatch):
    encoder = CachedEncoder(Lengths(), tmp_path)
    encoder.transform(["a"])
    monkeypatch.setattr("priorlift.encoders.cache.metadata.version", lambda name: "0.0")
    encoder.transform(["a"])
    assert len(SEEN) == 2


def test_the_device_is_recorded_and_is_no_part_of_the_key(tmp_path):
    for device in ("cpu", "cuda"):
        inner = Lengths()
        inner.device_ = device
        CachedEncoder(inner, tmp_path).transform(["a"])
    (folder,) = tmp_path.iterdir()
    about = json.loads((folder / "encoder.json").read_text())
    assert (about["device"], about["dtype"], len(SEEN)) == ("cpu", "float32", 1)


def altered(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("ending", [".features.npy", ".rows.npy", ".sha256"])
@pytest.mark.parametrize(
    "damage", [lambda b: b[:-3], lambda b: b"", lambda b: b"\x80\x04pickle", altered]
)
def test_a_torn_or_altered_block_is_encoded_again_and_it_is_said(tmp_path, ending, damage):
    encoder = CachedEncoder(Lengths(), tmp_path)
    encoder.transform(["a", "bb"])
    (path,) = tmp_path.glob(f"*/*{ending}")
    path.write_bytes(damage(path.read_bytes()))
    os.utime(path, (1, 1))
    with pytest.warns(UserWarning, match="features are damaged .* encoded again"):
        assert encoder.transform(["a", "bb"])[:, 0].tolist() == [1, 2]
    assert (len(SEEN), encoder.n_damaged_, encoder.n_encoded_) == (4, 1, 2)
    assert encoder.transform(["a", "bb"])[:, 0].tolist() == [1, 2]
    assert (len(SEEN), encoder.n_damaged_, encoder.n_read_) == (4, 0, 2)


def test_the_sums_are_those_of_sha256sum(tmp_path):
    CachedEncoder(Lengths(), tmp_path).transform(["a"])
    (sums,) = tmp_path.glob("*/*.sha256")
    for line in sums.read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256(sums.with_name(name).read_bytes()).hexdigest() == digest


def test_what_was_used_longest_ago_goes_where_there_is_no_room(tmp_path):
    def transform(factor, text, max_mb=None):
        encoder = CachedEncoder(Lengths(factor), tmp_path, max_mb)
        encoder.transform([text])
        return encoder.n_encoded_

    for order, text in enumerate("abc"):
        transform(order % 2, text)  # two encoders share the folder
    for order, sums in enumerate(sorted(tmp_path.glob("*/*.sha256"), key=os.path.getmtime)):
        os.utime(sums, (order, order))
    (size,) = {
        sum(f.stat().st_size for f in s.parent.glob(f"{s.stem}.*"))
        for s in tmp_path.glob("*/*.sha256")
    }
    assert transform(0, "a") == 0, "used again, so not the oldest any more"
    assert transform(0, "d", max_mb=2.5 * size / 2**20) == 1
    assert [transform(0, text) for text in "adc"] == [0, 0, 1], "c was given up"
    assert transform(1, "b") == 1, "and so was b"


def test_what_a_call_needs_stays_whatever_it_takes(tmp_path):
    encoder = CachedEncoder(Lengths(), tmp_path, max_mb=1e-6)
    encoder.transform(["a"])
    encoder.transform(["a", "b"])
    assert encoder.transform(["a", "b"])[:, 0].tolist() == [1, 1]
    assert len(SEEN) == 2
    with pytest.raises(InputError, match="max_mb is 0"):
        CachedEncoder(Lengths(), tmp_path, max_mb=0).transform(["a"])


def test_what_a_crash_has_left_is_removed_a_day_later(tmp_path):
    CachedEncoder(Lengths(), tmp_path).transform(["a"])
    (folder,) = tmp_path.iterdir()
    for name in (".tmp-1-x.features.npy", "x.features.npy", "y.rows.npy"):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (1, 1))
    (folder / "z.rows.npy").write_bytes(b"another process writes it now")
    CachedEncoder(Lengths(), tmp_path, max_mb=1).transform(["b"])
    left = {path.name for path in folder.iterdir()}
    assert "z.rows.npy" in left
    assert not left & {".tmp-1-x.features.npy", "x.features.npy", "y.rows.npy"}
    assert len(list(folder.glob("*.sha256"))) == 2


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("priorlift.encoders.cache_folder.np.save", full)
    with pytest.raises(InputError, match="No space left on device"):
        CachedEncoder(Lengths(), tmp_path).transform(["a"])
    assert not list(tmp_path.glob("*/.tmp-*"))
    assert not list(tmp_path.glob("*/*.npy"))
    assert not list(tmp_path.glob("*/*.sha256"))


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
