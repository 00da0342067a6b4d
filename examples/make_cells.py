"""Make a small pair of AnnData files: annotated RNA, and gene activity of other cells.

    python examples/make_cells.py cells/

writes `cells/rna.h5ad` (600 cells of two donors, five types in `cell_type`) and `cells/atac.h5ad`
(400 cells of the same types, and their true types in `truth`, for scoring alone). Chromatin is
sparser than RNA, has levels of its own for each gene, and shows differences between types weaker.
"""

import argparse
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import scipy.sparse as sp

TYPES = ("Astro", "L2/3", "Oligo", "Pvalb", "Sst")
SHARES = (0.15, 0.4, 0.2, 0.15, 0.1)
N_GENES = 400


def make_pair(
    n_reference: int = 600, n_query: int = 400, seed: int = 0
) -> tuple[anndata.AnnData, anndata.AnnData]:
    """Return annotated RNA and unannotated gene activity.

    Parameters
    ----------
    n_reference, n_query : int
        Numbers of cells.
    seed : int
        Equal seeds give equal cells.
    """
    random = np.random.default_rng(seed)
    level = random.lognormal(-2.0, 1.0, size=N_GENES)
    change = random.normal(size=(len(TYPES), N_GENES)) * (random.random(N_GENES) < 0.4)
    genes = [f"Gene{i + 1}" for i in range(N_GENES)]

    kind = random.choice(len(TYPES), size=n_reference, p=SHARES)
    depth = random.lognormal(0.0, 0.3, size=(n_reference, 1))
    counts = random.poisson(depth * level * np.exp(change[kind]))
    reference = _cells(counts, genes, [f"rna-{i}" for i in range(n_reference)])
    reference.obs["cell_type"] = pd.Categorical(np.array(TYPES)[kind], categories=TYPES)
    reference.obs["donor"] = np.where(random.random(n_reference) < 0.5, "D1", "D2")

    kind = random.choice(len(TYPES), size=n_query, p=SHARES)
    depth = random.lognormal(0.0, 0.4, size=(n_query, 1))
    other = level * random.lognormal(-0.5, 0.4, size=N_GENES)
    counts = random.poisson(depth * other * np.exp(0.7 * change[kind]))
    kept = random.permutation(N_GENES)[: N_GENES - 20]
    query = _cells(counts[:, kept], [genes[i] for i in kept], [f"atac-{i}" for i in range(n_query)])
    query.obs["truth"] = pd.Categorical(np.array(TYPES)[kind], categories=TYPES)
    return reference, query


def _cells(counts: np.ndarray, genes: list[str], names: list[str]) -> anndata.AnnData:
    return anndata.AnnData(
        sp.csr_matrix(counts.astype(np.float32)),
        obs=pd.DataFrame(index=names),
        var=pd.DataFrame(index=genes),
    )


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, data in zip(("rna", "atac"), make_pair(seed=options.seed), strict=True):
        data.write_h5ad(options.folder / f"{name}.h5ad")
        print(options.folder / f"{name}.h5ad", data.shape)


if __name__ == "__main__":
    main()
