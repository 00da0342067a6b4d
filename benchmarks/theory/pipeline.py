"""The whole pipeline of transfer against its theory: a trained source, frozen, then a head.

Where they differ is shown with the cause: beside the closed covariances the theory is asked with
those of 50 rows a feature, and the best linear head's errors are counted. For Gaussian features
the counted error is the predicted floor, whatever the covariances.
"""

import numpy as np
from scipy.stats import kurtosis

from priorlift.theory import CorrelatedTasks, CovariateModel, simulate_transfer, train_sources
from priorlift.theory.two_layer import hidden
from theory.checks import check

ALPHA = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
SIZE = {
    "quick": {"p": 100, "latent": 100, "inputs": 200, "seeds": 4},
    "full": {"p": 400, "latent": 400, "inputs": 800, "seeds": 10},
}
ROWS_PER_INPUT = 20
AT_ONCE = 5
FLOORS = 3  # seeds whose floors are looked at: dear, and barely noisy
LEAST, ERRORS, BAND = 0.012, 4.0, 0.01
TARGETS = {
    "qF = 1 (the same task)": {"qF": 1.0},
    "qF = 0.8": {"qF": 0.8},
    "qF = 0.5": {"qF": 0.5},
    "qF = 0 (unrelated)": {"qF": 0.0},
    "qt = 0.5": {"qt": 0.5},
    "qt = 0 (unrelated labels)": {"qt": 0.0},
    "eta = 0.5": {"eta": 0.5},
    "delta = -0.5": {"delta": -0.5},
    "delta = +0.5": {"delta": 0.5},
}
ASKED = 4  # the targets that the goal names come first
NON_GAUSSIAN = "transferred"
WHY = (
    "**Why theory overstates the error of transferred features.** A first layer that was trained "
    "for this very rule pushes rows apart along the direction that decides the label, towards two "
    "heaps, one a class: the outputs of the best head have an excess kurtosis below that of a "
    "Gaussian, which is 0. The theory knows second moments only. With covariances measured on "
    "rows instead of closed ones its floor stays where it is, while the same head's errors, "
    "counted, are fewer: what is wrong is the assumption of Gaussian features, not the solver and "
    "not the closed covariances. The less the target has to do with the source, the less is left "
    "of it, and random features show none. For features that separate classes well, `forecast` "
    "has a second picture, two Gaussian classes, for this reason."
)


def run(mode):
    """Return the checks, and a row a target and feature map."""
    size = SIZE[mode]
    names = list(TARGETS)
    found = {name: [] for name in names}
    floors = {name: [] for name in names}
    for first in range(0, size["seeds"], AT_ONCE):
        seeds = list(range(first, min(first + AT_ONCE, size["seeds"])))
        sizes = (size["latent"], size["inputs"])
        networks = train_sources(*sizes, size["p"], seeds, ROWS_PER_INPUT * size["inputs"])
        for name, knobs in TARGETS.items():
            found[name].append(
                simulate_transfer(networks, seeds, ALPHA, latent=sizes[0], knobs=knobs)
            )
            for place, seed in enumerate(seeds[:FLOORS] if first == 0 else []):
                task = CorrelatedTasks.draw(*sizes, random_state=seed, **knobs).target
                floors[name].append(_floors(task, networks.W[place], seed))
        print(f"seeds {seeds[0]} to {seeds[-1]} done", flush=True)
    rows = [
        _row(name, features, found[name], np.array(floors[name]))
        for name in names
        for features in ("transferred", "random")
    ]
    return {
        **{key: size[key] for key in ("p", "latent", "inputs", "seeds")},
        "n_source": ROWS_PER_INPUT * size["inputs"],
        "alpha": list(ALPHA),
        "checks": _checks(rows),
        "rows": rows,
        "why": WHY,
    }


