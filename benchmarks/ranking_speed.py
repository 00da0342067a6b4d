"""What scores cost: LogME and the H-score against public code, further scores, all ordered pairs.

float32 features of n = 10,000 rows and d = 768 columns in 20 classes; `--full` adds n = 50,000 and
d = 1,024 in 100 classes, and all of it again with two threads. The other sides are the package
transformer-ranker, if it can be imported (the README of this folder says how), and the published
algorithms written down straight. All get the same rows; tensors are made, and values compared,
outside of the clock. A ratio is of CPU seconds, those of the others by ours.
"""

import functools
import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
import types

import harness  # isort: skip  (before NumPy: it fixes the threads)

import numpy as np
from scipy import special

from priorlift.ranking.scores import knn, leep, logme, nce, shrinkage_h_score
from priorlift.ranking.statistics import TaskStatistics

SIZES = {"small": (10_000, 768, 20), "large": (50_000, 1_024, 100)}
REPEATS = {"quick": {"small": 3}, "full": {"small": 7, "large": 2}}
N_TASKS = 26
NEIGHBOURS = 3
KNN = ("kNN",)
PART = "PRIORLIFT_BENCH_PART"


def main():
    size = harness.preset(__doc__.splitlines()[0])
    part = measure(size)
    if PART in os.environ:
        print(json.dumps(part))
        return
    result = {"one_thread": part}
    if size == "full":
        result["two_threads"] = with_threads(2, size)
    harness.publish("ranking_speed", size, result)
    for threads, found in result.items():
        for name, numbers in found.items():
            report(f"{threads}, {name}", numbers)


def with_threads(threads, size):
    surroundings = {**os.environ, "PRIORLIFT_BENCH_THREADS": str(threads), PART: "1"}
    command = [sys.executable, __file__, f"--{size}"]
    done = subprocess.run(command, env=surroundings, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout.splitlines()[-1])


def measure(size):
    found = {name: compare_firsts(name, repeats) for name, repeats in REPEATS[size].items()}
    known = {"pairs": all_pairs(size), "label scores": label_scores()}
    return {**found, **known, "neighbours": neighbours()}


def compare_firsts(name, repeats):
    X, y = data(*SIZES[name])
    check_values(X, y)
    sides = {
        "pass": lambda: TaskStatistics.of(X, y),
        "LogME, ours": lambda: logme(X, y),
        "shrinkage H, ours": lambda: shrinkage_h_score(X, y),
        "LogME, published form": lambda: published_logme(X, y),
        "shrinkage H, published form": lambda: published_shrinkage_h(X, y),
        **transformer_ranker_sides(X, y),
    }
    timed = harness.compare(sides, repeats)
    cpu = {side: numbers["cpu_seconds_each"] for side, numbers in timed.items()}
    ratios = {}
    for score in ("LogME", "shrinkage H"):
        others = [s for s in cpu if s.startswith(score) and not s.endswith("ours")]
        for other in others:
            pairs = zip(cpu[other], cpu[f"{score}, ours"], strict=True)
            ratios[other] = statistics.median(slow / fast for slow, fast in pairs)
        ratios[f"{score}, best of the others"] = min(ratios[other] for other in others)
    return {"sides": timed, "ratios": ratios, "further": further(X, y, repeats)}


def further(X, y, repeats):
    """CPU seconds of what follows the pass, and their shares of it."""
    other = np.random.default_rng(1).permutation(y)
    seconds = {}
    for _ in range(repeats):
        time_once(Clock(seconds), X, y, other)
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    shares = {name: value / medians["pass"] for name, value in medians.items() if name != "pass"}
    return {"cpu_seconds": medians, "shares_of_the_pass": shares}


def time_once(clock, X, y, other):
    found = clock.time("pass", lambda: TaskStatistics.of(X, y))
    clock.time("shrinkage H after the pass", lambda: shrinkage_h_score(found))
    clock.time("LogME after the pass, with the eigenbasis", lambda: logme(found))
    clock.time("shrinkage H after LogME", lambda: shrinkage_h_score(found))
    clock.time("further label set, LogME", lambda: logme(found.with_labels(X, other)))


class Clock:
    """Collects CPU seconds by name."""

    def __init__(self, seconds):
        self.seconds = seconds

    def time(self, name, function):
        started = time.process_time()
        found = function()
        self.seconds.setdefault(name, []).append(time.process_time() - started)
        return found


