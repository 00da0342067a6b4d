"""Proteins are matched by name, and cells of a modality by theirs."""

import types

import anndata
import numpy as np
import pandas as pd
import pytest

from priorlift.core.errors import InputError


def with_proteins(pair):
    """Return both sides as MuData would have them, and put the same values into `.obsm`."""
    draws, found = np.random.default_rng(0), []
    for data, key in zip(pair, ("cell_type", "truth"), strict=True):
        codes = data.obs[key].cat.codes.to_numpy()[:, None]
        values = np.abs(draws.normal(codes + 1, 0.1, (data.n_obs, 2))).astype(np.float32)
        names = pd.DataFrame(values, columns=["CD3", "CD4"], index=data.obs_names)
        data.obsm["adt"] = names
        proteins = anndata.AnnData(values.copy())
        proteins.obs_names, proteins.var_names = data.obs_names, names.columns
        found.append(types.SimpleNamespace(mod={"rna": data, "prot": proteins}))
    return found


def test_a_modality_is_what_an_obsm_is(pair, transfer):
    reference, query = with_proteins(pair)
    expected = transfer(*pair, proteins="adt")
    mixed = query.mod["prot"][::-1].copy()
    query = types.SimpleNamespace(mod={"rna": query.mod["rna"], "prot": mixed})
    result = transfer({"blood": reference}, query, proteins="prot")
    assert result.proteins == ("CD3", "CD4")
    np.testing.assert_array_equal(result.proba, expected.proba)


def test_a_modality_that_does_not_fit_is_refused(pair, transfer):
    reference, query = with_proteins(pair)
    with pytest.raises(InputError, match=r"has no .obsm\['gut'\].*one of its .obsm: 'adt'\."):
        transfer(*pair, proteins="gut")
    with pytest.raises(InputError, match=r"one of its .obsm: 'adt', or one of .*: 'rna', 'prot'"):
        transfer(reference, query, proteins="gut")
    fewer = types.SimpleNamespace(mod=query.mod | {"prot": query.mod["prot"][:50]})
    with pytest.raises(InputError, match=r"modality 'prot': has not the same cells"):
        transfer(reference, fewer, proteins="prot")
    other = query.mod["prot"].copy()
    other.var_names = ["CD8", "CD19"]
    renamed = types.SimpleNamespace(mod=query.mod | {"prot": other})
    with pytest.raises(InputError, match=r"share no protein of 'prot'"):
        transfer(reference, renamed, proteins="prot")
