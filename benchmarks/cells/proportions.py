"""What settings bring where the query has types in other proportions than the reference.

Development data alone: the half of the ADT query that was developed on, and cortex splits of seeds
that the final tables do not use. Most cells of two types are taken out of the query; and small
tasks of two types have them in reversed proportions.
"""

import os

import numpy as np
import scipy.sparse as sp
from benchmarks.cells import data
from benchmarks.cells.scoring import calibration_error, scores
from benchmarks.cells.transfer import fitted

from priorlift import Source, SourcePool

KEPT = {
    "ADT": {"Naive CD4+ T": 0.1, "Effector CD4+ T": 0.3},
    "SNARE-14": {"L2/3": 0.1, "L4/5": 0.3},
}
"""Shares of cells that stay."""
PAIRS = (("L2/3", "L6"), ("Astro", "L4/5"), ("L2/3", "Oligo"))
"""Types of small tasks of two types, in proportions that are reversed."""
REFERENCE, QUERY = (42, 54), (223, 91)
"""Cells of the first and the second of two types."""
WAYS = {
    "published": ("published", {}),
    "default": ("default", {}),
    "default, composition_weight=0": ("default", {"composition_weight": 0.0}),
    "default, match_levels=False": ("default", {"match_levels": False}),
    "default, neither": ("default", {"composition_weight": 0.0, "match_levels": False}),
}
SEEDS = range(100, 105)


def run(full):
    """Return rows of scores: one seed a task, five in full."""
    folder = os.environ["PRIORLIFT_DATA"]
    rows = []
    for seed in SEEDS if full else SEEDS[:1]:
        for name, query, task in _tasks(folder, seed):
            for way, (mode, settings) in WAYS.items():
                if mode == "published" and "query_only" in task.settings:
                    continue
                row = {"task": name, "query": query, "seed": seed, "way": way}
                rows.append(row | _scored(task, seed, mode, settings))
            print(name, query, seed, flush=True)
    return {"rows": rows}


def table(results):
    """Return mean accuracy, macro-F1 and calibration error of each way as a Markdown table."""
    lines = ["| task | query | setting | accuracy (worst) | macro-F1 | calibration error |"]
    lines.append("|---|---|---|---:|---:|---:|")
    groups = {}
    for row in results["rows"]:
        groups.setdefault((row["task"], row["query"], row["way"]), []).append(row)
    for key, rows in sorted(groups.items(), key=lambda group: _order(*group[0])):
        accuracy, f1, ece = (np.mean([r[k] for r in rows]) for k in ("accuracy", "macro_f1", "ece"))
        worst = min(r["accuracy"] for r in rows)
        shown = f"{100 * accuracy:.1f} ({100 * worst:.1f})"
        lines.append(f"| {' | '.join(key)} | {shown} | {f1:.3f} | {ece:.3f} |")
    seeds = len({row["seed"] for row in results["rows"]})
    lines += [
        "",
        f"- Means over {seeds} seeds; two types: also over three pairs of them.",
        f"- Reversed: {REFERENCE} reference and {QUERY} query cells; the reference has logarithms, "
        "so there is no count model.",
        "- Published mode has no use for peaks and is left out where there are some.",
    ]
    return "\n".join(lines)


def _order(task, query, way):
    return query == "reversed", task, query == "thinned", list(WAYS).index(way)


def _tasks(folder, seed):
    """Return the tasks of a seed: name, what was done to the query, task."""
    adt, snare = data.adt(folder, half=(100, 0)), data.snare(folder, seed, peaks=True)
    found = [("ADT", "whole", adt), ("SNARE-14", "whole", snare)]
    for name, _, task in list(found):
        found.append((name, "thinned", _thinned(task, KEPT[name], seed)))
    genes = data.snare(folder, seed)
    found += [("two types", "reversed", _reversed(genes, pair, seed)) for pair in PAIRS]
    return found


def _thinned(task, kept, seed):
    draws = np.random.default_rng(seed)
    stays = np.ones(len(task.truth), dtype=bool)
    for kind, share in kept.items():
        rows = draws.permutation(np.flatnonzero(task.truth == kind))
        stays[rows[round(share * len(rows)) :]] = False
    rows = np.flatnonzero(stays)
    return task._replace(X=task.X[rows], truth=task.truth[rows])


def _reversed(task, pair, seed):
    """Return a few cells of two types, the reference as logarithms."""
    draws = np.random.default_rng(seed)
    source = next(iter(task.pool))
    known = _drawn(source.y, pair, REFERENCE, draws)
    rows = _drawn(task.truth, pair, QUERY, draws)
    X = sp.csr_matrix(source.X[known], dtype=float)
    X = sp.csr_matrix(sp.diags(1e3 / np.asarray(X.sum(axis=1)).ravel()) @ X)
    X.data = np.log2(1 + X.data)
    reference = Source("rna", X, source.y[known], task="classification")
    return data.Task(task.X[rows], task.truth[rows], SourcePool([reference]), {})


def _drawn(labels, pair, sizes, draws):
    parts = [
        draws.permutation(np.flatnonzero(labels == kind))[:size]
        for kind, size in zip(pair, sizes, strict=True)
    ]
    return np.concatenate(parts)


def _scored(task, seed, mode, settings):
    model = fitted(task, seed, mode, **settings)
    accuracy, f1, _ = scores(task.truth, model.transduction_)
    right = model.transduction_ == task.truth
    ece = calibration_error(right, model.transduction_confidence_)
    return {"accuracy": float(accuracy), "macro_f1": float(f1), "ece": ece}
