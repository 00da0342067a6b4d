"""What the solver costs: against the published procedure, as p grows, and its memory."""

import json
import subprocess
import sys
import time

import harness
import numpy as np

from priorlift.theory import CovariateModel
from priorlift.theory.eigen import spectrum_and_alignment
from priorlift.theory.logistic_loss import data_side
from theory import published
from theory.checks import check
from theory.validation import power_law

ALPHA = np.geomspace(0.25, 8, 40)
LAM = np.geomspace(1e-3, 10, 25)
TOLERANCE = 1e-8
SAMPLE = {"quick": 2, "full": 12}
REPEATS = {"quick": 3, "full": 5}
WIDTHS = (100, 1_000, 5_000, 10_000)
LARGE = {"quick": 2_000, "full": 10_000}


def run(mode):
    """Return the checks and the measurements behind them."""
    grid = _grid(REPEATS[mode])
    theirs = _published(SAMPLE[mode], grid["error"])
    update = _update(REPEATS[mode])
    widths = _widths(REPEATS[mode])
    large = _large(LARGE[mode])
    del grid["error"]
    return {
        "checks": [
            *_grid_checks(grid),
            *_published_checks(grid, theirs, update),
            *_size_checks(widths, large),
        ],
        "grid": grid,
        "published": theirs,
        "update": update,
        "widths": widths,
        "large": large,
    }


def _model(p):
    return power_law(1 / 1.3, p)


def _covariance(p):
    """Return a covariance of the model's spectrum in a random basis, and s."""
    model, rng = _model(p), np.random.default_rng(1)
    rotation = np.linalg.qr(rng.normal(size=(p, p)))[0]
    s = rotation @ np.sqrt(model.alignment)
    return (rotation * model.spectrum) @ rotation.T, s, model.rho


def _solve(model, alpha, lam):
    return model.solve(alpha, lam, tolerance=TOLERANCE)


def _grid(repeats):
    """Time the whole grid at p = 1,000, with the eigendecomposition, and point by point."""
    Omega, s, rho = _covariance(1_000)
    Omega = 0.5 * (Omega + Omega.T)
    model = CovariateModel.from_covariances(Omega, s, rho)
    last = {}

    def together():
        # A new model each time: what it keeps after the first call is part of the cost.
        fresh = CovariateModel(model.spectrum, model.alignment, rho)
        last["grid"] = _solve(fresh, ALPHA[:, None], LAM)

    def one_by_one():
        last["single"] = [
            float(_solve(model, alpha, lam).error) for alpha in ALPHA[::4] for lam in LAM[::5]
        ]

    measured = harness.compare(
        {
            "grid": together,
            "eigendecomposition": lambda: spectrum_and_alignment(Omega, s),
            "50 points one by one": one_by_one,
        },
        repeats,
    )
    solution = last["grid"]
    same = np.abs(solution.error[::4, ::5].ravel() - last["single"]).max()
    exact = model.solve(ALPHA[:, None], LAM, tolerance=1e-12)
    return {
        "points": solution.error.size,
        "seconds": measured,
        "converged": int(solution.converged.sum()),
        "iterations": float(solution.iterations.mean()),
        "largest_difference_one_by_one": float(same),
        "largest_error_against_tolerance_1e-12": float(
            max(np.abs(solution.error - exact.error).max(),
                np.abs(solution.V / exact.V - 1).max(), np.abs(solution.q / exact.q - 1).max())
        ),
        "error": solution.error,
    }  # fmt: skip


def _published(sample, error):
    """Run the published procedure on points of the grid that are drawn at random."""
    model = _model(1_000)
    places = np.random.default_rng(0).choice(error.size, sample, replace=False)
    rows = []
    for place in np.sort(places):
        i, j = np.unravel_index(place, error.shape)
        found = published.solve(
            model.spectrum, model.alignment, model.rho, float(ALPHA[i]), float(LAM[j])
        )
        ours = float(error[i, j])
        rows.append(
            {"alpha": float(ALPHA[i]), "lam": float(LAM[j]), "ours": ours}
            | found
            | {"difference": abs(found["error"] - ours)}
        )
    seconds = np.array([row["cpu_seconds"] for row in rows])
    return {
        "rows": rows,
        "cpu_seconds_a_point": float(seconds.mean()),
        "standard_error": float(seconds.std(ddof=1) / np.sqrt(sample)),
        "cpu_seconds_of_the_grid": float(seconds.mean() * error.size),
    }


def _update(repeats):
    """Time one update of Vh, qh and M: 32 points together, and the published integrals."""
    state = np.tile([np.log(2.0), np.log(9.0), np.arctanh(0.5)], (32, 1))
    alpha = np.ones(32)
    measured = harness.compare(
        {
            "ours": lambda: [data_side(state, alpha) for _ in range(300)],
            "published": lambda: [published.integrals(2.0, 9.0, 1.5) for _ in range(5)],
        },
        repeats,
    )
    theirs = np.array(published.integrals(2.0, 9.0, 1.5))
    values = data_side(state, alpha).values[0]
    return {
        "ours_ms": measured["ours"]["cpu_seconds"] / (300 * 32) * 1e3,
        "published_ms": measured["published"]["cpu_seconds"] / 5 * 1e3,
        "largest_difference": float(np.abs(theirs - values).max()),
    }


