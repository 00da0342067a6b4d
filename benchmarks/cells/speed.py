"""CPU seconds against the original procedure in our transcription, at equal epochs, in one run.

One thread a side, imports before the clock, both on the same rows. The other side is a
transcription of what is described of the original, `benchmarks/cells/original.py`.
"""

import os
import time

import numpy as np
from benchmarks.cells import data, original
from benchmarks.cells.transfer import fitted

NOTES = (
    "Theirs: the original procedure in our transcription; its accuracy stands beside ours, and is "
    "93.5 to 94.0 % on ADT where the original itself was run.",
    "Published mode is the same method; the default has more steps and more models.",
)


def run(full):
    """Return the rows: three runs a side in full, one with fewer epochs otherwise."""
    import torch

    torch.set_num_threads(1)
    folder = os.environ["PRIORLIFT_DATA"]
    half = None if full else (100, 0)
    seed = 0 if full else 100
    tasks = {
        "ADT": (data.adt(folder, half=half), (20, 20)),
        "SNARE-14": (data.snare(folder, seed), (10, 10)),
    }
    repeats = 3 if full else 1
    rows = []
    for name, (task, epochs) in tasks.items():
        epochs = epochs if full else (5, 5)
        ways = ("theirs", "published", "default")
        found = {way: [] for way in ways}
        for repeat in range(repeats):
            for way in ways if repeat % 2 == 0 else ways[::-1]:
                found[way].append(_timed(way, task, epochs, repeat))
        rows.append({"task": name, "epochs": list(epochs), **_medians(found)})
    return {"rows": rows, "notes": list(NOTES)}


def _timed(way, task, epochs, seed):
    started = time.process_time()
    if way == "theirs":
        source = next(iter(task.pool))
        n_binary = task.X.shape[1] - len(task.settings.get("passthrough", ()))
        labels = original.label(
            source.X, source.y, task.X, n_binary=n_binary, epochs=epochs, seed=seed
        )
    else:
        labels = fitted(task, seed, way, epochs=epochs).transduction_
    return time.process_time() - started, float((labels == task.truth).mean())


def _medians(found):
    return {
        way: {
            "cpu_seconds": float(np.median([seconds for seconds, _ in values])),
            "cpu_seconds_each": [seconds for seconds, _ in values],
            "accuracy": float(np.mean([accuracy for _, accuracy in values])),
        }
        for way, values in found.items()
    }


def table(results):
    """Return the rows as a Markdown table."""
    lines = [
        "| task | epochs | theirs, CPU s (accuracy) | published, CPU s (accuracy) | "
        "default, CPU s (accuracy) | ratio, published | ratio, default |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for row in results["rows"]:
        parts = [row[way] for way in ("theirs", "published", "default")]
        cells = [f"{p['cpu_seconds']:.1f} ({100 * p['accuracy']:.1f} %)" for p in parts]
        ratios = [f"{parts[0]['cpu_seconds'] / p['cpu_seconds']:.1f}" for p in parts[1:]]
        epochs = " + ".join(map(str, row["epochs"]))
        lines.append("| " + " | ".join([row["task"], epochs, *cells, *ratios]) + " |")
    return "\n".join([*lines, "", *(f"- {note}" for note in results["notes"])])