def _floors(task, W, seed):
    """Return the floor by closed covariances, by measured ones, and counted; and the kurtosis."""
    p, inputs = W.shape
    rng = np.random.default_rng([seed, 7])
    found = []
    for first_layer in (W, rng.normal(size=(p, inputs))):
        x, nu = task.sample(50 * p, rng)
        v = hidden(first_layer[None], x[None])[0].astype(float)
        x_new, nu_new = task.sample(10_000, rng)
        outputs = hidden(first_layer[None], x_new[None])[0] @ np.linalg.solve(v.T @ v, v.T @ nu)
        counted = float((outputs * nu_new < 0).mean())
        closed = task.model(first_layer.astype(float)).error_floor
        sampled = CovariateModel.from_features(v, nu).error_floor
        found.append((closed, sampled, counted, float(kurtosis(outputs))))
    return found


def _row(name, features, parts, floors):
    measured = np.concatenate([part.measured[features] for part in parts])
    predicted = np.concatenate([part.predicted[features] for part in parts])
    directions = np.concatenate([part.effective_dimension[features] for part in parts])
    miss = measured - predicted
    spread = miss.std(axis=0, ddof=1) / np.sqrt(len(miss))
    deviation = miss.mean(axis=0)
    closed, sampled, counted, heaps = floors[:, 0 if features == "transferred" else 1].mean(axis=0)
    return {
        "target": name,
        "features": features,
        "predicted": predicted.mean(axis=0).tolist(),
        "measured": measured.mean(axis=0).tolist(),
        "standard_error": spread.tolist(),
        "deviation": deviation.tolist(),
        "within": (np.abs(deviation) < np.maximum(LEAST, ERRORS * spread)).tolist(),
        "floor": float(closed),
        "floor_measured_covariances": float(sampled),
        "floor_counted": float(counted),
        "kurtosis": float(heaps),
        "effective_dimension": float(directions.mean()),
    }


def _checks(rows):
    asked = rows[: 2 * ASKED]
    same = [row for row in asked if row["features"] == NON_GAUSSIAN and "same" in row["target"]]
    rest = [row for row in asked if row not in same]
    more = rows[2 * ASKED :]
    return [
        _inside("qF in 0, .5, .8 transferred, all random: theory against simulation", rest),
        _inside("the other knobs", more),
        _relative(same[0]),
        _signs(rows),
    ]


def _inside(name, rows):
    inside = sum(sum(row["within"]) for row in rows)
    points = sum(len(row["within"]) for row in rows)
    worst = max((max(abs(d) for d in row["deviation"]), row) for row in rows)
    missed = [
        f"{row['target']}, {row['features']}, by {max(row['deviation'], key=abs):+.3f}"
        for row in rows
        if not all(row["within"])
    ]
    note = "outside: " + "; ".join(missed) if missed else ""
    return check(
        name,
        f"{inside} of {points} points, largest deviation {worst[0]:.4f}",
        "all within max(0.012, 4 standard errors)",
        inside == points,
        note,
    )


def _relative(row):
    relative = [m / p - 1 for m, p in zip(row["measured"], row["predicted"], strict=True)]
    largest = max(relative, key=abs)
    deviation = max(row["deviation"], key=abs)
    return check(
        "qF = 1, transferred: features are not Gaussian, the case is shown",
        f"{largest:+.0%}, {deviation:+.4f}",
        "within 20 %",
        abs(largest) <= 0.20,
        f"floor {row['floor']:.3f} in theory, {row['floor_measured_covariances']:.3f} with "
        f"measured covariances, {row['floor_counted']:.3f} counted; excess kurtosis of the best "
        f"head's outputs {row['kurtosis']:.2f}",
    )


def _signs(rows):
    """Return the check that theory and simulation agree on which map errs less."""
    agree = points = 0
    for transferred, random in zip(rows[::2], rows[1::2], strict=True):
        for k in range(len(ALPHA)):
            measured = random["measured"][k] - transferred["measured"][k]
            predicted = random["predicted"][k] - transferred["predicted"][k]
            if abs(measured) > BAND:
                points += 1
                agree += (measured > 0) == (predicted > 0)
    return check(
        "which of the two maps errs less, where they differ by more than 0.01",
        f"{agree} of {points} points",
        "at least 95 %",
        agree >= 0.95 * points,
    )
