"""What Gerace et al. found, found again: pictures, and the numbers that each of them shows."""

import numpy as np

from priorlift.theory import CorrelatedTasks, phase_diagram, simulate_transfer, train_sources
from priorlift.theory.heads import ridge_heads
from priorlift.theory.two_layer import hidden
from theory import phase_pictures as draw
from theory.checks import check

P, LATENT, INPUTS, ROWS_PER_INPUT = 100, 100, 200, 20
SEEDS = {"quick": 3, "full": 10}
POINTS = (25, 50, 100, 200, 400, 800, 1600, 3200)
FINE = tuple(np.unique(np.geomspace(25, 3200, 22).round().astype(int)).tolist())
TINY = 1e-6
PEAK = (25, 50, 70, 85, 100, 120, 150, 200, 300, 400, 600, 800, 1600)
SEEN = 2.0


def run(mode):
    """Return the checks, and the pictures with the words that go with them."""
    seeds = list(range(SEEDS[mode]))
    networks = train_sources(LATENT, INPUTS, P, seeds, ROWS_PER_INPUT * INPUTS)
    found = [
        _few_labels(networks, seeds),
        _negative_transfer(networks, seeds),
        _double_descent(networks, seeds),
        _adding_and_removing(networks, seeds),
    ]
    return {
        "p": P,
        "latent": LATENT,
        "inputs": INPUTS,
        "seeds": len(seeds),
        "checks": [one for part in found for one in part.pop("checks")],
        "pictures": found,
    }


def _theory(knob, values, n, seeds, **kwargs):
    sizes = {"latent": LATENT, "inputs": INPUTS, "width": P, **kwargs}
    return phase_diagram(knob, values, n, seeds=seeds, **sizes)


def _simulated(networks, seeds, knobs, n=POINTS, latent=LATENT, **kwargs):
    alpha = [rows / P for rows in n]
    return simulate_transfer(networks, seeds, alpha, latent=latent, knobs=knobs, **kwargs).measured


def _mean(errors):
    spread = errors.std(axis=0, ddof=1) / np.sqrt(len(errors))
    return errors.mean(axis=0).tolist(), spread.tolist()


def _ahead(name, first, second, note=""):
    """Return the check that the first errs less than the second, by more than twice the spread."""
    gain = second - first
    mean, spread = float(gain.mean()), float(gain.std(ddof=1) / np.sqrt(len(gain)))
    return check(name, f"{mean:+.3f} ± {spread:.3f}", "above 0 by two standard errors",
                 mean > SEEN * spread, note)  # fmt: skip


def _few_labels(networks, seeds):
    theory = _theory("qF", [0.8, 1.0], FINE, seeds)
    near = _simulated(networks, seeds, {"qF": 0.8}, scratch={})
    same = _simulated(networks, seeds, {"qF": 1.0})
    figure, (axes,) = draw.panels(1)
    draw.line(axes, FINE, theory.random.mean(axis=0)[0], "random", "random features")
    draw.line(axes, FINE, theory.transferred.mean(axis=0)[0], "transferred",
              "learned on a related source (qF = 0.8)")  # fmt: skip
    draw.line(axes, FINE, theory.transferred.mean(axis=0)[1], "other",
              "learned on the same task (qF = 1)")  # fmt: skip
    draw.points(axes, POINTS, *_mean(near["random"]), "random")
    draw.points(axes, POINTS, *_mean(near["transferred"]), "transferred")
    draw.points(axes, POINTS, *_mean(same["transferred"]), "other")
    draw.points(axes, POINTS, *_mean(near["scratch"]), "scratch", "network from scratch", join=True)
    title = "Few labels: learned features are ahead. Many: the network from scratch."
    draw.finish(axes, title, POINTS, ylabel="error on new rows")
    gap = (near["scratch"] - near["transferred"]).mean(axis=0)
    crossing = _crossing(POINTS, gap)
    text = (
        "With few labels features that were learned on a related source err less than random ones "
        "and than a network that is trained on the target alone, which overfits. Frozen features "
        "cap what can be reached, so the network from scratch overtakes them"
        + (f", here at about {crossing:,.0f} labels. " if crossing else " later. ")
        + "Where source and target are one task, theory is above the points: those features are "
        "not Gaussian, see above."
    )
    draw.save(figure, "few-labels.svg", title, text)
    at, last = POINTS.index(50), len(POINTS) - 1
    return {
        "title": "Few labels, many labels",
        "file": "few-labels.svg",
        "alt": "Error against labelled rows for learned and random features and from scratch",
        "text": text,
        "simulated": {"n": POINTS, **{name: _mean(values) for name, values in near.items()},
                      "same task": _mean(same["transferred"])},
        "checks": [
            _ahead("50 labels: error of random minus learned features, qF = .8",
                   near["transferred"][:, at], near["random"][:, at]),
            _ahead("50 labels: error from scratch minus learned features, qF = .8",
                   near["transferred"][:, at], near["scratch"][:, at]),
            _ahead("3,200 labels: error of learned features, qF = .8, minus from scratch",
                   near["scratch"][:, last], near["transferred"][:, last],
                   f"they cross at about {crossing:,.0f} labels" if crossing else ""),
        ],
    }  # fmt: skip


