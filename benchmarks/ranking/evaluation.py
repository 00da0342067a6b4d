"""Compare rankings with the truth: order, regret, calibration, and what a budget of fits costs.

Everything is judged per target and averaged over targets, with intervals by a bootstrap over
targets. A ranker sees training rows only; the truth was measured on other rows. What learns from
outcomes has never seen an outcome of the target that it is judged on, unless it paid for it.
"""

import time
import warnings
from dataclasses import replace

import numpy as np

from priorlift import SourcePool, Target
from priorlift.ranking import GainModel, Outcomes, PairFeatures
from priorlift.ranking import measures as m
from priorlift.ranking.cold_start import group_ranks, promise
from priorlift.ranking.measures.target_bootstrap import mean_over_targets, paired_difference
from priorlift.ranking.tasks import rank_tasks
from priorlift.study.pair_search import Overhead
from priorlift.study.purchases import PairOutcome
from priorlift.study.spending import spend
from ranking.truth import train

BUDGETS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
REGRETS = (1, 3, 5)
LEVEL = 0.9
FOLDS = 6
ATTRIBUTED = 2
TIMED = 25


def report(family, truth, estimator, seeds, past=None):
    """Return the report of one truth, and its outcomes for a gain model to learn from."""
    truth = at_this_speed(family, truth, estimator)
    pairs, seconds = pair_features(family, truth.size, seeds)
    extended, longer = pair_features(family, truth.size, seeds[:ATTRIBUTED], attributions=True)
    found = compare(truth, pairs, seconds, past, heuristics(family, pairs))
    found["attributions"] = attributions_alone(truth, extended, longer / ATTRIBUTED)
    found["control"] = control(family, truth, seeds)
    return found, Outcomes(pairs, gains_of(truth, pairs)[0])


def attributions_alone(truth, pairs, seconds):
    """Return how well attributions order sources by themselves, and what they cost."""
    gains, _ = gains_of(truth, pairs)
    targets = np.array(pairs.targets)
    found = {
        name: order_measures(pairs.values[name], gains, targets, False)
        for name in ("attribution", "attribution_overlap")
    }
    return {**found, "seconds with attributions, one seed": _round(seconds)}


def control(family, truth, seeds):
    """Permute the targets' labels: no score may then order sources better than chance."""
    pairs, _ = pair_features(family, truth.size, seeds[:2], permuted=True)
    gains, _ = gains_of(truth, pairs)
    targets = np.array(pairs.targets)
    return {
        name: _round(np.nanmean(m.per_target(m.weighted_tau, targets, values, gains)))
        for name, values in (
            ("consensus", promise(group_ranks(pairs, transfer=carried(truth)), carried(truth))),
            ("agreement", pairs.values["agreement"]),
            ("pooling_gain", pairs.values["pooling_gain"]),
        )
    }


def pair_features(family, size, seeds, permuted=False, attributions=False):
    """Return the features of all pairs, averaged over seeds, and CPU seconds for all seeds."""
    start = time.process_time()
    tables = []
    for seed in seeds:
        targets = [task.target(size, seed) for task in family.tasks]
        if permuted:
            draws = np.random.default_rng(seed)
            targets = [Target(t.name, t.X, draws.permutation(t.y), task=t.task) for t in targets]
        sources = SourcePool([task.source(seed, family.source_rows) for task in family.tasks])
        ranked = rank_tasks(targets, sources, random_state=seed, attributions=attributions)
        tables.append(ranked.pair_features())
    first = tables[0]
    for table in tables:
        if (table.targets, table.sources) != (first.targets, first.sources):
            keys = zip(table.targets, table.sources, strict=True)
            by_pair = {pair: i for i, pair in enumerate(keys)}
            order = [by_pair[pair] for pair in zip(first.targets, first.sources, strict=True)]
            tables[tables.index(table)] = table.take(np.array(order))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = {
            name: np.nanmean([table.values[name] for table in tables], axis=0)
            for name in first.names
        }
    return PairFeatures(first.targets, first.sources, values), time.process_time() - start


def at_this_speed(family, truth, estimator):
    """Return the truth with its seconds as this machine would take them now, in this run.

    Some of its fits are run again; the median ratio of the seconds scales all of them, so that
    training and scoring are timed under the same load.
    """
    draws = np.random.default_rng(0)
    ratios = []
    for _ in range(TIMED):
        row, column = draws.choice(len(family.tasks), 2, replace=False)
        seed = int(draws.integers(truth.scores.shape[2]))
        task, source = family.tasks[row], family.tasks[column]
        pool = SourcePool([source.source(seed, family.source_rows)])
        _, taken = train(estimator, task.target(truth.size, seed), task, pool, seed)
        ratios.append(taken / truth.seconds[row, column, seed])
    return replace(truth, seconds=truth.seconds * np.median(ratios))


def carried(truth):
    """Return what a method carries over, by which a cold start weighs the scores."""
    return "rows" if truth.method == "pooled" else "features"


