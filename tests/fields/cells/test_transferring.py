"""`transfer_labels` annotates the query in AnnData's places and leaves expression as it is."""

import hashlib
import tracemalloc
import types

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from priorlift.core.disk_rows import DiskRows
from priorlift.core.errors import InputError
from priorlift.fields.cells.peaks import located
from priorlift.fields.cells.sides import Wanted, gather
from priorlift.transfer import JointLabelTransferClassifier


def bytes_of(adata):
    digest = hashlib.sha256()
    for part in (adata.X.data, adata.X.indices, adata.X.indptr):
        digest.update(part.tobytes())
    return digest.hexdigest()


def test_the_query_is_annotated_in_the_custom_places(compared):
    reference, query, result = compared
    assert result.query is query
    pred = query.obs["cell_type_pred"]
    assert list(pred.cat.categories) == list(reference.obs["cell_type"].cat.categories)
    assert (pred.astype(str) == query.obs["truth"].astype(str)).mean() > 0.8
    for name in ("confidence", "novelty"):
        assert query.obs[f"cell_type_{name}"].between(0, 1).all()
    proba = query.obsm["cell_type_proba"]
    assert list(proba.columns) == ["Astro", "L2|3", "Oligo", "Pvalb", "Sst"]
    assert np.allclose(proba.sum(axis=1), 1)
    assert (pred.cat.codes == proba.to_numpy().argmax(axis=1)).all()
    for data in (reference, query):
        embedding = data.obsm["X_priorlift"]
        assert embedding.dtype == np.float32
        assert embedding.shape == (data.n_obs, 64)
        assert np.allclose(np.linalg.norm(embedding, axis=1), 1, atol=1e-5)
    plan = query.uns["priorlift"]
    assert plan["n_genes"] == 380
    assert "380 of 400 reference genes found in the query" in plan["notes"]
    assert {text.split(":")[0] for text in plan["sources"]} == {"D1", "D2"}
    assert plan["settings"]["epochs"] == [2, 2]


def test_expression_is_left_byte_for_byte_and_a_copy_leaves_all(pair, transfer):
    reference, query = pair
    before = bytes_of(reference), bytes_of(query)
    result = transfer(reference, query, copy=True)
    assert (bytes_of(reference), bytes_of(query)) == before
    assert "cell_type_pred" in result.query.obs
    assert list(query.obs) == ["truth"]
    assert not query.obsm
    assert not reference.obsm
    transfer(reference, query)
    assert (bytes_of(reference), bytes_of(query)) == before
    assert next(iter(query.obs)) == "truth"


def test_truth_kept_in_the_query_reaches_no_label(pair, transfer):
    reference, query = pair
    plain = transfer(reference, query.copy())
    query.obs["cell_type"] = np.random.default_rng(0).permutation(query.obs["truth"])
    with_column = transfer(reference, query, compare=True)
    assert (plain.labels == with_column.labels).all()
    assert np.array_equal(plain.proba, with_column.proba)


def test_files_in_memory_backed_and_zarr_give_the_same_labels(pair, transfer, tmp_path):
    reference, query = pair
    expected = transfer(reference, query.copy()).labels
    reference.write_h5ad(tmp_path / "rna.h5ad")
    query.write_h5ad(tmp_path / "atac.h5ad")
    from_paths = transfer(tmp_path / "rna.h5ad", str(tmp_path / "atac.h5ad"))
    assert from_paths.query.isbacked
    assert (from_paths.labels == expected).all()
    backed = anndata.read_h5ad(tmp_path / "rna.h5ad", backed="r")
    query.write_zarr(tmp_path / "atac.zarr")
    from_store = transfer(backed, tmp_path / "atac.zarr")
    assert (from_store.labels == expected).all()
    assert hasattr(from_store.query.X, "group")  # it stays on the disk
    dense = reference.copy()
    dense.X = dense.X.toarray()
    by_columns = query.copy()
    by_columns.X = by_columns.X.tocsc()
    assert (transfer(dense, by_columns).labels == expected).all()


def test_the_annotated_query_survives_its_file(compared, tmp_path):
    _, query, result = compared
    query.write_h5ad(tmp_path / "labelled.h5ad")
    again = anndata.read_h5ad(tmp_path / "labelled.h5ad")
    assert list(again.obs["cell_type_pred"]) == list(result.labels)
    assert list(again.obs["cell_type_pred"].cat.categories) == list(result.categories)
    assert np.array_equal(again.obsm["X_priorlift"], result.embedding)
    assert again.uns["priorlift"]["n_genes"] == 380


def test_order_and_surplus_of_genes_change_nothing(pair, transfer):
    reference, query = pair
    expected = transfer(reference, query.copy()).labels
    shuffled = query[:, np.random.default_rng(0).permutation(query.n_vars)].copy()
    assert (transfer(reference, shuffled).labels == expected).all()


def test_the_layer_is_chosen_and_said(pair, transfer):
    reference, query = pair
    expected = transfer(reference, query.copy())
    for data in pair:
        data.layers["counts"] = data.X
        data.X = data.X.toarray() - 1.0  # would be refused
    result = transfer(reference, query)
    assert (result.labels == expected.labels).all()
    assert "query: values of layers['counts']" in result.notes
    with pytest.raises(InputError, match=r"has negative values.*looks scaled.*pass layer="):
        transfer(reference, query, layer="X")