def _crossing(n, gap):
    """Return the last n, between points on a log scale, where a gap turns from above 0 to below."""
    down = np.flatnonzero((gap[:-1] > 0) & (gap[1:] <= 0))
    if not down.size:
        return None
    k = int(down[-1])
    share = gap[k] / (gap[k] - gap[k + 1])
    return float(n[k] ** (1 - share) * n[k + 1] ** share)


def _negative_transfer(networks, seeds):
    values = [0.0, 0.25, 0.5, 0.8]
    theory = _theory("qF", values, FINE, seeds)
    unrelated = _simulated(networks, seeds, {"qF": 0.0})
    half = _simulated(networks, seeds, {"qF": 0.5})
    labels = _simulated(networks, seeds, {"qt": 0.0})
    figure, (axes,) = draw.panels(1)
    axes.axhline(0.0, color=draw.style.INK, linewidth=1.0)
    looks = dict(zip(values, ("random", "other", "scratch", "transferred"), strict=True))
    for value, gain in zip(theory.values, theory.gain, strict=True):
        draw.line(axes, FINE, gain, looks[float(value)], f"qF = {value:g}")
    for done, look in ((unrelated, "random"), (half, "scratch")):
        draw.points(axes, POINTS, *_mean(done["random"] - done["transferred"]), look)
    title = "Above 0 transfer helps, below it hurts"
    draw.finish(axes, title, POINTS, ylabel="error of random minus that of learned features")
    gains = theory.gain
    text = (
        "Features of an unrelated source (qF = 0) are worse than random ones at every number of "
        "labels: they use fewer directions. A related source gains most with few labels; at "
        "qF = 0.5 the curves cross, and with many labels transfer hurts."
    )
    draw.save(figure, "negative-transfer.svg", title, text)
    many = POINTS.index(800)
    few = POINTS.index(50)

    def hurts(name, done, at):
        return _ahead(name, done["random"][:, at], done["transferred"][:, at])

    diagram = _theory("qF", None, [25, 50, 100, 200, 400, 800, 1600], seeds)
    draw.save(
        diagram.plot(), "phase-diagram.svg", "Where learned features beat random ones",
        diagram.summary,
    )  # fmt: skip
    return {
        "title": "Negative transfer",
        "file": "negative-transfer.svg",
        "alt": "Gain of learned over random features against labelled rows, by relatedness",
        "text": text + "\n\n![The gain over labels and relatedness, with its border]"
        "(images/theory/phase-diagram.svg)\n\nThe map of the same gain: " + diagram.summary + ".",
        "simulated": {"n": POINTS, "qF = 0": _mean(unrelated["random"] - unrelated["transferred"]),
                      "qF = 0.5": _mean(half["random"] - half["transferred"])},
        "checks": [
            hurts("800 labels, unrelated features (qF = 0): learned minus random", unrelated, many),
            hurts("800 labels, unrelated labels (qt = 0): learned minus random", labels, many),
            check("theory, qF = 0: largest gain at any number of labels", float(gains[0].max()),
                  "below 0", gains[0].max() < 0),
            _ahead("50 labels, qF = .5: random minus learned", half["transferred"][:, few],
                   half["random"][:, few]),
            hurts("1,600 labels, qF = .5: learned minus random", half, POINTS.index(1600)),
        ],
    }  # fmt: skip


