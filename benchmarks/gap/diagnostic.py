"""Does the performance gap tell which source hurts? Twelve ordered pairs of Office-Caltech (SURF).

For each pair, three labelled rows a class of the target and all rows of the source, in the 60
principal components of both; a logistic regression with C = 0.01. The gaps are held against the
benefit of pooling, which is measured on the target's other rows: accuracy of the pooled model minus
that of the target's own. Two controls, a copy of the target's rows and other rows of the same
domain, must lie inside their null. Draws are averaged; the null, and the CPU seconds of 200
permutations, are those of the first draw.
"""

import time
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from scipy import io, stats
from sklearn.linear_model import LogisticRegression

from priorlift import Source, SourcePool, performance_gap

DOMAINS = {"A": "amazon", "C": "caltech10", "W": "webcam", "D": "dslr"}
N_COMPONENTS = 60
ROWS_A_CLASS = 3
N_PERMUTATIONS = 200
DRAWS = {"quick": 3, "full": 20}
GOAL = -0.5
GOAL_SECONDS = 40.0


def run(data: Path, mode: str) -> dict[str, Any]:
    """Measure gaps and benefits of all pairs; `data` is the directory of the public sets."""
    domains = read_domains(data)
    pairs = [
        pair(domains, source, target, DRAWS[mode]) for source, target in permutations(DOMAINS, 2)
    ]
    seconds = sum(found["cpu_seconds"] for found in pairs)
    return {
        "draws": DRAWS[mode],
        "permutations": N_PERMUTATIONS,
        "pairs": pairs,
        "spearman": correlations(pairs),
        "sign_is_right": sum((p["target_zero_one"] > 0) == (p["benefit"] < 0) for p in pairs),
        "hurts_is_right": [p["benefit"] < 0 for p in pairs if p["verdict"] == "hurts"],
        "may_hurt_is_right": [
            p["benefit"] < 0 for p in pairs if p["first_draw_gap"] > 0 and p["p_value"] <= 0.05
        ],
        "controls": [control(domains, name, kind) for name in DOMAINS for kind in CONTROLS],
        "cpu_seconds": seconds,
        "goals": {
            "spearman": {"goal": GOAL, "met": correlations(pairs)["target_zero_one"][0] <= GOAL},
            "cpu_seconds": {"goal": GOAL_SECONDS, "met": seconds <= GOAL_SECONDS},
        },
    }