def gains_of(truth, pairs):
    """Return each pair's lift, the mean over seeds, and lifts by seed, shape (N, seeds)."""
    place = {name: i for i, name in enumerate(truth.names)}
    rows = np.array([place[name] for name in pairs.targets])
    columns = np.array([place[name] for name in pairs.sources])
    by_seed = truth.gains[rows, columns]
    return by_seed.mean(axis=1), by_seed


def heuristics(family, pairs):
    """Return what people choose sources by: their size, and how their labels go together.

    The correlation of labels is over rows that both tasks have labelled as sources, labels of which
    a target has few in practice; 0 where they share no row.
    """
    sizes = {task.name: float(len(task.y_source)) for task in family.tasks}
    labels = {
        task.name: dict(zip((row.tobytes() for row in task.X_source), task.y_source, strict=True))
        for task in family.tasks
    }
    correlations = []
    for target, source in zip(pairs.targets, pairs.sources, strict=True):
        shared = labels[target].keys() & labels[source].keys()
        ours, theirs = (
            np.array([labels[name][row] for row in shared]) for name in (target, source)
        )
        varied = len(shared) > 1 and ours.std() > 0 and theirs.std() > 0
        correlations.append(float(np.corrcoef(ours, theirs)[0, 1]) if varied else 0.0)
    return {
        "largest source": np.array([sizes[name] for name in pairs.sources]),
        "label correlation": np.array(correlations),
    }


def compare(truth, pairs, seconds, past=None, heuristics=None):
    """Return everything that is reported of one truth; `past` are outcomes of another family."""
    gains, by_seed = gains_of(truth, pairs)
    targets = np.array(pairs.targets)
    learned = held_out(pairs, gains, carried(truth))
    rankers = {
        **{name: pairs.values[name] for name in pairs.names if name != "log_n_target"},
        **(heuristics or {}),
        "consensus": promise(group_ranks(pairs, transfer=carried(truth)), carried(truth)),
        "static prior": static_prior(pairs, gains),
        "gain model": learned["mean"],
        RECOMMENDED: as_recommended(learned["mean"], learned["p_positive"]),
    }
    if past is not None:
        found = (
            GainModel(transfer=carried(truth), level=LEVEL, random_state=0).fit(past).predict(pairs)
        )
        rankers["gain model of another family"] = found.mean
    orders = {
        name: order_measures(values, gains, targets, name in IN_POINTS)
        for name, values in rankers.items()
    }
    prior, model = (
        np.array(orders[name]["regret@1 by target"]) for name in ("static prior", RECOMMENDED)
    )
    report = {
        "family": truth.family,
        "method": truth.method,
        "label budget": truth.size,
        "targets": len(set(pairs.targets)),
        "pairs": pairs.n_pairs,
        "seeds": by_seed.shape[1],
        "score without transfer": _round(np.nanmean(truth.scores[:, -1])),
        "lift of the best pair": _round(_per_target(np.max, gains, targets).clip(0).mean()),
        "share of pairs that help": _round((gains > 0).mean()),
        "noise ceiling of tau": _round(
            np.nanmean([m.noise_ceiling(by_seed[targets == t].T) for t in np.unique(targets)])
        ),
        "orders": orders,
        "random choice": {
            f"regret@{k}": _round(
                np.mean([m.random_regret_at(gains[targets == t], k) for t in np.unique(targets)])
            )
            for k in REGRETS
        },
        "regret@1 as recommended over the static prior's": {
            "ratio": _round(model.mean() / max(prior.mean(), 1e-9)),
            "difference": _interval(paired_difference(prior, model, random_state=0)),
        },
        "calibration": calibration(learned, gains),
        "seconds": {
            "training all pairs": _round(np.nansum(truth.seconds[:, :-1])),
            "single tasks": _round(truth.seconds[:, -1].sum()),
            "scoring all pairs": _round(seconds),
        },
    }
    report["spending"] = spending(truth, pairs, seconds, past)
    return report


RECOMMENDED = "gain model, as recommended"
IN_POINTS = ("static prior", "gain model", RECOMMENDED, "gain model of another family")


def as_recommended(mean, p_positive):
    """Return predictions with which a source is taken only where P(lift > 0) is above a half.

    That is what `PredictedGains.recommended` does, and what a user is told.
    """
    least = np.finfo(float).tiny
    return np.where(p_positive > 0.5, np.maximum(mean, least), np.minimum(mean, -least))


def order_measures(values, gains, targets, in_points):
    """Return tau and regrets of one ranker; with predictions in points, no transfer is an arm."""
    known = np.where(np.isnan(values), np.nanmin(values), values)
    none = 0.0 if in_points else None
    taus = m.per_target(m.weighted_tau, targets, known, gains)
    found = {"tau": _interval(mean_over_targets(taus, random_state=0))}
    for k in REGRETS:
        regrets = m.per_target(m.regret_at, targets, known, gains, k=k, none=none)
        found[f"regret@{k}"] = _interval(mean_over_targets(regrets, random_state=0))
        if k == 1:
            found["regret@1 by target"] = [round(float(v), 5) for v in regrets]
    return found


