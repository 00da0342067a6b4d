"""Theory against fitted heads on Gaussian features, and against forecasts from few labels."""

import numpy as np

from priorlift.theory import CovariateModel, simulate_heads
from priorlift.theory.label_alignment import Directions, LabelAlignment
from priorlift.theory.pictures import FieldPicture
from theory.checks import check
from theory.validation import power_law

POINTS = {
    "logistic": [(0.5, 0.1), (2, 0.01), (2, 1), (5, 0.1)],
    "square_labels": [(0.5, 0.1), (2, 0.01), (2, 1), (5, 0.1)],
    "square": [(0.5, 0.1), (2, 1), (5, 0.1)],
}
SIZE = {"quick": (200, 6), "full": (400, 12)}
LEAST, ERRORS = 0.012, 4.0


def run(mode):
    """Return the checks, and a row a case."""
    p, draws = SIZE[mode]
    rows = [
        _row(name, model, alpha, lam, loss, draws)
        for name, model in models(p).items()
        for loss, points in POINTS.items()
        for alpha, lam in points
    ]
    flipped = [
        _row(f"isotropic, {share:.0%} flipped", _isotropic(300, flips=share), a, lam, "logistic", 6)
        for a, lam, share in [(2, 0.1, 0.1), (2, 1, 0.2), (5, 0.1, 0.1)]
    ]
    few = _few_labels(6 if mode == "quick" else 24)
    return {
        "p": p,
        "draws": draws,
        "checks": [
            agreement(f"heads on Gaussian features, p = {p}, {draws} draws", rows),
            agreement("labels flipped, p = 300, 6 draws", flipped),
            *_few_checks(few),
        ],
        "rows": rows + flipped,
        "few_labels": few,
    }


def _isotropic(p, **kwargs):
    return CovariateModel(np.ones(p), np.full(p, 1 / p), **kwargs)


def models(p):
    """Return the features: isotropic, a power law, and one whose teacher is seen in part."""
    return {
        "isotropic": _isotropic(p),
        "power law": power_law(1.0, p),
        "power law, R2 = 1/1.3": power_law(1 / 1.3, p),
    }


def _row(name, model, alpha, lam, loss, draws):
    theory = model.solve(alpha, lam, loss)
    found = simulate_heads(model, alpha, lam, loss, draws=draws, random_state=11)
    spread = float(found.error.std(ddof=1) / np.sqrt(draws))
    deviation = float(found.error.mean() - theory.error)
    return {
        "case": name,
        "loss": loss,
        "alpha": alpha,
        "lam": lam,
        "theory": float(theory.error),
        "simulated": float(found.error.mean()),
        "standard_error": spread,
        "deviation": deviation,
        "within": bool(abs(deviation) < max(LEAST, ERRORS * spread)),
        "train_loss": [float(theory.train_loss), float(found.train_loss.mean())],
    }


def agreement(name, rows):
    """Return the check that all rows lie within max(0.012, 4 standard errors)."""
    inside = sum(row["within"] for row in rows)
    worst = max(abs(row["deviation"]) for row in rows)
    return check(
        name,
        f"{inside} of {len(rows)}, largest deviation {worst:.4f}",
        "all within max(0.012, 4 standard errors)",
        inside == len(rows),
    )


P, REACH, ALPHA, LAM = 100, 1 / 1.2, np.array([0.5, 2.0, 8.0]), 0.1


def _few_labels(draws):
    """Return errors predicted from N labels, plainly and without bias, beside the true ones."""
    om = np.arange(1, P + 1) ** -0.8
    om /= om.mean()
    found = []
    for n in (400, 1000, 4000):
        errors = {"true": [], "without_bias": [], "plain": []}
        for seed in range(draws):
            rng = np.random.default_rng([seed, n])
            s = om * rng.normal(size=P) / np.sqrt(P)
            s *= np.sqrt(REACH / (s * s / om).sum())
            v, y = _labelled(rng, om, s, n)
            directions = Directions.of(_labelled(rng, om, s, 20_000)[0])
            seen = LabelAlignment.of(directions, directions.coordinates(v), y)
            errors["true"].append(CovariateModel(om, s * s).solve(ALPHA, LAM).error)
            errors["without_bias"].append(_predicted(seen))
            errors["plain"].append(_plain(v, y))
        kept = np.isfinite(errors["without_bias"]).all(axis=1)
        means = {k: np.mean(np.array(v)[kept], axis=0).tolist() for k, v in errors.items()}
        found.append({"labels": n, "draws": int(kept.sum()), "refused": int((~kept).sum())} | means)
    return found


def _labelled(rng, om, s, n):
    v = rng.normal(size=(n, P)) * np.sqrt(om)
    nu = v @ (s / om) + np.sqrt(1 - REACH) * rng.normal(size=n)
    return v, np.where(nu > 0, 1.0, -1.0)


def _predicted(seen):
    try:
        return FieldPicture(seen).errors(ALPHA, np.full(3, LAM))
    except ValueError:  # R^2 estimated above 1: refused, as it should be
        return np.full(3, np.nan)


def _plain(v, y):
    """The estimate that everyone would write first: both covariances from the labelled rows."""
    Omega = v.T @ v / len(v)
    s = np.sqrt(np.pi / 2) * v.T @ y / len(v)
    reach = float(s @ np.linalg.solve(Omega, s))
    s *= np.sqrt(min(1.0, 0.999 / reach))
    return CovariateModel.from_covariances(Omega, s).solve(ALPHA, LAM).error


def _few_checks(few):
    first = few[0]
    found = []
    for place, limit in ((1, 0.05), (2, 0.10)):
        ours = first["without_bias"][place] / first["true"][place] - 1
        plain = first["plain"][place] / first["true"][place] - 1
        found.append(
            check(
                f"from 400 labels and 20,000 unlabelled rows, p = 100, alpha = {ALPHA[place]:g}",
                f"{ours:+.1%} (plain plug-in {plain:+.1%})",
                f"within {limit:.0%}",
                abs(ours) <= limit,
            )
        )
    return found
