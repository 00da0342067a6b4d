"""scJoint's own files become AnnData."""

import h5py
import numpy as np
import pytest
import scipy.sparse as sp

from priorlift.core.errors import InputError
from priorlift.readers import scjoint
from priorlift.readers.scjoint import read_scjoint

pytest.importorskip("anndata", reason="the cells extra is not installed")


@pytest.fixture
def counts():
    return np.random.default_rng(0).poisson(0.4, size=(7, 5))


@pytest.mark.parametrize("kind", ["npz", "h5"])
def test_both_kinds_of_file_hold_cells_by_genes(tmp_path, counts, kind, monkeypatch):
    monkeypatch.setattr(scjoint, "BLOCK", 3)
    path = tmp_path / f"exprs.{kind}"
    if kind == "npz":
        sp.save_npz(path, sp.csr_matrix(counts))
    else:
        with h5py.File(path, "w") as file:
            file["matrix/data"] = counts.T
            file["matrix/features"] = [f"g{i}" for i in range(5)]
    (tmp_path / "labels.txt").write_text("0\n1\n1\n-1\n2\n0\n2\n")
    data = read_scjoint(path, tmp_path / "labels.txt", names=["B", "T, naive", "NK"])
    assert np.array_equal(data.X.toarray(), counts)
    assert data.var_names[0] == ("gene1" if kind == "npz" else "g0")
    assert data.obs["cell_type"].isna().sum() == 1
    assert list(data.obs["cell_type"])[:3] == ["B", "T, naive", "T, naive"]


def test_files_of_another_form_are_refused(tmp_path, counts):
    (tmp_path / "a.npz").write_bytes(b"no matrix")
    with pytest.raises(InputError, match="is no sparse matrix of SciPy"):
        read_scjoint(tmp_path / "a.npz")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = counts
    with pytest.raises(InputError, match="has no matrix/data of genes x cells"):
        read_scjoint(tmp_path / "a.h5")
    (tmp_path / "a.csv").write_text("1")
    with pytest.raises(InputError, match=r"no file of scJoint ends in '\.csv'"):
        read_scjoint(tmp_path / "a.csv")
    sp.save_npz(tmp_path / "b.npz", sp.csr_matrix(counts))
    (tmp_path / "l.txt").write_text("0\n1\n")
    with pytest.raises(InputError, match="has 2 labels for 7 cells"):
        read_scjoint(tmp_path / "b.npz", tmp_path / "l.txt")
    with pytest.raises(InputError, match="has 5 genes, but 2 names were given"):
        read_scjoint(tmp_path / "b.npz", genes=["a", "b"])
