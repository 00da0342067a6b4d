"""Time and memory of the door on files with two threads, from ten thousand cells to a million.

Synthetic counts with real-like sparsity: 15,000 genes, 8 % of the values above 0, propensities of
genes log-normal (sigma 1.5), twenty types that differ in a tenth of the genes. Each case runs in a
process of its own, with two threads, from `.h5ad` files that it leaves on the disk; memory is the
most that the process had resident.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

GENES, DENSITY, TYPES = 15_000, 0.08, 20
BLOCK = 500

CHILD = """
import json, resource, sys, time, warnings
import anndata, numpy as np
from priorlift.cells import transfer_labels
from priorlift.transfer import JointLabelTransferClassifier
folder, mode, epochs = sys.argv[1], sys.argv[2], int(sys.argv[3])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
wall, cpu = time.perf_counter(), time.process_time()
model = JointLabelTransferClassifier(mode, epochs=(epochs, epochs), random_state=0)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    result = transfer_labels(
        folder + "/reference.h5ad", folder + "/query.h5ad", label_key="cell_type",
        estimator=model, n_jobs=2,
    )
truth = np.load(folder + "/truth.npy").astype(str)
print(json.dumps({
    "wall_seconds": time.perf_counter() - wall,
    "cpu_seconds": time.process_time() - cpu,
    "imports_mb": before / 1024,
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "accuracy": float((result.labels.astype(str) == truth).mean()),
    "said": [str(w.message) for w in said if "minutes" in str(w.message)],
}))
"""


def run(full):
    """Return a row a case; in full they take an hour, and files of 14 GB for a while."""
    cases = [(5_000, 5_000, "default", 2), (20_000, 5_000, "default", 2)]
    if full:
        cases = [
            (20_000, 20_000, "default", 2),
            (80_000, 80_000, "default", 2),
            (100_000, 100_000, "published", 20),
            (100_000, 100_000, "default", 20),
            (1_000_000, 200_000, "default", 20),
        ]
    return {"rows": [_row(*case) for case in cases]}


def _row(n_reference, n_query, mode, epochs):
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "reference.h5ad", n_reference, 0, shift=0.0)
        truth = write(Path(folder) / "query.h5ad", n_query, 1, shift=0.5)
        np.save(Path(folder) / "truth.npy", truth.astype(str))
        command = [sys.executable, "-c", CHILD, folder, mode, str(epochs)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    row = {"reference": n_reference, "query": n_query, "mode": mode, "epochs": epochs}
    row |= json.loads(done.stdout.splitlines()[-1])
    print(row, flush=True)
    return row


def write(path, n, seed, *, shift):
    """Write cells as an `.h5ad`, a block at a time; return their types.

    `shift` is the spread, in logarithms, of how much another modality moves each gene.
    """
    import anndata
    import h5py
    import pandas as pd

    shape = np.random.default_rng(99)
    level = shape.normal(0.0, 1.5, GENES)
    changes = shape.normal(0.0, 1.0, (TYPES, GENES)) * (shape.random((TYPES, GENES)) < 0.1)
    moved = level + shift * np.random.default_rng(98).normal(size=GENES)
    draws = np.random.default_rng(seed)
    types = draws.integers(TYPES, size=n)
    chance = _chances(np.exp(moved + changes))
    with h5py.File(path, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        X = file.create_group("X")
        X.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0"})
        X.attrs["shape"] = (n, GENES)
        options = {"maxshape": (None,), "chunks": (1 << 18,), "shape": (0,)}
        data = X.create_dataset("data", dtype=np.float32, **options)
        indices = X.create_dataset("indices", dtype=np.int32, **options)
        lengths = []
        for start in range(0, n, BLOCK):
            some = types[start : start + BLOCK]
            rows, columns = np.nonzero(draws.random((len(some), GENES), np.float32) < chance[some])
            lengths.append(np.bincount(rows, minlength=len(some)))
            end = data.shape[0] + len(columns)
            for stored, values in ((data, draws.geometric(0.6, len(columns))), (indices, columns)):
                stored.resize((end,))
                stored[end - len(columns) :] = values
        X.create_dataset("indptr", data=np.concatenate([[0], np.cumsum(np.concatenate(lengths))]))
        names = pd.Index([f"gene {i}" for i in range(GENES)])
        cells = pd.Index([f"{seed} {i}" for i in range(n)])
        kinds = pd.Categorical([f"type {k:02d}" for k in range(TYPES)])
        obs = pd.DataFrame({"cell_type": kinds[types]} if not seed else {}, index=cells)
        anndata.io.write_elem(file, "obs", obs)
        anndata.io.write_elem(file, "var", pd.DataFrame(index=names))
    return np.asarray(kinds)[types]


def _chances(rates):
    """Return chances of a value above 0, of the density that was asked for."""
    low, high = 0.0, 100.0
    for _ in range(60):
        factor = 0.5 * (low + high)
        found = float((1.0 - np.exp(-factor * rates)).mean())
        low, high = (factor, high) if found < DENSITY else (low, factor)
    return (1.0 - np.exp(-factor * rates)).astype(np.float32)


def table(results):
    """Return the rows as a Markdown table."""
    lines = [
        "| reference + query cells | mode | epochs | wall | CPU s | most resident "
        "| of that imports | accuracy |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in results["rows"]:
        lines.append(
            f"| {row['reference']:,} + {row['query']:,} | {row['mode']} | "
            f"{row['epochs']} + {row['epochs']} | {row['wall_seconds'] / 60:.1f} min | "
            f"{row['cpu_seconds']:.0f} | {row['peak_mb']:,.0f} MB | {row['imports_mb']:,.0f} MB | "
            f"{100 * row['accuracy']:.1f} % |"
        )
    said = [f"- Said before it started: {text}" for row in results["rows"] for text in row["said"]]
    return "\n".join([*lines, "", *said])
