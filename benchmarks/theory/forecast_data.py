"""Real features for forecasts: digits of three sources, news posts, chest radiographs.

Cases on which the method was looked at while it was written are not here: USPS 3 or 5, 4 or 9, 0 or
6 and parity, two pairs of news groups, and the parity of scikit-learn's digits.
"""

import numpy as np
from scipy.sparse.linalg import svds
from sklearn.datasets import load_digits

PAIRS = ((3, 8), (2, 7), (5, 8), (7, 9))
GROUPS = ((1, 2), (8, 9), (11, 16), (7, 10), (2, 12), (17, 18))
COMPONENTS = 64


def cases(data, mode):
    """Yield name, features and labels (two classes) of each case."""
    few = mode == "quick"
    yield from _digits(*load_digits(return_X_y=True), "digits", few)
    X, y = _usps(data)
    yield from _digits(_halved(X), y, "USPS 8x8", few)
    yield "USPS 3 or 8, 16x16", *_pair(X, y, 3, 8)
    yield "USPS 0 to 4 or 5 to 9, 8x8", _halved(X), y >= 5
    X, y = _mnist(data)
    yield from _digits(_halved(X), y, "MNIST 8x8", few)
    yield "MNIST even or odd, 8x8", _halved(X), y % 2
    yield "MNIST 0 to 4 or 5 to 9, 8x8", _halved(X), y >= 5
    for pair in GROUPS[: 2 if few else None]:
        yield _posts(data, pair)
    yield "pneumonia or not, ResNet-20", *_pneumonia(data, 400 if few else 1400)


def _digits(X, y, name, few):
    for a, b in PAIRS[: 1 if few else None]:
        yield f"{name}, {a} or {b}", *_pair(X, y, a, b)


def _pair(X, y, a, b):
    rows = np.isin(y, (a, b))
    return X[rows], y[rows] == b


def _halved(X):
    return X.reshape(len(X), 8, 2, 8, 2).mean(axis=(2, 4)).reshape(len(X), 64)


def _usps(data):
    import h5py

    with h5py.File(data / "gap" / "digits" / "usps.h5") as file:
        parts = [(np.array(file[f"{p}/data"]), np.array(file[f"{p}/target"])) for p in file]
    X, y = (np.concatenate(values) for values in zip(*parts, strict=True))
    return X.astype(float), y.astype(int)


def _mnist(data):
    import h5py

    with h5py.File(data / "gap" / "digits" / "MNIST_vs_USPS.mat") as file:
        X, y = np.array(file["Xs"]), np.array(file["Ys"]).ravel().astype(int) - 1
    return (X.T if X.shape[0] == 256 else X).astype(float), y


def _posts(data, pair):
    from priorlift.readers.newsgroups import read_newsgroups

    posts = read_newsgroups(data / "gap" / "ng20_counts.npz")
    rows = np.flatnonzero(np.isin(posts.y, pair))
    counts = posts.counts[rows].astype(float)
    counts = counts[:, np.asarray((counts > 0).sum(axis=0)).ravel() >= 3]
    counts.data = np.log1p(counts.data)
    seen = np.asarray((counts > 0).sum(axis=0)).ravel()
    counts = counts.multiply(np.log(len(rows) / seen)).tocsr()
    lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    counts = counts.multiply(1.0 / np.maximum(lengths, 1e-12)[:, None]).tocsr()
    X = svds(counts, k=COMPONENTS, random_state=0)
    return f"news groups {pair[0]} or {pair[1]}, SVD", X[0] * X[1], posts.y[rows] == pair[1]


def _pneumonia(data, each):
    import torch
    from ranking.cifar_networks import ResidualNetwork, cifar_input
    from safetensors.torch import load_file

    with np.load(data / "imaging" / "pneumoniamnist_reassembled.npz") as file:
        X = np.concatenate([file["train_images"], file["test_images"]])
        y = np.concatenate([file["train_labels"], file["test_labels"]]).ravel()
    first = np.unique(X.reshape(len(X), -1), axis=0, return_index=True)[1]
    X, y = X[np.sort(first)], y[np.sort(first)]
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.permutation(np.flatnonzero(y == k))[:each] for k in (0, 1)])
    torch.set_num_threads(1)
    network = ResidualNetwork(20)
    network.load_state_dict(load_file(data / "weights" / "resnet20_cifar10.safetensors"))
    network.eval()
    network.linear = torch.nn.Identity()
    with torch.no_grad():
        parts = [network(cifar_input(X[rows[i : i + 200]])) for i in range(0, len(rows), 200)]
    return torch.cat(parts).double().numpy(), y[rows] == 1