def _widths(repeats):
    """Time the grid at several numbers of features; the model is made before the clock runs."""
    models = {p: _model(p) for p in WIDTHS}
    for model in models.values():
        _solve(model, 1.0, 0.1)
    measured = harness.compare(
        {str(p): lambda m=model: _solve(m, ALPHA[:, None], LAM) for p, model in models.items()},
        repeats,
    )
    points = len(ALPHA) * len(LAM)
    return {p: row["cpu_seconds"] / points * 1e3 for p, row in measured.items()}


CHILD = """
import json, resource, time
import numpy as np
from priorlift.theory import CovariateModel
p = {p}
rows = np.abs(np.arange(p)[:, None] - np.arange(p)[None, :], dtype=np.float64)
rows *= -0.02
np.exp(rows, out=rows)
own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
s = rows[:, p // 2] * 0.5
start = time.process_time()
model = CovariateModel.from_covariances(rows, s, 1.0)
decomposed = time.process_time()
found = model.solve(np.geomspace(0.25, 8, 40)[:, None], np.geomspace(1e-3, 10, 25))
print(json.dumps({{
    "p": p,
    "matrix_mb": rows.nbytes / 1e6,
    "mb_before": own * 1024 / 1e6,
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    "decomposition_cpu_seconds": decomposed - start,
    "grid_cpu_seconds": time.process_time() - decomposed,
    "converged": int(found.converged.sum()),
}}))
"""


def _large(p):
    """Return memory and time of many features, from a process that does nothing else."""
    start = time.perf_counter()
    code = CHILD.format(p=p)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout) | {"wall_seconds": time.perf_counter() - start}


def _grid_checks(grid):
    seconds = {name: row["cpu_seconds"] for name, row in grid["seconds"].items()}
    single = seconds["50 points one by one"] / 50 * grid["points"]
    both = seconds["grid"] + seconds["eigendecomposition"]
    return [
        check(
            f"{grid['points']:,} points at p = 1,000, logistic, to 1e-8, CPU seconds",
            f"{seconds['grid']:.2f}, and {seconds['eigendecomposition']:.2f} for eigenvectors",
            "under 2",
            both < 2 and grid["converged"] == grid["points"],
            f"medians; all {grid['converged']:,} converged, {grid['iterations']:.1f} evaluations "
            "a point",
        ),
        check(
            "their distance from the solution at tolerance 1e-12 (error, and V and q relative)",
            grid["largest_error_against_tolerance_1e-12"],
            "at most 1e-8",
            grid["largest_error_against_tolerance_1e-12"] <= 1e-8,
        ),
        check(
            "the grid at once against one call a point, CPU seconds",
            f"{single / seconds['grid']:.1f} times less",
            "at least 5 times less",
            single >= 5 * seconds["grid"],
            f"50 points one by one, times {grid['points'] // 50}",
        ),
    ]


def _published_checks(grid, theirs, update):
    ours = grid["seconds"]["grid"]["cpu_seconds"]
    ratio = theirs["cpu_seconds_of_the_grid"] / ours
    spread = theirs["standard_error"] / theirs["cpu_seconds_a_point"]
    difference = max(row["difference"] for row in theirs["rows"] if row["ended"])
    missed = sum(not row["ended"] for row in theirs["rows"])
    sample = len(theirs["rows"])
    return [
        check(
            "the published procedure on the same grid, CPU seconds",
            f"{theirs['cpu_seconds_of_the_grid']:,.0f} (extrapolated): {ratio:,.0f} times ours",
            "at least 1,000 times ours",
            ratio >= 1_000,
            f"extrapolated from {sample} points of the grid drawn at random, "
            f"{theirs['cpu_seconds_a_point']:.1f} s a point, relative standard error {spread:.0%}; "
            f"{missed} of them did not end within {published.MAX_UPDATES:,} updates and count "
            "with the seconds until then",
        ),
        check(
            "largest difference between the two sides' errors on those points",
            difference,
            "at most 1e-7",
            difference <= 1e-7,
            "each side stops by its own rule; without its points that did not end",
        ),
        check(
            "one update of Vh, qh and M, ms CPU",
            f"{update['ours_ms']:.2f} against {update['published_ms']:.0f}",
            "at most 0.5, and 100 times less",
            update["ours_ms"] <= 0.5 and update["published_ms"] >= 100 * update["ours_ms"],
            f"with its Jacobian, 32 points together; values differ by "
            f"{update['largest_difference']:.0e}",
        ),
    ]


def _size_checks(widths, large):
    values = list(widths.values())
    listed = ", ".join(f"{ms:.2f} at {int(p):,}" for p, ms in widths.items())
    return [
        check(
            "ms CPU a point, by number of features",
            listed,
            "flat: the dearest at most 1.5 times the p = 1,000 one",
            max(values) <= 1.5 * widths["1000"],
            "after the eigendecomposition",
        ),
        check(
            f"p = {large['p']:,}: peak memory of a process of its own, GB",
            f"{large['peak_mb'] / 1e3:.2f}",
            "under 3",
            large["peak_mb"] < 3_000,
            f"the covariance alone is {large['matrix_mb'] / 1e3:.2f} GB and the caller's; "
            f"decomposition {large['decomposition_cpu_seconds']:.0f} CPU seconds, then 1,000 "
            f"points {large['grid_cpu_seconds']:.1f}",
        ),
    ]