def test_several_references_and_batches_are_sources_of_their_own(pair, transfer):
    reference, query = pair
    halves = {"left": reference[:120].copy(), "right": reference[120:].copy()}
    result = transfer(halves, query, batch_key="donor")
    assert set(result.estimator.sources_) == {
        f"{half}, {donor}" for half in halves for donor in ("D1", "D2")
    }
    assert halves["left"].obsm["X_priorlift"].shape == (120, 64)
    # Batches are interleaved: each cell of a reference gets its own embedding back.
    rows = result.estimator.transform_source
    at = np.flatnonzero(halves["left"].obs["donor"] == "D2")
    shared = halves["left"][:, list(result.genes)].X[at]
    types = halves["left"].obs["cell_type"].astype(str).to_numpy()[at]
    assert np.allclose(halves["left"].obsm["X_priorlift"][at], rows(shared, types), atol=1e-5)


def test_batches_peaks_and_proteins_of_files_are_those_of_memory(pair, transfer, tmp_path):
    reference, query = pair
    draws = np.random.default_rng(0)
    for data in pair:
        data.obsm["adt"] = np.abs(draws.normal(1, 0.2, (data.n_obs, 3))).astype(np.float32)
    peaks = anndata.AnnData(sp.csr_matrix(draws.poisson(0.3, (query.n_obs, 40)), dtype=np.float32))
    peaks.obs_names = query.obs_names
    peaks = peaks[::-1].copy()
    asked = {"batch_key": "donor", "proteins": "adt"}
    expected = transfer(reference, query.copy(), peaks=peaks, **asked)
    for data, name in ((reference, "rna"), (query, "atac"), (peaks, "peaks")):
        data.write_h5ad(tmp_path / f"{name}.h5ad")
    files = [tmp_path / f"{name}.h5ad" for name in ("rna", "atac", "peaks")]
    sides = gather(*files[:2], Wanted("cell_type", peaks=located(files[2], files[1]), **asked))
    assert isinstance(sides.X, DiskRows)
    assert len(sides.parts) > 1
    assert all(isinstance(part.X, DiskRows) for part in sides.parts)
    result = transfer(*files[:2], peaks=files[2], **asked)
    np.testing.assert_allclose(result.proba, expected.proba, atol=1e-6)
    assert (result.labels == expected.labels).all()


def test_labels_of_query_cells_are_used_only_where_named(pair, transfer):
    reference, query = pair
    query.obs["known"] = query.obs["truth"].astype(str).where(np.arange(120) < 60, "none")
    query.obs["known"] = query.obs["known"].replace("Astro", "only here, in the query")
    plain = transfer(reference, query.copy())
    assert "only here, in the query" not in plain.categories
    query.obs["cell_type"] = query.obs["truth"]
    named = transfer(
        reference, query, query_label_key="known", unlabeled_category="none", compare=True
    )
    assert named.categories[-1] == "only here, in the query"
    ways = named.comparison_frame().set_index("way")
    assert ways.loc["without references", "accuracy"] > 0.3
    assert ways.loc["this transfer", "accuracy"] > 0.7


def test_proteins_go_beside_the_genes(pair, transfer):
    reference, query = pair
    random = np.random.default_rng(0)
    for data, labels in ((reference, reference.obs["cell_type"]), (query, query.obs["truth"])):
        values = random.normal(labels.cat.codes.to_numpy()[:, None], 0.1, (data.n_obs, 3)) + 1
        data.obsm["adt"] = pd.DataFrame(
            np.abs(values), columns=["CD3", "CD4", f"own{data.n_obs}"], index=data.obs_names
        )
    result = transfer(reference, query, proteins="adt")
    assert result.proteins == ("CD3", "CD4")
    assert list(result.estimator.passthrough) == [380, 381]


def test_far_cells_are_unknown_only_where_asked_for(pair, transfer):
    reference, query = pair
    reference = reference[reference.obs["cell_type"] != "L2/3"].copy()
    forced = transfer(reference, query)
    assert "unknown" not in query.obs["cell_type_pred"].cat.categories
    result = transfer(reference, query, unknown=True)
    unknown = result.labels == "unknown"
    assert list(query.obs["cell_type_pred"].cat.categories)[-1] == "unknown"
    assert (result.labels[~unknown] == forced.labels[~unknown]).all()
    assert (unknown == (result.novelty > 0.95)).all()
    assert unknown.any()


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_query_cells_get_a_label(pair, transfer, n):
    reference, query = pair
    result = transfer(reference, query[:n].copy())
    assert len(result.labels) == n
    assert np.isfinite(result.embedding).all()


def test_a_mudata_gives_its_modalities(pair, transfer):
    """Without the package: what is asked of a MuData is its `.mod`."""
    reference, query = pair
    expected = transfer(reference, query.copy()).labels
    both = types.SimpleNamespace(mod={"prot": query, "rna": reference})
    measured = types.SimpleNamespace(mod={"rna": reference, "atac": query})
    result = transfer(both, measured)
    assert result.query is query
    assert (result.labels == expected).all()
    with pytest.raises(InputError, match=r"MuData with the modalities 'x'.*called 'rna'"):
        transfer(types.SimpleNamespace(mod={"x": reference}), query)


def test_no_step_makes_a_dense_array_of_cells_by_genes(transfer):
    """2,000 + 2,000 cells x 20,000 genes would be 160 MB a side in float32."""
    sides = []
    for seed in (0, 1):
        X = sp.random(2000, 20000, density=0.001, format="csr", dtype=np.float32, rng=seed)
        X.data[:] = 1.0
        data = anndata.AnnData(X)
        data.obs_names = [f"{seed}-{i}" for i in range(2000)]
        sides.append(data)
    sides[0].obs["cell_type"] = np.array(["a", "b"])[np.arange(2000) % 2]
    model = JointLabelTransferClassifier(epochs=(1, 1), min_steps=1, batch_size=64)
    tracemalloc.start()
    transfer(*sides, estimator=model, compare=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2000 * 20_000 * 4 / 2
