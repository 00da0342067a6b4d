"""`priorlift cells transfer` writes a labelled query and never touches what is there."""

import json
import runpy
from pathlib import Path

import pytest

anndata = pytest.importorskip("anndata", reason="the cells extra is not installed")

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "make_cells.py"


@pytest.fixture(autouse=True)
def one_member(monkeypatch):
    """Small data have five members by default; the command does no more with them than with one."""
    monkeypatch.setattr("priorlift.transfer.joint.settings.MEMBERS_OF_FEW", 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    for name, data in zip(
        ("rna", "atac"), runpy.run_path(str(EXAMPLE))["make_pair"](120, 60), strict=True
    ):
        data.write_h5ad(folder / f"{name}.h5ad")
    return folder


def test_the_labelled_query_is_a_new_file(folder, cli, tmp_path):
    given = [folder / "rna.h5ad", folder / "atac.h5ad"]
    before = [path.read_bytes() for path in given]
    arguments = ("cells", "transfer", *given, "--label", "cell_type")
    out = tmp_path / "labelled.h5ad"
    ended = cli(*arguments, "--batch", "donor", "--unknown", "--compare", "--out", out, "--json")
    assert ended.code == 0, ended.err
    document = json.loads(ended.out)
    assert document["cells"] == sum(document["types"].values()) == 60
    assert "380 of 400 reference genes found in the query" in document["notes"]
    labelled = anndata.read_h5ad(out)
    right = labelled.obs["cell_type_pred"].astype(str) == labelled.obs["truth"].astype(str)
    assert right.mean() > 0.6
    expression = anndata.read_h5ad(given[1]).X
    assert (expression != labelled.X).nnz == 0
    assert labelled.obsm["X_priorlift"].shape == (60, 64)
    assert [path.read_bytes() for path in given] == before
    kept = out.read_bytes()
    again = cli(*arguments, "--out", out)
    assert again.code == 2
    assert "is there already" in again.err
    assert out.read_bytes() == kept
    assert [path.name for path in tmp_path.iterdir()] == ["labelled.h5ad"]


def test_zarr_stores_do_as_well_and_a_long_transfer_is_announced(
    folder, cli, tmp_path, monkeypatch
):
    for name in ("rna", "atac"):
        anndata.read_h5ad(folder / f"{name}.h5ad").write_zarr(tmp_path / f"{name}.zarr")
    monkeypatch.setattr("priorlift.fields.cells.estimating.LONG", 0.0)
    given = [tmp_path / "rna.zarr", tmp_path / "atac.zarr"]
    ended = cli("cells", "transfer", *given, "--label", "cell_type", "--out", tmp_path / "x.h5ad")
    assert ended.code == 0, ended.err
    assert "this transfer of 120 cells to 60 will take about 1 minutes" in ended.out + ended.err
    assert anndata.read_h5ad(tmp_path / "x.h5ad").obsm["X_priorlift"].shape == (60, 64)


def test_peaks_of_the_query_may_come_along(folder, cli, tmp_path):
    given = [folder / "rna.h5ad", folder / "atac.h5ad"]
    peaks = anndata.read_h5ad(given[1])
    peaks.var_names = [f"chr1_{i}_{i + 1}" for i in range(peaks.n_vars)]
    peaks.write_h5ad(tmp_path / "peaks.h5ad")
    arguments = ("--label", "cell_type", "--peaks", tmp_path / "peaks.h5ad")
    ended = cli("cells", "transfer", *given, *arguments, "--out", tmp_path / "x.h5ad", "--json")
    assert ended.code == 0, ended.err
    assert "380 peaks of the query refine the labels" in json.loads(ended.out)["notes"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--label is not given"),
        (["--label", "cell_type", "--peaks", "atac"], "query: has no .obsm['atac']"),
        (["--label", "celltype"], "did you mean 'cell_type'"),
        (["--label", "cell_type", "--layer", "raw"], "unknown layer 'raw'"),
        (["--label", "cell_type", "--mode", "best"], "mode is 'best'"),
        (["--label", "cell_type", "--out", "x.csv"], "--out: 'x.csv' is no .h5ad file"),
        (["--label", "cell_type", "--out", "none/x.h5ad"], "there is no such folder"),
        (["--label", "cell_type", "--out", "rna.h5ad"], "rna.h5ad: is an input"),
    ],
)
def test_bad_input_ends_with_code_two_and_leaves_the_folder_alone(
    folder, cli, monkeypatch, arguments, said
):
    monkeypatch.chdir(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    ended = cli("cells", "transfer", "rna.h5ad", "atac.h5ad", *arguments)
    assert ended.code == 2
    assert said in " ".join(ended.err.split())
    assert "Traceback" not in ended.err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_tables_name_types_and_simpler_ways(folder, capsys):
    from priorlift.cells import transfer_labels
    from priorlift.cli import cells
    from priorlift.transfer import JointLabelTransferClassifier

    reference, query = (anndata.read_h5ad(folder / f"{name}.h5ad") for name in ("rna", "atac"))
    quick = JointLabelTransferClassifier(epochs=(1, 1), min_steps=2)
    with pytest.warns(UserWarning, match="will hardly be found"):
        result = transfer_labels(
            reference, query, label_key="cell_type", compare=True, estimator=quick
        )
    cells._show(result)
    said = capsys.readouterr()
    assert "CCA + neighbours" in said.out
    assert "warning: types with fewer than 15 reference cells" in said.out
    assert "380 of 400 reference genes found in the query" in said.err