def read_domains(data: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return features (rows as shares, columns standardised by domain) and classes."""
    found = {}
    for short, name in DOMAINS.items():
        table = io.loadmat(data / "gap" / "office_caltech_surf" / f"{name}.mat")
        counts = table["fts"].astype(float)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
        spread = shares.std(axis=0)
        X = (shares - shares.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        found[short] = (X, table["labels"].ravel().astype(int) - 1)
    return found


def components(*parts: np.ndarray) -> list[np.ndarray]:
    """Return parts in their common principal components, of mean spread 1."""
    rows = np.vstack(parts)
    rows = rows - rows.mean(axis=0)
    left, values, _ = np.linalg.svd(rows, full_matrices=False)
    found = left[:, :N_COMPONENTS] * values[:N_COMPONENTS]
    found = found / found.std(axis=0).mean()
    return np.split(found, np.cumsum([len(part) for part in parts])[:-1])


def draw(y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return three training rows a class, and the others."""
    random = np.random.RandomState(seed)
    chosen = [
        random.choice(np.flatnonzero(y == label), ROWS_A_CLASS, replace=False)
        for label in np.unique(y)
    ]
    train = np.sort(np.concatenate(chosen))
    return train, np.setdiff1d(np.arange(len(y)), train)


def model() -> LogisticRegression:
    """Return the estimator of all sides."""
    return LogisticRegression(C=0.01, max_iter=200)


def gaps(X: np.ndarray, y: np.ndarray, source: Source, n_permutations: int, seed: int) -> Any:
    """Return the gaps of one source."""
    return performance_gap(
        model(),
        X,
        y,
        SourcePool([source]),
        task="classification",
        preprocess=None,
        n_permutations=n_permutations,
        random_state=seed,
    ).rows[0]


def pair(domains: dict[str, Any], source: str, target: str, n_draws: int) -> dict[str, Any]:
    """Measure one ordered pair."""
    (S, s), (T, t) = domains[source], domains[target]
    S, T = components(S, T)
    given = Source(source, S, s, task="classification")
    draws = []
    for seed in range(n_draws):
        train, test = draw(t, seed)
        started = time.process_time()
        found = gaps(T[train], t[train], given, N_PERMUTATIONS if seed == 0 else 0, seed)
        if seed == 0:
            first, seconds = found, time.process_time() - started
        alone = model().fit(T[train], t[train]).score(T[test], t[test])
        both = model().fit(np.vstack([S, T[train]]), np.concatenate([s, t[train]]))
        sides = {"target": found.on_target, "source": found.on_source}
        values = {f"{side}_{loss}": g.value for side in sides for loss, g in sides[side].items()}
        draws.append({**values, "benefit": both.score(T[test], t[test]) - alone})
    mean = {name: float(np.mean([one[name] for one in draws])) for name in draws[0]}
    return {
        "pair": f"{source} to {target}",
        **mean,
        "first_draw_gap": first.leading.value,
        "p_value": first.leading.p_value,
        "null": [first.leading.null_low, first.leading.null_high],
        "verdict": first.verdict,
        "cpu_seconds": seconds,
    }


def correlations(pairs: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Return Spearman's correlation of each gap with the benefit of pooling, and its p."""
    benefit = [p["benefit"] for p in pairs]
    columns = {
        name: [p[name] for p in pairs]
        for name in ("target_zero_one", "source_zero_one", "target_log_loss", "source_log_loss")
    }
    for loss in ("zero_one", "log_loss"):
        columns[f"sum_{loss}"] = [p[f"target_{loss}"] + p[f"source_{loss}"] for p in pairs]
    found = {name: stats.spearmanr(values, benefit) for name, values in columns.items()}
    return {name: [float(f.statistic), float(f.pvalue)] for name, f in found.items()}


CONTROLS = ("a copy of the rows", "other rows of the domain")


def control(domains: dict[str, Any], name: str, kind: str) -> dict[str, Any]:
    """Measure the gap where there is none."""
    X, y = domains[name]
    (X,) = components(X)
    train, rest = draw(y, 0)
    rows = train if kind == CONTROLS[0] else rest
    source = Source(kind, X[rows], y[rows], task="classification")
    found = gaps(X[train], y[train], source, N_PERMUTATIONS, 0)
    gap = found.leading
    return {
        "domain": name,
        "control": kind,
        "gap": gap.value,
        "null": [gap.null_low, gap.null_high],
        "p_value": gap.p_value,
        "not_above_null": bool(gap.value <= gap.null_high + 1e-9),
    }


def table(result: dict[str, Any]) -> str:
    """Return the result as text."""
    lines = ["pair    gap T   gap S   benefit  p      verdict    CPU s"]
    lines += [
        f"{p['pair']}  {p['target_zero_one']:+.3f}  {p['source_zero_one']:+.3f}  "
        f"{p['benefit']:+.3f}   {p['p_value']:.3f}  {p['verdict']:9}  {p['cpu_seconds']:.1f}"
        for p in result["pairs"]
    ]
    lines += [
        f"Spearman with the benefit, {name}: {rho:+.2f} (p = {p:.3f})"
        for name, (rho, p) in result["spearman"].items()
    ]
    for name, what in (
        ("hurts_is_right", "verdict 'hurts'"),
        ("may_hurt_is_right", "a gap above 0 with p <= 0.05"),
    ):
        told = result[name]
        lines.append(f"{what}: pooling did hurt in {sum(told)} of {len(told)} pairs")
    lines += [
        f"control {c['domain']}, {c['control']}: gap {c['gap']:+.3f}, null {c['null'][0]:+.3f} to "
        f"{c['null'][1]:+.3f}, p = {c['p_value']:.2f}"
        for c in result["controls"]
    ]
    lines.append(
        f"{result['permutations']} permutations of {len(result['pairs'])} pairs: "
        f"{result['cpu_seconds']:.1f} CPU seconds"
    )
    return "\n".join(lines)
