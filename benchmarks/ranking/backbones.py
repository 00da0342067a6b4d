"""Five pretrained backbones as sources, and the images that they are asked about.

Three MobileNetV2 have learned from photographs of things, birds and insects; two residual networks
have learned from CIFAR-10. Each is seen by the averages of its last maps.
"""

import time
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed

from priorlift.encoders import CachedEncoder, ImageEncoder, ModuleEncoder
from priorlift.pool import ModelSource

MOBILE = {
    "MobileNetV2 ImageNet": "mobilenetv2_100_imagenet",
    "MobileNetV2 birds": "mobilenetv2_100_inat_bird",
    "MobileNetV2 insects": "mobilenetv2_100_inat_insect",
}
RESIDUAL = {"ResNet-56 CIFAR": 56, "ResNet-20 CIFAR": 20}
FIXED_ORDER = (*MOBILE, *RESIDUAL)  # ImageNet first, wide before narrow, deep before shallow
PIXELS = 96
SPLIT = ("train", "test")


@dataclass(frozen=True, eq=False)
class Images:
    """A data set: uint8 images, labels, and which rows may be trained on."""

    name: str
    X: np.ndarray
    y: np.ndarray
    groups: np.ndarray | None
    trainable: np.ndarray
    metric: str


def backbones(weights, cache):
    """Return the backbones; what they compute is kept in the folder `cache`."""
    encoders = {
        name: ImageEncoder(weights / folder, size=PIXELS) for name, folder in MOBILE.items()
    }
    # torch is loaded where it is used, so that the other families need none.
    from ranking.cifar_networks import ResidualNetwork, cifar_input

    for name, depth in RESIDUAL.items():
        path = weights / f"resnet{depth}_cifar10.safetensors"
        encoders[name] = ModuleEncoder(
            ResidualNetwork(depth), path, layer="layer3", preprocess=cifar_input
        )
    return [ModelSource(name, CachedEncoder(encoders[name], cache)) for name in FIXED_ORDER]


def encode_all(weights, cache, data_sets, n_jobs=2):
    """Fill the cache."""
    jobs = [delayed(_encode)(weights, cache, place, data_sets) for place in range(len(FIXED_ORDER))]
    Parallel(n_jobs=n_jobs)(jobs)


def speed(weights, cache, X):
    """Return CPU milliseconds an image by backbone, without the cache, on one thread."""
    import torch

    torch.set_num_threads(1)
    found = {}
    for model in backbones(weights, cache):
        model.encoder.encoder.transform(X[:2])
        start = time.process_time()
        model.encoder.encoder.transform(X)
        found[model.name] = round((time.process_time() - start) / len(X) * 1000, 2)
    return found


def _encode(weights, cache, place, data_sets):
    import torch

    torch.set_num_threads(1)
    model = backbones(weights, cache)[place]
    for images in data_sets:
        model.features(images.X)


def pneumonia(data, n_train, n_test):
    """Chest radiographs of children, pneumonia or not; copies are left out."""
    with np.load(data / "imaging" / "pneumoniamnist_reassembled.npz") as file:
        X = np.concatenate([file["train_images"], file["test_images"]])
        y = np.concatenate([file["train_labels"], file["test_labels"]]).ravel()
        n = len(file["train_images"])
    first = np.unique(X.reshape(len(X), -1), axis=0, return_index=True)[1]
    return _drawn(
        "pneumonia",
        X,
        y,
        np.intersect1d(first, np.arange(n)),
        n_train,
        np.intersect1d(first, np.arange(n, len(X))),
        n_test,
        "balanced accuracy",
    )


def usps(data, n_train, n_test):
    """Digits of envelopes, by the data set's own split."""
    import h5py

    with h5py.File(data / "gap" / "digits" / "usps.h5") as file:
        parts = [(np.array(file[f"{p}/data"]), np.array(file[f"{p}/target"])) for p in SPLIT]
    X = np.concatenate([part[0] for part in parts]).reshape(-1, 16, 16)
    y = np.concatenate([part[1] for part in parts])
    n, rows = len(parts[0][1]), np.arange(len(y))
    X = np.round(X * 255).astype(np.uint8)
    return _drawn("USPS", X, y, rows[:n], n_train, rows[n:], n_test, "accuracy")


def busi(data, share=0.6):
    """Ultrasound of breasts: normal, benign, malignant; near duplicates are one group."""
    with np.load(data / "imaging" / "busi_128.npz") as file:
        X, y, groups = file["images"], file["labels"].astype(int), file["group"].astype(int)
    names = np.unique(groups)
    chosen = np.random.default_rng(0).permutation(names)[: round(share * len(names))]
    return Images("BUSI", X, y, groups, np.isin(groups, chosen), "balanced accuracy")


def _drawn(name, X, y, train, n_train, test, n_test, metric):
    """Keep a random part of both sides."""
    draws = np.random.default_rng(0)
    kept = [
        np.sort(draws.choice(rows, min(most, len(rows)), replace=False))
        for rows, most in ((train, n_train), (test, n_test))
    ]
    rows = np.concatenate(kept)
    trainable = np.arange(len(rows)) < len(kept[0])
    return Images(name, X[rows], y[rows].astype(int), None, trainable, metric)
