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
CIFAR_MEAN, CIFAR_SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


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
    for name, depth in RESIDUAL.items():
        path = weights / f"resnet{depth}_cifar10.safetensors"
        encoders[name] = ModuleEncoder(
            residual_network(depth), path, layer="layer3", preprocess=cifar_input
        )
    return [ModelSource(name, CachedEncoder(encoders[name], cache)) for name in FIXED_ORDER]


def residual_network(depth):
    """Return the architecture of He et al. for CIFAR-10, whose short cuts have no weights."""
    from torch import nn
    from torch.nn.functional import pad, relu

    class Block(nn.Module):
        def __init__(self, before, width, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(width)
            self.stride, self.extra = stride, (width - before) // 2

        def forward(self, x):
            found = self.bn2(self.conv2(relu(self.bn1(self.conv1(x)))))
            past = x[:, :, :: self.stride, :: self.stride]
            return relu(found + pad(past, (0, 0, 0, 0, self.extra, self.extra)))

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(16)
            before = 16
            for place, width in enumerate((16, 32, 64), start=1):
                blocks = [
                    Block(before if i == 0 else width, width, 2 if place > 1 and i == 0 else 1)
                    for i in range((depth - 2) // 6)
                ]
                setattr(self, f"layer{place}", nn.Sequential(*blocks))
                before = width
            self.linear = nn.Linear(64, 10)

        def forward(self, x):
            x = relu(self.bn1(self.conv1(x)))
            return self.linear(self.layer3(self.layer2(self.layer1(x))).mean(dim=(2, 3)))

    return Network()


def cifar_input(images):
    """Turn grey uint8 images of any size into what the CIFAR networks take."""
    import torch

    pixels = torch.from_numpy(np.ascontiguousarray(images)).float()[:, None] / 255.0
    small = torch.nn.functional.interpolate(
        pixels, size=(32, 32), mode="bilinear", antialias=True, align_corners=False
    )
    mean, spread = (torch.tensor(v).reshape(1, 3, 1, 1) for v in (CIFAR_MEAN, CIFAR_SPREAD))
    return (small.expand(-1, 3, -1, -1) - mean) / spread


def encode_all(weights, cache, data_sets, n_jobs=2):
    """Fill the cache; return CPU seconds by backbone, next to nothing where it was filled."""
    jobs = [delayed(_encode)(weights, cache, place, data_sets) for place in range(len(FIXED_ORDER))]
    seconds = Parallel(n_jobs=n_jobs)(jobs)
    return dict(zip(FIXED_ORDER, seconds, strict=True))


def _encode(weights, cache, place, data_sets):
    import torch

    torch.set_num_threads(1)
    start = time.process_time()
    model = backbones(weights, cache)[place]
    for images in data_sets:
        model.features(images.X)
    return round(time.process_time() - start, 2)


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


SPLIT = ("train", "test")


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