def static_prior(pairs, gains):
    """Return each source's mean lift over the other targets, all outcomes known."""
    targets, sources = np.array(pairs.targets), np.array(pairs.sources)
    return np.array(
        [
            gains[(sources == source) & (targets != target)].mean()
            for target, source in zip(targets, sources, strict=True)
        ]
    )


def held_out(pairs, gains, transfer):
    """Predict each target's lifts by a gain model that has seen outcomes of other targets only.

    Targets are held out in folds, in the order of their names, which is without relation to lifts.
    """
    targets = np.array(pairs.targets)
    names = np.unique(targets)
    found = {name: np.full(len(gains), np.nan) for name in ("mean", "low", "high", "p_positive")}
    for fold in range(FOLDS):
        own = np.isin(targets, names[fold::FOLDS])
        model = GainModel(transfer=transfer, level=LEVEL, random_state=0)
        model.fit(Outcomes(pairs.take(~own), gains[~own]))
        predicted = model.predict(pairs.take(own))
        for name, column in found.items():
            column[own] = getattr(predicted, name)
    return found


def calibration(predicted, gains):
    """Return how far the held-out predictions can be trusted."""
    known = np.isfinite(predicted["p_positive"])
    p, observed = predicted["p_positive"][known], gains[known]
    confident = p > 0.9
    return {
        "AUC of P(lift > 0)": _round(m.auc_of_lift(p, observed)),
        "ECE of P(lift > 0)": _round(m.expected_calibration_error(p, observed)),
        "coverage of 90 % intervals": _round(
            m.coverage(predicted["low"][known], predicted["high"][known], observed)
        ),
        "width of the intervals": _round(
            m.mean_width(predicted["low"][known], predicted["high"][known])
        ),
        "pairs with P > 0.9": int(confident.sum()),
        "of these hurt": _round(float((observed[confident] < 0).mean()))
        if confident.any()
        else None,
    }


def spending(truth, pairs, seconds, past=None):
    """Replay budgets on the truth: pairs bought one after another, everything charged.

    A pair is trained with all seeds; its price is what these fits took. Scoring was paid for all
    seeds too, refits of the gain model are paid as they happen.
    """
    place = {name: i for i, name in enumerate(truth.names)}
    scores, costs = truth.scores.mean(axis=2), truth.seconds.sum(axis=2)

    def evaluate(target, source):
        row, column = place[target], len(place) if source is None else place[source]
        return PairOutcome(float(scores[row, column]), float(costs[row, column]))

    gains, _ = gains_of(truth, pairs)
    targets = np.array(pairs.targets)
    best = _per_target(np.max, gains, targets).clip(0)
    single, every = costs[:, -1].sum(), np.nansum(costs[:, :-1])
    found = {}
    for start, known in (("cold", None), ("past of another family", past)):
        if start != "cold" and past is None:
            continue
        rows = []
        for budget in BUDGETS:
            bought = spend(
                pairs,
                evaluate,
                max_pairs=round(budget * len(place)),
                min_gain=None,
                model=GainModel(transfer=carried(truth), level=LEVEL, random_state=0),
                past=known,
                overhead=Overhead(scoring_seconds=seconds),
                random_state=0,
            )
            rows.append(_bill(bought, budget, best, single, every, seconds, pairs, gains))
        found[start] = rows
    return found


def _bill(bought, budget, best, single, every, seconds, pairs, gains):
    won = np.array([max(bought[name].gain, 0.0) for name in sorted(set(pairs.targets))])
    lost, n_trained = best - won, bought.bill.n_trained
    trained, fitted = bought.bill.trained_seconds, bought.bill.model_seconds
    return {
        "pairs a target": budget,
        "pairs saved": _round(1 - n_trained / pairs.n_pairs),
        "seconds saved": _round(1 - (single + seconds + fitted + trained) / (single + every)),
        "seconds saved without overhead": _round(1 - (single + trained) / (single + every)),
        "seconds of the gain model": _round(fitted),
        "F1 lost": _round(np.mean(lost)),
        "F1 lost, interval": _interval(mean_over_targets(lost, random_state=0)),
        "F1 lost by as many random pairs": _round(_random_loss(n_trained, pairs, gains)),
    }


def _random_loss(n_pairs, pairs, gains):
    """Return the expected loss of training the same number of pairs, spread evenly at random."""
    targets = np.array(pairs.targets)
    names = np.unique(targets)
    share, extra = divmod(n_pairs, len(names))
    losses = []
    for target in names:
        own = gains[targets == target].clip(0)
        lower = m.random_regret_at(own, share) if share else own.max()
        upper = m.random_regret_at(own, share + 1)
        losses.append(lower + (upper - lower) * extra / len(names))
    return float(np.mean(losses))


def _per_target(function, values, targets):
    return np.array([function(values[targets == target]) for target in np.unique(targets)])


def _interval(found):
    return {"mean": _round(found.estimate), "low": _round(found.low), "high": _round(found.high)}


def _round(value):
    return None if value is None or not np.isfinite(value) else round(float(value), 4)