def all_pairs(size):
    """26 label sets over the same rows: one pass, and LogME and H of each through each other's map.

    The map of a source is the span of its class means, 7 or fewer directions; a public score of
    source-tuned features would visit all rows for each pair.
    """
    X, _ = data(*SIZES["small"])
    draws = np.random.default_rng(2)
    planes = draws.standard_normal((X.shape[1], N_TASKS))
    scores = X @ planes.astype(np.float32)
    labels = [np.digitize(s, np.quantile(s, np.linspace(0, 1, 3 + i % 5)[1:-1]))
              for i, s in enumerate(scores.T)]  # fmt: skip
    seconds = {}
    clock = Clock(seconds)
    for _ in range(3):
        tasks = clock.time("pass", lambda: TaskStatistics.of_many(X, labels))
        clock.time("pairs", lambda tasks=tasks: score_pairs(tasks))
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    more = engine(X, labels) if size == "full" else {}
    return {"cpu_seconds": {**medians, "all": sum(medians.values())}, **more}


def score_pairs(tasks):
    found = []
    for source in tasks:
        directions = np.linalg.qr(source.products[:, 1:])[0]
        for target in TaskStatistics.project_many(tasks, directions):
            found.append((logme(target), shrinkage_h_score(target)))
    return found


def engine(X, labels):
    """The whole of `rank_tasks`, where this version has it."""
    try:
        from priorlift.pool import Source
        from priorlift.ranking.tasks import rank_tasks
    except ImportError:
        return {}
    tasks = [Source(f"t{i}", X, y, task="classification") for i, y in enumerate(labels)]
    seconds = {}
    Clock(seconds).time("rank_tasks", lambda: rank_tasks(tasks, random_state=0))
    return {"rank_tasks_cpu_seconds": seconds["rank_tasks"][0]}


def neighbours():
    """Leave-one-out accuracy of three neighbours, of all rows of the small size."""
    X, y = data(*SIZES["small"])
    sides = {"kNN, ours": lambda: knn(X, y, n_neighbors=NEIGHBOURS, max_rows=len(X))}
    other = transformer_ranker_sides(X, y, KNN)
    if not other:
        return {}
    sides |= other
    values = [side() for side in sides.values()]
    # They differ where votes are tied: there the other side takes the first class.
    if abs(values[0] - values[1]) > 0.01:
        raise SystemExit(f"kNN differs: {values}")
    timed = harness.compare(sides, 3)
    ours, theirs = (timed[side]["cpu_seconds"] for side in sides)
    return {"sides": timed, "ratios": {"kNN, transformer-ranker": theirs / ours}}


def label_scores():
    """LEEP and NCE against their sums written class by class, 1,000 source classes."""
    draws = np.random.default_rng(3)
    y = draws.integers(0, 20, 10_000)
    P = special.softmax(draws.standard_normal((10_000, 1_000)).astype(np.float32), axis=1)
    z = P.argmax(axis=1)
    if abs(leep(P, y) - published_leep(P, y)) > 1e-6 or abs(nce(z, y) - published_nce(z, y)) > 1e-9:
        raise SystemExit("the two sides of LEEP or NCE differ")
    timed = harness.compare(
        {
            "LEEP, ours": lambda: leep(P, y),
            "LEEP, published form": lambda: published_leep(P, y),
            "NCE, ours": lambda: nce(z, y),
            "NCE, published form": lambda: published_nce(z, y),
        },
        5,
    )
    ratios = {
        name: timed[f"{name}, published form"]["cpu_seconds"]
        / timed[f"{name}, ours"]["cpu_seconds"]
        for name in ("LEEP", "NCE")
    }
    return {"sides": timed, "ratios": ratios}


def transformer_ranker_sides(X, y, wanted=("LogME", "shrinkage H")):
    estimators = transformer_ranker()
    if estimators is None:
        print("transformer-ranker is not here; see benchmarks/README.md", file=sys.stderr)
        return {}
    import torch

    torch.set_num_threads(harness.THREADS)
    rows, labels = torch.from_numpy(X), torch.from_numpy(y)
    sides = {
        "LogME": lambda: estimators["logme"].LogME().fit(rows, labels),
        "shrinkage H": lambda: estimators["hscore"].HScore().fit(rows, labels),
        "kNN": lambda: (
            estimators["nearestneighbors"].NearestNeighbors(k=NEIGHBOURS).fit(rows, labels)
        ),
    }
    return {f"{name}, transformer-ranker": sides[name] for name in wanted}


@functools.cache
def transformer_ranker():
    """Its estimators, without what the package imports for running language models."""
    try:
        spec = importlib.util.find_spec("transformer_ranker")
        if spec is None or importlib.util.find_spec("torch") is None:
            return None
    except ImportError:
        return None
    root = spec.submodule_search_locations[0]
    for name, folder in ((spec.name, root), (f"{spec.name}.estimators", f"{root}/estimators")):
        module = sys.modules[name] = types.ModuleType(name)
        module.__path__ = [folder]
    # It needs torchmetrics for one number, the micro-averaged F1 of classes: the accuracy.
    metrics = sys.modules["torchmetrics"] = types.ModuleType("torchmetrics")
    metrics.functional = sys.modules["torchmetrics.functional"] = types.ModuleType("functional")
    metrics.functional.f1_score = lambda found, y, **_: (found == y).float().mean()
    names = ("logme", "hscore", "nearestneighbors")
    return {n: importlib.import_module(f"{spec.name}.estimators.{n}") for n in names}


