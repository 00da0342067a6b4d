"""The door on data as people keep them: scaled values, files of scJoint, linked peaks."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from priorlift.cells import gene_activity
from priorlift.core.errors import InputError
from priorlift.readers.scjoint import read_scjoint


def folder_of(data_dir, name):
    folder = data_dir / "singlecell" / name
    if not folder.is_dir():
        pytest.skip(f"the data directory has no singlecell/{name}")
    return folder


@pytest.mark.data
@pytest.mark.filterwarnings("ignore")  # of an old file layout
def test_scaled_values_are_refused_and_the_raw_ones_do(transfer, data_dir):
    cells = anndata.read_h5ad(folder_of(data_dir, "pbmc68k_reduced") / "10x_pbmc68k_reduced.h5ad")
    order = np.random.default_rng(0).permutation(cells.n_obs)
    reference, query = cells[order[:350]].copy(), cells[order[350:]].copy()
    with pytest.raises(InputError, match=r"it looks scaled.*adata\.raw\.to_adata\(\)"):
        transfer(reference, query, label_key="bulk_labels")
    result = transfer(reference.raw.to_adata(), query.raw.to_adata(), label_key="bulk_labels")
    accuracy, _ = result.accuracy("bulk_labels")
    assert accuracy > 0.6
    assert any("'CD34+' (" in text for text in result.warnings)
    order = list(cells.obs["bulk_labels"].cat.categories)
    assert list(result.query.obs["bulk_labels_pred"].cat.categories) == order


@pytest.mark.data
def test_both_kinds_of_scjoints_files_say_the_same(data_dir):
    folder = folder_of(data_dir, "cite_asap_adt_scjoint")
    names = [line.rsplit(" ", 1)[0] for line in (folder / "label_to_idx.txt").open()]
    labels = folder / "citeseq_control_cellTypes.txt"
    from_npz = read_scjoint(folder / "citeseq_control_adt.npz", labels, names=names)
    from_h5 = read_scjoint(folder / "citeseq_control_adt.h5", labels)
    assert np.allclose((from_npz.X - from_h5.X).data, 0, atol=1e-5)
    assert (from_npz.obs["cell_type"] == "Naive CD4+ T").sum() == 1480
    assert from_h5.var_names[0] != from_npz.var_names[0] == "gene1"


@pytest.mark.data
def test_linked_peaks_give_the_gene_activity_of_the_data_set(data_dir):
    folder = folder_of(data_dir, "snare_mop")
    peaks = anndata.AnnData(sp.csr_matrix(sp.load_npz(folder / "RxC1.npz").T[:500]))
    peaks.var_names = (folder / "regions.txt").read_text().split()
    links = anndata.AnnData(sp.csr_matrix(sp.load_npz(folder / "GxR.npz").T))
    links.obs_names, links.var_names = (
        peaks.var_names,
        pd.Index((folder / "genes.txt").read_text().split()),
    )
    found = gene_activity(peaks, links=links)
    assert found.n_vars == 1674  # three genes have no peak
    whole = peaks.X @ links.X
    at = links.var_names.get_indexer(found.var_names)
    assert (whole[:, at] != found.X).nnz == 0
    assert found.X.sum() == whole.sum()