def _double_descent(networks, seeds):
    models = {name: [] for name in ("transferred", "random")}
    done = {(name, kind): [] for name in models for kind in ("tiny", "best")}
    for place, seed in enumerate(seeds):
        task = CorrelatedTasks.draw(LATENT, INPUTS, qF=0.8, random_state=seed).target
        rng = np.random.default_rng([seed, 9])
        rows = (task.sample(max(PEAK), rng), task.sample(4_000, rng))
        fresh = rng.normal(size=(P, INPUTS))
        for name, W in (("transferred", networks.W[place].astype(float)), ("random", fresh)):
            model = task.model(W)
            models[name].append(model)
            best = model.optimal_lambda(np.array(PEAK) / P, "square_labels").lam
            tiny = np.full(len(PEAK), TINY * model.spectrum.mean())
            done[name, "tiny"].append(_square_heads(W, rows, tiny))
            done[name, "best"].append(_square_heads(W, rows, best))
    n = np.unique(np.concatenate([FINE, PEAK, np.arange(60, 150, 4)]))
    n = n[n <= max(PEAK)]
    curves = {
        (name, loss, kind): np.mean([_curve(model, n / P, loss, kind) for model in models[name]], 0)
        for name in models
        for loss in ("square_labels", "logistic")
        for kind in ("tiny", "best")
    }
    figure, both = draw.panels(2)
    names = {"transferred": "learned (qF = 0.8)", "random": "random"}
    for axes, loss in zip(both, ("square_labels", "logistic"), strict=True):
        for name, label in names.items():
            draw.line(axes, n, curves[name, loss, "tiny"], name, f"{label}, tiny lambda")
            draw.line(axes, n, curves[name, loss, "best"], name, f"{label}, best lambda", "--")
    for (name, kind), errors in done.items():
        values = _mean(np.array(errors))
        draw.points(both[0], PEAK, *values, name, filled=kind == "tiny")
    ticks = (25, 100, 400, 1600)
    draw.finish(both[0], "Square loss: a peak at n = p", ticks, ylabel="error on new rows")
    draw.finish(both[1], "Logistic loss: a cusp later", ticks)
    text = (
        "With next to no regularisation the error has a second descent. The square loss peaks "
        "where there are as many rows as features and the head begins to miss some; with the "
        "logistic loss the head stops separating the rows later, at about "
        f"{_cusp(n, curves['random', 'logistic', 'tiny']):,} rows, and the curve has a cusp there: "
        "these labels have no noise of their own. With the best lambda (dashed, open points) both "
        "are gone, and more labels never hurt."
    )
    draw.save(figure, "double-descent.svg", "Double descent, and its end", text)
    peak, left, right = PEAK.index(100), PEAK.index(50), PEAK.index(200)
    rises = max(
        float(np.diff(curves[name, loss, "best"]).max())
        for name in names
        for loss in ("square_labels", "logistic")
    )
    checks = []
    for name, label in names.items():
        errors = np.array(done[name, "tiny"])
        for side, word in ((left, "50"), (right, "200")):
            checks.append(
                _ahead(f"square loss, tiny lambda, {label}: error at 100 rows minus at {word}",
                       errors[:, side], errors[:, peak])
            )  # fmt: skip
    best = np.array(done["random", "best"])
    checks += [
        _ahead("best lambda, random: error at 50 rows minus at 100", best[:, peak], best[:, left]),
        check("best lambda, theory: largest rise of an error with more rows", rises,
              "at most 1e-7", rises <= 1e-7, "both losses, both feature maps"),
    ]  # fmt: skip
    return {
        "title": "Double descent",
        "file": "double-descent.svg",
        "alt": "Error against rows for tiny and best regularisation, square and logistic loss",
        "text": text,
        "simulated": {"n": PEAK, **{f"{a}, {b}": _mean(np.array(v)) for (a, b), v in done.items()}},
        "checks": checks,
    }


