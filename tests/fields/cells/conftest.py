"""A small pair of data sets, as the example makes it, and a transfer that is quick."""

import runpy
import warnings
from pathlib import Path

import pytest

pytest.importorskip("anndata", reason="the cells extra is not installed")

from priorlift.cells import transfer_labels
from priorlift.transfer import JointLabelTransferClassifier

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
make_pair = runpy.run_path(str(EXAMPLES / "make_cells.py"))["make_pair"]


def quick(**settings):
    settings = {"epochs": (2, 2), "n_members": 1, **settings}
    return JointLabelTransferClassifier(**settings)


@pytest.fixture
def pair():
    return make_pair(200, 120)


@pytest.fixture
def transfer():
    """Transfer with few epochs, warnings kept in the result alone."""

    def call(reference, query, **options):
        options = {"label_key": "cell_type", "estimator": quick(), "random_state": 0, **options}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return transfer_labels(reference, query, **options)

    return call


@pytest.fixture(scope="session")
def compared():
    """Both data sets and a transfer with its comparison, made once; do not change them."""
    reference, query = make_pair()
    query.obs["cell_type"] = query.obs["truth"]
    result = transfer_labels(
        reference,
        query,
        label_key="cell_type",
        batch_key="donor",
        compare=True,
        estimator=quick(),
        random_state=0,
    )
    return reference, query, result
