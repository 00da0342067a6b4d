"""Judge rankings of backbones: tau and regrets by target, with intervals over targets.

A draw's ranking meets the mean lifts of the other draws, so that no ranking is judged by lifts that
were measured on the rows it has seen.
"""

import numpy as np

from priorlift.ranking import measures as m
from priorlift.ranking.measures import mean_over_targets, paired_difference
from ranking.backbones import FIXED_ORDER

CONSENSUS = "consensus"
REGRETS = (1, 3)


def orders(rankings, gains, tried):
    """Return what is reported of each ranker; arrays are of shape (targets, draws, backbones)."""
    n_targets, n_seeds, n_models = gains.shape
    others = (gains.sum(axis=1, keepdims=True) - gains) / (n_seeds - 1)
    fixed = np.broadcast_to(-np.arange(n_models, dtype=float), gains.shape)
    prior = np.stack([_prior(gains, i) for i in range(n_targets)])[:, None]
    best_of_data = np.stack([_prior(gains, i, _outside(tried, i)) for i in range(n_targets)])
    rankers = {
        **rankings,
        "static prior": np.broadcast_to(prior, gains.shape),
        "static prior of other data sets": np.broadcast_to(best_of_data[:, None], gains.shape),
        "fixed order": fixed,
    }
    judged = {name: _judge(values, others) for name, values in rankers.items()}
    found = {}
    for name, by_target in judged.items():
        found[name] = {measure: interval(values) for measure, values in by_target.items()}
        found[name]["tau by target"] = [rounded(value) for value in by_target["tau"]]
    found["random"] = {
        f"regret@{k}": interval(
            [np.mean([m.random_regret_at(row, k) for row in table]) for table in others]
        )
        for k in REGRETS
    }
    found["tau of the consensus less that of the static prior"] = _of(
        paired_difference(judged[CONSENSUS]["tau"], judged["static prior"]["tau"])
    )
    found["regret@1 of the static prior less that of the consensus"] = _of(
        paired_difference(judged["static prior"]["regret@1"], judged[CONSENSUS]["regret@1"])
    )
    return found


def _prior(gains, own, allowed=None):
    """Return each backbone's mean lift over the other targets."""
    kept = np.arange(len(gains)) != own if allowed is None else allowed
    return gains[kept].mean(axis=(0, 1))


def _outside(tried, own):
    return np.array([target.images is not tried[own].images for target in tried])


def _judge(values, others):
    """Return tau and regrets by target, means over draws."""
    found = {"tau": [], **{f"regret@{k}": [] for k in REGRETS}}
    for predicted, observed in zip(values, others, strict=True):
        taus = [m.weighted_tau(*pair) for pair in zip(predicted, observed, strict=True)]
        # A ranker that finds all equal has no tau; it orders nothing, which is worth 0.
        found["tau"].append(float(np.nan_to_num(taus).mean()))
        for k in REGRETS:
            regrets = [m.regret_at(*pair, k) for pair in zip(predicted, observed, strict=True)]
            found[f"regret@{k}"].append(float(np.mean(regrets)))
    return found


def about(target, n, scores, gains):
    return {
        "target": target.name,
        "metric": target.images.metric,
        "training rows": n,
        "rows to draw from": len(target.pool),
        "test rows": len(target.test),
        "score without transfer": rounded(scores[:, -1].mean()),
        "mean lift": dict(zip(FIXED_ORDER, map(rounded, gains.mean(axis=0)), strict=True)),
        "deviation over draws": dict(
            zip(FIXED_ORDER, map(rounded, gains.std(axis=0, ddof=1)), strict=True)
        ),
        "noise ceiling of tau": rounded(m.noise_ceiling(gains)),
    }


def interval(values):
    return _of(mean_over_targets(values, random_state=0))


def _of(found):
    return {"mean": rounded(found.estimate), "low": rounded(found.low), "high": rounded(found.high)}


def rounded(value):
    return None if not np.isfinite(value) else round(float(value), 4)


def show(found):
    """Print one table a label budget."""
    for n, report in found["label budgets"].items():
        ceiling = report["noise ceiling of tau"]["mean"]
        print(f"\n{n} labels, {report['targets']} targets, {report['seeds']} draws; ", end="")
        print(f"noise ceiling of tau {ceiling:.2f}; seconds {report['CPU seconds']}")
        for row in report["truth"]:
            lifts = " ".join(f"{value:+.3f}" for value in row["mean lift"].values())
            print(f"  {row['target']:<26} {row['score without transfer']:.3f}  {lifts}")
        print(f"  {'':<32} {'tau':^22}  {'regret@1':^22} {'regret@3'}")
        for name, row in report["orders"].items():
            if "regret@3" in row:
                cells = [_cell(row[c]) for c in ("tau", "regret@1", "regret@3") if c in row]
                print(f"  {name:<32} {'  '.join(cells):>0}")


def _cell(value):
    return f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