def _curve(model, alpha, loss, kind):
    if kind == "best":
        return model.optimal_lambda(alpha, loss).error
    return model.solve(alpha, TINY * model.spectrum.mean(), loss).error


def _cusp(n, error):
    """Return where the curve in log n turns down most sharply."""
    slope = np.diff(error) / np.diff(np.log(n))
    return int(n[1 + int(np.argmin(np.diff(slope)))])


def _square_heads(W, rows, lam):
    """Return the errors of ridge heads on signs, one a number of rows."""
    (x, nu), (x_new, nu_new) = rows
    v = hidden(W[None], x[None]).astype(float)
    v_new = hidden(W[None], x_new[None])[0]
    errors = []
    for n, strength in zip(PEAK, lam, strict=True):
        w = ridge_heads(v[:, :n], np.sign(nu[None, :n]), np.array([strength]))[0]
        errors.append(float((v_new @ w * nu_new < 0).mean()))
    return errors


def _adding_and_removing(networks, seeds):
    half = LATENT // 2
    poor = train_sources(half, INPUTS, P, seeds, ROWS_PER_INPUT * INPUTS)
    removing = _simulated(networks, seeds, {"delta": -0.5})
    adding = _simulated(poor, seeds, {"delta": 1.0}, latent=half)
    removed = _theory("delta", [-0.5], FINE, seeds)
    added = _theory("delta", [1.0], FINE, seeds, latent=half)
    range_of = _theory("delta", [-0.8, -0.6, -0.4, -0.2, 0, 0.25, 0.5, 0.75, 1.0], [50, 100, 400],
                       seeds)  # fmt: skip
    figure, (left, right) = draw.panels(2)
    left.axhline(0.0, color=draw.style.INK, linewidth=1.0)
    both = (
        ("transferred", "removing half: 100 to 50 features", removed, removing),
        ("random", "adding as many: 50 to 100", added, adding),
    )
    for look, label, theory, done in both:
        draw.line(left, FINE, theory.gain[0], look, label)
        draw.points(left, POINTS, *_mean(done["random"] - done["transferred"]), look)
    ticks = (25, 100, 400, 1600)
    draw.finish(left, "There and back", ticks, ylabel="error of random minus that of learned")
    right.axhline(0.0, color=draw.style.INK, linewidth=1.0)
    for k, look in enumerate(("transferred", "other", "scratch")):
        label = f"{range_of.n[k]:,} labels"
        draw.line(right, range_of.values, range_of.gain[:, k], look, label)
    draw.finish(right, "From 100 features", xlabel="share removed (below 0) or added", log=False)
    at, fine = POINTS.index(100), FINE.index(100)
    predicted = float(removed.gain[0, fine] - added.gain[0, fine])
    gains = [done["random"][:, at] - done["transferred"][:, at] for done in (removing, adding)]
    text = (
        "Two tasks share fifty generative features; one has fifty more. From the richer to the "
        f"poorer, transfer gains {gains[0].mean():.3f} at 100 labels, from the poorer to the "
        f"richer {gains[1].mean():.3f}: a source that has seen more than the target needs gives it "
        "everything, one that has seen less leaves half of the rule unseen, and with many labels "
        "its features are the smaller help or none."
    )
    draw.save(figure, "adding-and-removing.svg", "Removing features is not adding them", text)
    return {
        "title": "Adding and removing features",
        "file": "adding-and-removing.svg",
        "alt": "Gain of transfer when the target has fewer or more features than the source",
        "text": text,
        "simulated": {"n": POINTS, "removing": _mean(removing["random"] - removing["transferred"]),
                      "adding": _mean(adding["random"] - adding["transferred"])},
        "checks": [
            _ahead("100 labels: gain when features are removed minus gain when added", gains[1],
                   gains[0]),
            check("the same in theory", f"{predicted:+.3f}", "above 0", predicted > 0),
        ],
    }  # fmt: skip
