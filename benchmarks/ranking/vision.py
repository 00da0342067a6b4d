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
from priorlift.ranking.rank import rank_sources
from priorlift.transfer.frozen_features import FrozenFeaturesClassifier
from priorlift.transfer.target_only import TargetOnlyClassifier
from ranking import backbones
from ranking.backbone_report import CONSENSUS, about, interval, orders, rounded, show
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
BUSI_SIDE = 32
PERMUTED = "consensus, permuted labels"


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
        "truth": [about(t, n, truth[i], gains[i]) for i, t in enumerate(tried)],
        "noise ceiling of tau": interval([m.noise_ceiling(table) for table in gains]),
        "orders": orders(rankings, gains, tried),
        "CPU seconds": {
            "training all heads": rounded(seconds[:, :, :-1].sum()),
            "training without transfer": rounded(seconds[:, :, -1].sum()),
            "scoring": rounded(scoring),
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
