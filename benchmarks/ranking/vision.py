"""Which pretrained backbone to start from: rankings of five models held against linear probes.

Targets are made of chest radiographs, ultrasound of breasts, and digits. The truth is a linear head
on each backbone's frozen features by the library's own method, against the best learner on pixels;
rows for training are drawn anew for each seed, test rows are fixed. A ranking sees the training
rows of one draw, as a user's would, and is judged by the mean lifts of the *other* draws. Nothing
was tuned on these data.
"""

import argparse
import json
import time
import warnings
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import harness  # first: it fixes the number of threads
import numpy as np
from joblib import Parallel, delayed
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.preprocessing import FunctionTransformer

from priorlift import SourcePool
from priorlift.pool import ModelSource
from priorlift.ranking import measures as m
from priorlift.ranking.measures.target_bootstrap import mean_over_targets, paired_difference
from priorlift.ranking.rank import rank_sources
from priorlift.transfer.frozen_features import FrozenFeaturesClassifier
from priorlift.transfer.target_only import TargetOnlyClassifier
from ranking import backbones
from ranking.backbones import FIXED_ORDER
from ranking.families import sample

SCORES = (
    "logme", "shrinkage_h", "h_score", "knn", "transrate", "label_cka", "parc", "feature_gain",
)  # fmt: skip
SEEDS = {"quick": {50: 4}, "full": {50: 6, 200: 6, 1000: 6}}
ROWS = {"quick": (400, 300), "full": (3000, 1500)}
PNEUMONIA_ROWS = {"quick": (200, 200), "full": (1500, 400)}
PAIRS = ((4, 9), (3, 5), (3, 8), (2, 7), (7, 9))
LARGE = ("pneumonia", "USPS digits", "USPS even or odd")
METRICS = {"accuracy": accuracy_score, "balanced accuracy": balanced_accuracy_score}
REGRETS = (1, 3)
BUSI_SIDE = 32
CONSENSUS, PERMUTED = "consensus", "consensus, permuted labels"


@dataclass(frozen=True, eq=False)
class VisionTarget:
    """One target: some images of a data set, and what is to be told about them."""

    name: str
    images: backbones.Images
    rows: np.ndarray
    y: np.ndarray

    @property
    def pool(self):
        return np.flatnonzero(self.images.trainable[self.rows])

    @property
    def test(self):
        return np.flatnonzero(~self.images.trainable[self.rows])

    def draw(self, n, seed):
        """Return places of n training rows, another sample for each seed."""
        pool = self.pool
        return pool[sample(self.y[pool], n, f"target {self.name}", seed)]

    def groups(self, places):
        known = self.images.groups
        return None if known is None else known[self.rows[places]]

    def score(self, places, predicted):
        return METRICS[self.images.metric](self.y[places], predicted)

    def pixels(self, places):
        """Return grey values in [0, 1], shape (n, d); ultrasound averaged to 32 x 32."""
        X = self.images.X[self.rows[places]].astype(np.float32) / 255.0
        step = max(1, X.shape[1] // BUSI_SIDE)
        side = X.shape[1] // step
        return X.reshape(len(X), side, step, side, step).mean(axis=(2, 4)).reshape(len(X), -1)


def data_sets(data, size):
    return (
        backbones.busi(data),
        backbones.pneumonia(data, *PNEUMONIA_ROWS[size]),
        backbones.usps(data, *ROWS[size]),
    )


def targets(busi, pneumonia, usps):
    """Return the targets."""
    lesion = np.flatnonzero(busi.y > 0)
    found = [
        _target("pneumonia", pneumonia, pneumonia.y),
        _target("BUSI three classes", busi, busi.y),
        _target("BUSI benign or malignant", busi, busi.y, lesion),
        _target("BUSI normal or not", busi, (busi.y > 0).astype(int)),
        _target("USPS digits", usps, usps.y),
        _target("USPS even or odd", usps, usps.y % 2),
    ]
    for pair in PAIRS:
        rows = np.flatnonzero(np.isin(usps.y, pair))
        found.append(_target(f"USPS {pair[0]} or {pair[1]}", usps, usps.y, rows))
    return found


def _target(name, images, y, rows=None):
    rows = np.arange(len(y)) if rows is None else rows
    return VisionTarget(name, images, rows, y[rows])


class Known:
    """Features that were read once from the cache, found again by the image itself."""

    def __init__(self, model, data):
        self.fingerprint = model.encoder.fingerprint
        self.place, rows = {}, []
        for images in data:
            for image, row in zip(images.X, model.features(images.X), strict=True):
                self.place[image.tobytes()] = len(rows)
                rows.append(row)
        self.rows = np.stack(rows)

    def transform(self, X):
        return self.rows[[self.place[image.tobytes()] for image in X]]


def run(data, cache, size, keep=None):
    """Return everything that was measured.

    `data` is the data directory, `cache` a folder for features, `size` "quick" or "full"; `keep` is
    called with what is known after each label budget.
    """
    data, cache = Path(data), Path(cache)
    sets = data_sets(data, size)
    backbones.encode_all(data / "weights", cache, sets)
    encoding = backbones.speed(data / "weights", cache, sets[0].X[:64])
    models = backbones.backbones(data / "weights", cache)
    known = [ModelSource(model.name, Known(model, sets)) for model in models]
    found = {
        "backbones": list(FIXED_ORDER),
        "pixels a side for MobileNetV2": backbones.PIXELS,
        "images": {images.name: len(images.y) for images in sets},
        "CPU milliseconds of encoding an image": encoding,
        "label budgets": {},
    }
    for n, n_seeds in SEEDS[size].items():
        tried = [t for t in targets(*sets) if n < 1000 or t.name in LARGE]
        found["label budgets"][str(n)] = _at_budget(tried, known, n, range(n_seeds))
        if keep is not None:
            keep(found)
    return found


def _at_budget(tried, known, n, seeds):
    truth, seconds = _truth(tried, known, n, seeds)
    rankings, scoring = _rankings(tried, known, n, seeds)
    gains = truth[:, :, :-1] - truth[:, :, -1:]  # targets, seeds, backbones
    return {
        "targets": len(tried),
        "seeds": len(seeds),
        "truth": [_about(t, n, truth[i], gains[i]) for i, t in enumerate(tried)],
        "noise ceiling of tau": _interval([m.noise_ceiling(table) for table in gains]),
        "orders": _orders(rankings, gains, tried),
        "CPU seconds": {
            "training all heads": _round(seconds[:, :, :-1].sum()),
            "training without transfer": _round(seconds[:, :, -1].sum()),
            "scoring": _round(scoring),
        },
    }


def _truth(tried, known, n, seeds):
    """Return scores and CPU seconds, shape (targets, seeds, backbones + 1); the last is pixels."""
    jobs = []
    for target in tried:
        X = target.images.X[target.rows]
        features = [model.encoder.transform(X) for model in known]
        jobs += [delayed(_train)(target, features, n, seed) for seed in seeds]
    found = np.array(Parallel(n_jobs=2)(jobs)).reshape(len(tried), len(seeds), 2, -1)
    return found[:, :, 0], found[:, :, 1]


def _train(target, features, n, seed):
    rows, test, scores, seconds = target.draw(n, seed), target.test, [], []
    # The features were computed by the frozen backbone already, which the head then finds as they
    # are; a row's features depend on that row alone.
    frozen = FrozenEstimator(FunctionTransformer())
    head = FrozenFeaturesClassifier(encoder=frozen, preprocess=None, random_state=seed)
    arms = [(head, X[rows], X[test]) for X in features]
    pixels = TargetOnlyClassifier(random_state=seed)
    arms.append((pixels, target.pixels(rows), target.pixels(test)))
    for model, X, X_test in arms:
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X.astype(float), target.y[rows], groups=target.groups(rows))
            scores.append(target.score(test, model.predict(X_test.astype(float))))
        seconds.append(time.process_time() - start)
    return scores, seconds


