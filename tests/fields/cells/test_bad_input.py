"""Bad input is refused, or warned about, with what is wrong, its likely cause and the remedy."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from priorlift.cells import sum_duplicate_genes
from priorlift.core.errors import InputError, InputTypeError
from priorlift.fields.cells import expression, opening


def renamed(adata, change):
    adata.var_names = [change(i, name) for i, name in enumerate(adata.var_names)]


def ensembl(i, name):
    return f"ENSMUSG{i:011d}"


@pytest.mark.parametrize(
    ("of_reference", "of_query", "said"),
    [
        (None, ensembl, r"share 0 of 400 gene names.*'Gene1', 'Gene2'.*symbols against Ensembl"),
        (
            ensembl,
            lambda i, name: f"{ensembl(i, name)}.{i % 9 + 1}",
            r"version suffixes.*str\.replace",
        ),
        (None, lambda i, name: name.upper(), r"upper case against mixed case"),
        (
            None,
            lambda i, name: f"chr1:{i * 500}-{i * 500 + 400}",
            r"query has peaks.*gene_activity",
        ),
        (None, lambda i, name: f"other{i}", r"another species, or another kind of feature"),
    ],
)
def test_names_that_do_not_agree_are_shown_with_the_cause(
    pair, transfer, of_reference, of_query, said
):
    reference, query = pair
    if of_reference:
        renamed(reference, of_reference)
    renamed(query, of_query)
    with pytest.raises(InputError, match=said):
        transfer(reference, query)
    assert "cell_type_pred" not in query.obs


def test_genes_that_occur_twice_are_refused_and_can_be_summed(pair, transfer):
    reference, query = pair
    twice = anndata.concat([query, query[:, :5]], axis=1, merge="first")
    with pytest.raises(InputError, match=r"query: 5 var_names occur more than once.*sum_dupl"):
        transfer(reference, twice)
    summed = sum_duplicate_genes(twice)
    assert list(summed.var_names) == list(query.var_names)
    assert np.array_equal(summed.X[:, :5].toarray(), 2 * query.X[:, :5].toarray())
    assert np.array_equal(summed.X[:, 5:].toarray(), query.X[:, 5:].toarray())
    assert len(transfer(reference, summed).labels) == 120


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused_with_their_cell(pair, transfer, value):
    reference, query = pair
    query.X.data[query.X.indptr[17]] = value
    with pytest.raises(InputError, match=r"query, cell 17: has values that are missing or inf"):
        transfer(reference, query)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"label_key": "celltype"}, InputError, "unknown label key 'celltype'.*mean 'cell_type'"),
        ({"batch_key": "donnor"}, InputError, "unknown batch key 'donnor'.*mean 'donor'"),
        ({"query_label_key": "thruth"}, InputError, "unknown query_label_key.*mean 'truth'"),
        ({"layer": "raw"}, InputError, "unknown layer 'raw'.*known: X"),
        ({"proteins": "adt"}, InputError, r"has no .obsm\['adt'\]"),
        ({"peaks": "peaks"}, InputError, r"has no .obsm\['peaks'\]"),
        ({"estimator": None, "mode": "best"}, InputError, "mode is 'best'"),
    ],
)
def test_options_that_fit_nothing_are_refused(pair, transfer, options, error, said):
    with pytest.raises(error, match=said):
        transfer(*pair, **options)


def test_labels_that_teach_nothing_are_refused(pair, transfer):
    reference, query = pair
    reference.obs["cell_type"] = pd.Series([None] * 200, index=reference.obs_names, dtype=object)
    with pytest.raises(InputError, match="all labels are missing"):
        transfer(reference, query)
    reference.obs["cell_type"] = "T"
    with pytest.raises(InputError, match="there is one type only, 'T'"):
        transfer(reference, query)


def test_what_is_no_data_set_is_refused(pair, transfer, tmp_path):
    reference, query = pair
    with pytest.raises(InputTypeError, match=r"the query is of type ndarray"):
        transfer(reference, query.X.toarray())
    with pytest.raises(InputError, match="there is no such file"):
        transfer(tmp_path / "none.h5ad", query)
    (tmp_path / "text.h5ad").write_text("no cells")
    with pytest.raises(InputError, match=r"text\.h5ad: cannot be read as AnnData"):
        transfer(tmp_path / "text.h5ad", query)
    with pytest.raises(InputError, match="there is no reference"):
        transfer([], query)
    with pytest.raises(InputError, match=r"reference 'empty': has no cells"):
        transfer({"full": reference, "empty": reference[:0].copy()}, query)
    with pytest.raises(InputError, match=r"has no \.X"):
        transfer(anndata.AnnData(obs=reference.obs, var=reference.var), query)


def test_two_files_of_one_name_are_refused(pair, transfer, tmp_path):
    reference, query = pair
    paths = [tmp_path / folder / "rna.h5ad" for folder in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        reference.write_h5ad(path)
    with pytest.raises(InputError, match="two references are named 'rna'"):
        transfer(paths, query)


def test_mudata_files_need_their_package(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "mudata", None)
    (tmp_path / "both.h5mu").write_bytes(b"\x89HDF")
    with pytest.raises(InputError, match=r"'mudata', which is not installed.*pip install mudata"):
        opening.open_cells(tmp_path / "both.h5mu", "query")


def test_a_matrix_on_disk_by_columns_says_how_to_rewrite_it(pair, transfer, tmp_path):
    reference, query = pair
    query.X = sp.csc_matrix(query.X)
    query.write_h5ad(tmp_path / "q.h5ad")
    with pytest.raises(InputError, match=r"by genes \(CSC\).*\.tocsr\(\)"):
        transfer(reference, tmp_path / "q.h5ad")


def test_data_beyond_the_machine_are_refused_with_the_number(pair, transfer, monkeypatch):
    monkeypatch.setattr(expression, "available_memory", lambda: 1000)
    with pytest.raises(InputError, match=r"needs about [\d.]+ (kB|MB).*1.0 kB are available"):
        transfer(*pair)


def test_suspicious_data_are_used_with_a_warning(pair, transfer):
    reference, query = pair
    query.X[3] = 0
    query.X.eliminate_zeros()
    reference.X.data = np.log1p(reference.X.data)
    reference.obs_names = [*query.obs_names[:2], *reference.obs_names[2:]]
    reference.obs["donor"] = ["alone", *["others"] * 199]
    reference.obs["cell_type"] = reference.obs["cell_type"].cat.rename_categories(
        {"Sst": "Sst, long name", "Oligo": " Oligo "}
    )
    rare = reference.obs["cell_type"] == "Astro"
    few = reference[~rare | (rare.cumsum() <= 4)].copy()
    few.obs_names = [*few.obs_names[:-1], few.obs_names[-2]]
    result = transfer(few, query, batch_key="donor")
    said = "\n".join(result.warnings)
    assert "2 of 120 query cells have a barcode of reference 'reference'" in said
    assert "query: 1 cells have none of the shared genes; they get confidence 0" in said
    assert "raw counts on one side and logarithms on the other?" in said
    assert "'Astro' (4)" in said
    assert "batch 'alone' has one cell" in said
    assert "obs_names occur more than once" in said
    assert result.confidence[3] == 0
    assert np.isfinite(result.embedding).all()
    assert {"Sst, long name", " Oligo "} <= set(result.categories)


def test_warnings_reach_those_who_do_not_look_for_them(pair):
    from priorlift.cells import transfer_labels
    from priorlift.transfer import JointLabelTransferClassifier

    reference, _ = pair
    with pytest.warns(UserWarning, match="are the same object"):
        transfer_labels(
            reference,
            reference,
            label_key="cell_type",
            estimator=JointLabelTransferClassifier(epochs=(1, 1), min_steps=1),
        )


def test_divergence_is_an_error_and_leaves_the_query_alone(pair, transfer):
    from priorlift.transfer import JointLabelTransferClassifier

    reference, query = pair
    wild = JointLabelTransferClassifier(epochs=(2, 2), learning_rate=1e9, max_grad_norm=1e9)
    with pytest.raises(InputError, match=r"diverge"):
        transfer(reference, query, estimator=wild)
    assert list(query.obs) == ["truth"]
    assert not query.obsm
