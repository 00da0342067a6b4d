"""Peaks come in three ways, refine the labels, and stand where no reference has columns."""

import types

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from priorlift.core.errors import InputError, InputTypeError


def peaks_of(query, n_peaks=600):
    """Sparse counts, of which types differ strongly in a few places."""
    random = np.random.default_rng(0)
    codes = query.obs["truth"].cat.codes.to_numpy()
    level = random.lognormal(-3.0, 1.0, size=n_peaks)
    change = 2.5 * random.normal(size=(codes.max() + 1, n_peaks))
    change *= random.random(n_peaks) < 0.3
    counts = random.poisson(level * np.exp(change[codes]))
    names = [f"chr1_{1000 * i}_{1000 * i + 500}" for i in range(n_peaks)]
    return anndata.AnnData(
        sp.csr_matrix(counts.astype(np.float32)), obs=query.obs[[]], var=pd.DataFrame(index=names)
    )


def thinned(pair, share=0.15):
    """The pair with a query of so few counts that its genes leave doubts."""
    reference, query = pair
    random = np.random.default_rng(1)
    query.X.data = random.binomial(query.X.data.astype(int), share).astype(np.float32)
    query.X.eliminate_zeros()
    return reference, query


def test_peaks_correct_what_sparse_genes_say(pair, transfer):
    reference, query = thinned(pair)
    peaks = peaks_of(query)
    without, _ = transfer(reference, query).accuracy("truth")
    result = transfer(reference, query, peaks=peaks, compare=True)
    assert result.accuracy("truth")[0] > max(0.85, without + 0.1)
    assert result.plan["n_peaks"] == 600
    assert "600 peaks of the query refine the labels" in result.notes
    assert len(result.comparison) == 5
    with pytest.raises(InputError, match="further cells with peaks cannot be labelled yet"):
        result.label_cells(query)


def test_all_ways_to_pass_peaks_say_the_same(pair, transfer, tmp_path):
    reference, query = pair
    peaks = peaks_of(query)
    expected = transfer(reference, query, peaks=peaks)
    shuffled = peaks[np.random.default_rng(2).permutation(peaks.n_obs)].copy()
    path = tmp_path / "peaks.h5ad"
    peaks.write_h5ad(path)
    query.obsm["peaks"] = peaks.X
    query.obsm["framed"] = pd.DataFrame(
        peaks.X.toarray(), index=query.obs_names, columns=peaks.var_names
    )
    both = types.SimpleNamespace(mod={"gene_activity": query, "atac": peaks})
    for asked, given in (
        (query, shuffled),
        (query, path),
        (query, str(path)),
        (query, "peaks"),
        (query, "framed"),
        (both, "atac"),
    ):
        found = transfer(reference, asked, peaks=given)
        np.testing.assert_array_equal(found.proba, expected.proba)
        assert len(found.peaks) == 600


def test_a_saved_transfer_with_peaks_comes_back(pair, transfer, tmp_path):
    from priorlift.cells import load

    reference, query = pair
    result = transfer(reference, query, peaks=peaks_of(query))
    again = load(result.save(tmp_path / "kept.cells"))
    assert again.peaks == result.peaks
    assert (again.labels == result.labels).all()


def test_peaks_that_fit_nothing_are_refused(pair, transfer):
    reference, query = pair
    peaks = peaks_of(query)
    cases = [
        ("atac", InputError, r"query: has no .obsm\['atac'\].*or pass an AnnData"),
        (peaks.X, InputTypeError, "peaks are of type csr_matrix"),
        (peaks[:100].copy(), InputError, "lacks 20 of the 120 query cells: 'atac-100'"),
    ]
    fractions = peaks.copy()
    fractions.X = fractions.X * 0.5
    cases.append((fractions, InputError, "peaks: has fractions.*pass counts"))
    twice = peaks[[0, *range(120)]].copy()
    twice.obs_names = [*twice.obs_names[:-1], twice.obs_names[0]]
    cases.append((twice, InputError, "names of cells occur more than once"))
    for given, error, said in cases:
        with pytest.raises(error, match=said):
            transfer(reference, query, peaks=given)
    with pytest.raises(InputError, match='query_only needs mode="default"'):
        transfer(reference, query, peaks=peaks, estimator=None, mode="published")