def _rankings(tried, known, n, seeds):
    """Return each ranker's values, shape (targets, seeds, backbones), and CPU seconds of one."""
    names = (*SCORES, CONSENSUS, PERMUTED)
    found = {name: np.zeros((len(tried), len(seeds), len(known))) for name in names}
    pool, scoring = SourcePool(known), 0.0
    for i, target in enumerate(tried):
        for k, seed in enumerate(seeds):
            places = target.draw(n, seed)
            X, y = target.images.X[target.rows[places]], target.y[places]
            options = {
                "groups": target.groups(places),
                "task": "classification",
                "transfer": "features",
                "n_bootstrap": 0,
                "random_state": seed,
            }
            start = time.process_time()
            ranking = rank_sources(X, y, pool, **options)
            scoring += time.process_time() - start
            found[CONSENSUS][i, k] = _promise(ranking, known)
            shuffled = np.random.default_rng(seed).permutation(y)
            found[PERMUTED][i, k] = _promise(rank_sources(X, shuffled, pool, **options), known)
            ranking = rank_sources(X, y, pool, scores=SCORES, **options)
            for name in SCORES:
                found[name][i, k] = [ranking[model.name].scores[name] for model in known]
    return found, scoring


def _promise(ranking, known):
    return [-ranking[model.name].consensus for model in known]


def _orders(rankings, gains, tried):
    """Judge each ranker by target; a draw's ranking meets the mean lifts of the other draws."""
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
        found[name] = {measure: _interval(values) for measure, values in by_target.items()}
        found[name]["tau by target"] = [_round(value) for value in by_target["tau"]]
    found["random"] = {
        f"regret@{k}": _interval(
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


def _about(target, n, scores, gains):
    return {
        "target": target.name,
        "metric": target.images.metric,
        "training rows": n,
        "rows to draw from": len(target.pool),
        "test rows": len(target.test),
        "score without transfer": _round(scores[:, -1].mean()),
        "mean lift": dict(zip(FIXED_ORDER, map(_round, gains.mean(axis=0)), strict=True)),
        "deviation over draws": dict(
            zip(FIXED_ORDER, map(_round, gains.std(axis=0, ddof=1)), strict=True)
        ),
        "noise ceiling of tau": _round(m.noise_ceiling(gains)),
    }


def _interval(values):
    return _of(mean_over_targets(values, random_state=0))


def _of(found):
    return {"mean": _round(found.estimate), "low": _round(found.low), "high": _round(found.high)}


def _round(value):
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the data directory")
    parser.add_argument("--cache", type=Path, required=True, help="folder for features")
    parser.add_argument("--full", action="store_true", help="the sizes that are published")
    options = parser.parse_args()
    size = "full" if options.full else "quick"
    show(run(options.data, options.cache, size, lambda found: publish(size, found)))


def publish(size, found):
    """Write what was measured, with machine, versions and date."""
    versions = {name: metadata.version(name) for name in ("torch", "transformers")}
    document = {"benchmark": "ranking/vision", "preset": size, **harness.surroundings()}
    document["versions"] |= versions
    path = harness.RESULTS / "ranking" / "vision.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**document, "result": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
