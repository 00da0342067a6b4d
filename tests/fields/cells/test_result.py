"""What a transfer returns can be read, drawn, saved, and used without the reference."""

import sys
import zipfile

import numpy as np
import pytest

from priorlift.cells import load
from priorlift.core.errors import InputError
from priorlift.fields.cells.pictures import plane
from priorlift.plots.svg import to_svg


def test_a_saved_transfer_labels_without_the_reference(compared, tmp_path):
    _, query, result = compared
    path = result.save(tmp_path / "mouse.cells")
    again = load(path)
    assert again.query is None
    assert again.to_frame().equals(result.to_frame())
    assert np.array_equal(again.embedding, result.embedding)
    assert again.plan == result.plan
    further = again.label_cells(query[:50])
    assert list(further["label"]) == list(result.labels[:50])
    assert list(result.label_cells(query[:50])["label"]) == list(further["label"])
    names = zipfile.ZipFile(path).namelist()
    assert sorted(names) == ["cells.json", "cells.npz", "model.priorlift"]
    with pytest.raises(InputError, match="lacks 379 of the 380 genes"):
        again.label_cells(query[:, :1])


def test_what_is_no_saved_transfer_is_refused(compared, tmp_path):
    _, _, result = compared
    with pytest.raises(InputError, match="there is no such file"):
        load(tmp_path / "none")
    (tmp_path / "text").write_text("no archive")
    with pytest.raises(InputError, match="is no saved transfer, or is damaged"):
        load(tmp_path / "text")
    path = result.save(tmp_path / "cut")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="is no saved transfer, or is damaged"):
        load(path)
    with pytest.raises(InputError, match="cannot be written"):
        result.save(tmp_path / "no folder" / "x")


def test_the_summary_says_types_and_genes(compared):
    _, _, result = compared
    said = result.summary()
    assert said.startswith("400 query cells, 5 of 5 types; median confidence")
    assert "380 of 400 reference genes found in the query" in said
    assert sum(int(line.split(": ")[1]) for line in said.splitlines() if line[:2] == "  ") == 400
    assert repr(result) == "CellTransfer(400 cells, 5 types of 'cell_type', 380 genes)"


def test_the_comparison_scores_each_way_on_the_same_cells(compared):
    _, query, result = compared
    frame = result.comparison_frame().set_index("way")
    truth = query.obs["truth"].astype(str).to_numpy()
    assert frame.loc["this transfer", "accuracy"] == (result.labels == truth).mean()
    assert frame.loc["majority type", "accuracy"] == (truth == "L2/3").mean()
    assert (frame.loc[["logistic regression", "CCA + neighbours"], "accuracy"] > 0.8).all()
    assert frame.loc["first stage's head", "accuracy"] > 0.6
    assert result.accuracy("truth")[0] == frame.loc["this transfer", "accuracy"]


def test_the_embedding_is_drawn_and_the_title_says_how(compared, monkeypatch):
    _, _, result = compared
    monkeypatch.setitem(sys.modules, "umap", None)
    figure = result.plot_embedding()
    assert figure._suptitle.get_text() == (
        "400 query cells and 600 reference cells, first two principal components of the embedding"
    )
    drawing = to_svg(figure, "embedding", "both")
    assert len(drawing) < 1_000_000
    for name in result.categories:
        assert f">{name}<" in drawing


def test_principal_components_are_those_of_the_singular_value_decomposition(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    rows = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    points, _ = plane(rows, 0)
    u, s, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    assert np.allclose(np.abs(points), np.abs(u[:, :2] * s[:2]), atol=1e-4)


def test_confusion_shows_the_share_of_each_type(compared):
    _, query, result = compared
    figure = result.plot_confusion("truth")
    assert f"{result.accuracy('truth')[0]:.1%} of 400 right" in to_svg(figure, "c", "d")
    some = query.obs["truth"].astype(object).where(np.arange(400) < 10)
    assert "of 10 right" in to_svg(result.plot_confusion(some), "c", "d")
    with pytest.raises(InputError, match="no column 'other' of true types"):
        result.plot_confusion("other")
    with pytest.raises(InputError, match="1 true types for 400 query cells"):
        result.accuracy(["L2/3"])


def test_scanpy_goes_on_from_the_embedding(pair, transfer):
    import scanpy  # imported here: it takes seconds

    reference, query = pair
    transfer(reference, query)
    scanpy.pp.neighbors(query, use_rep="X_priorlift")
    scanpy.tl.umap(query)
    assert query.obsm["X_umap"].shape == (120, 2)
    assert query.obsp["connectivities"].nnz
