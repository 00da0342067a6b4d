"""Term counts come back as they were written; objects and broken files are refused."""

import numpy as np
import pytest
import scipy.sparse as sp

from priorlift.core.errors import InputError
from priorlift.readers.newsgroups import read_newsgroups

COUNTS = np.array([[1, 0, 2], [0, 3, 0], [1, 0, 2], [0, 0, 0]], dtype=np.uint8)


def write(path, **changed):
    csr = sp.csr_matrix(COUNTS)
    arrays = {
        "data": csr.data,
        "indices": csr.indices,
        "indptr": csr.indptr,
        "shape": np.array(csr.shape),
        "y": np.array([0, 1, 1, 0], dtype=np.uint8),
        "groups": np.array(["alt", "sci"]),
        "vocab": np.array(["a", "b", "c"]),
    }
    arrays.update(changed)
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


def test_counts_labels_and_repeats(tmp_path):
    found = read_newsgroups(write(tmp_path / "a.npz"))
    np.testing.assert_array_equal(found.counts.toarray(), COUNTS)
    assert found.y.tolist() == [0, 1, 1, 0]
    assert found.names == ("alt", "sci")
    assert found.repeats.tolist() == [False, False, True, False]
    assert found.text_groups.tolist() == [0, 1, 0, 2]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"y": None}, "lacks the array 'y'"),
        ({"y": np.array([0, 1, 2, 0])}, "y does not number"),
        ({"indices": np.array([0, 7, 1, 0, 2])}, "holds no CSR matrix"),
        ({"vocab": np.array(["a"])}, "3 columns, but 1 terms"),
        ({"vocab": np.array([["a"], {}], dtype=object)}, "cannot be read"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, changed, said):
    with pytest.raises(InputError, match=said):
        read_newsgroups(write(tmp_path / "a.npz", **changed))


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    with pytest.raises(InputError, match="no such file"):
        read_newsgroups(path)
    path.write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(InputError, match=r"not an \.npz file"):
        read_newsgroups(path)


@pytest.mark.data
def test_the_published_counts(data_dir):
    found = read_newsgroups(data_dir / "gap" / "ng20_counts.npz")
    assert found.counts.shape == (19_997, 31_019)
    assert len(found.names) == 20
    assert int(found.repeats.sum()) == 639