def check_values(X, y):
    """Both sides mean the same: the evidence up to the others' stopping rule, H up to n/(n-1)."""
    ours, others = logme(X, y, centre=False), [published_logme(X, y)]
    shrunken, shrunken_others = shrinkage_h_score(X, y), [published_shrinkage_h(X, y)]
    sides = transformer_ranker_sides(X, y)
    if sides:
        others.append(sides["LogME, transformer-ranker"]())
        shrunken_others.append(sides["shrinkage H, transformer-ranker"]())
    if max(abs(other - ours) for other in others) > 1e-3:
        raise SystemExit(f"LogME differs: {ours} and {others}")
    if max(abs(other / shrunken - 1.0) for other in shrunken_others) > 2e-4:
        raise SystemExit(f"shrinkage H differs: {shrunken} and {shrunken_others}")


def published_logme(X, y):
    """LogME as its ICML paper has it: eigenvectors of the Gram matrix, MacKay's fixed point."""
    rows = X.astype(np.float64)
    n, d = rows.shape
    vectors, values, _ = np.linalg.svd(rows.T @ rows)
    evidences = []
    for label in np.unique(y):
        column = (y == label).astype(np.float64)
        projected = vectors.T @ (rows.T @ column)
        alpha = beta = 1.0
        for _ in range(11):
            ratio = alpha / beta
            weights = vectors @ (projected * beta / (alpha + beta * values))
            gamma = (values / (values + ratio)).sum()
            squared_weights = weights @ weights
            squared_errors = np.square(column - rows @ weights).sum()
            alpha, beta = gamma / squared_weights, (n - gamma) / squared_errors
            if abs(alpha / beta - ratio) / ratio < 0.01:
                break
        evidence = d * np.log(alpha) + n * np.log(beta) - np.log(alpha + beta * values).sum()
        evidence -= beta * squared_errors + alpha * squared_weights + n * np.log(2 * np.pi)
        evidences.append(evidence / (2 * n))
    return float(np.mean(evidences))


def published_shrinkage_h(X, y):
    """Shrinkage H with the covariances formed and the larger one inverted."""
    rows = X.astype(np.float64)
    rows -= rows.mean(axis=0)
    n, d = rows.shape
    covariance = rows.T @ rows / n
    level = np.trace(covariance) / d
    spread = (np.square(covariance).sum() - d * level**2) / d
    fourth = np.square(np.square(rows).sum(axis=1)).sum()
    noise = (fourth / n - np.square(covariance).sum()) / (n * d)
    shrinkage = min(noise, spread) / spread
    means = np.stack([rows[y == c].mean(axis=0) * np.sqrt(np.mean(y == c)) for c in np.unique(y)])
    shrunken = (1 - shrinkage) * covariance + shrinkage * level * np.eye(d)
    return float((1 - shrinkage) * np.trace(np.linalg.pinv(shrunken) @ (means.T @ means)))


def published_leep(P, y):
    joint = np.stack([P[y == c].sum(axis=0, dtype=np.float64) / len(y) for c in np.unique(y)])
    expected = P @ (joint / joint.sum(axis=0)).T
    return float(np.mean(np.log(expected[np.arange(len(y)), y])))


def published_nce(z, y):
    total = 0.0
    for source in np.unique(z):
        counts = np.unique(y[z == source], return_counts=True)[1]
        total += (counts * np.log(counts / counts.sum())).sum()
    return float(total / len(y))


def data(n_rows, n_features, n_classes):
    """Class means, a few strong directions and noise, as an encoder's features have them."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, n_rows)
    means = rng.standard_normal((n_classes, n_features)) * 0.3
    strong = rng.standard_normal((n_rows, 40)) @ rng.standard_normal((40, n_features))
    return (means[y] + 0.5 * strong + rng.standard_normal(means[y].shape)).astype(np.float32), y


def report(title, numbers):
    print(title)
    for name, side in numbers.get("sides", {}).items():
        print(f"  {name}: {side['cpu_seconds']:.3f} CPU s, {side['wall_seconds']:.3f} s")
    for name, share in numbers.get("further", {}).get("shares_of_the_pass", {}).items():
        print(f"  {name}: {share:.0%} of the pass")
    for name, seconds in numbers.get("cpu_seconds", {}).items():
        print(f"  {name}, {N_TASKS} tasks: {seconds:.3f} CPU s")
    if "rank_tasks_cpu_seconds" in numbers:
        print(f"  rank_tasks, {N_TASKS} tasks: {numbers['rank_tasks_cpu_seconds']:.2f} CPU s")
    for name, ratio in numbers.get("ratios", {}).items():
        print(f"  {name} / ours: {ratio:.2f}")


if __name__ == "__main__":
    main()
