"""The procedure of the original method, transcribed from a description of what its code does.

It is no copy of that code, which is not part of this project: per-cell densifying, a linear network
trained by autograd on dense batches that are drawn with replacement, texts on the disk between the
stages, a brute-force search for neighbours that is asked twice, a vote in a Python loop. The speed
of ours is measured against it; its accuracy says whether the transcription is right.
"""

import random
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import scipy.sparse as sp

WIDTH, BATCH, NEIGHBOURS = 64, 256, 30
FRACTION, L1, CENTER_WEIGHT = 0.8, 0.1, 1.0
RATE, MOMENTUM, DECAY_EVERY = 0.01, 0.9, 20


def label(reference, y, query, *, n_binary, epochs=(20, 20), seed=0):
    """Return labels of the query's rows.

    Parameters
    ----------
    reference, query : CSR matrix of shape (n, d)
    y : ndarray of shape (n,)
        Types of the reference.
    n_binary : int
        Columns that become 0 or 1; later ones, proteins, stay as they are.
    epochs : (int, int)
        Of the two training stages.
    """
    import torch

    random.seed(1)
    torch.manual_seed(seed)
    types, codes = np.unique(y, return_inverse=True)
    rows = _Rows(sp.csr_matrix(reference), n_binary), _Rows(sp.csr_matrix(query), n_binary)
    with tempfile.TemporaryDirectory() as folder:
        first = _train(rows, codes, None, len(types), epochs[0])
        voted = _vote(first, rows, codes, Path(folder))
        last = _train(rows, codes, voted, len(types), epochs[1])
        return types[_vote(last, rows, codes, Path(folder))]


class _Rows:
    """One data set; a row is made dense when it is asked for."""

    def __init__(self, X, n_binary):
        self.X, self.n_binary = X, n_binary

    def __len__(self):
        return self.X.shape[0]

    def __getitem__(self, i):
        row = np.asarray(self.X[i].todense(), dtype=np.float32)[0]
        return np.concatenate([(row[: self.n_binary] > 0).astype(np.float32), row[self.n_binary :]])

    def batch(self, picked):
        import torch

        return torch.stack([torch.from_numpy(self[i]) for i in picked])


def _train(rows, codes, voted, n_classes, epochs):
    import torch
    from torch.nn import functional

    reference, query = rows
    width = reference.X.shape[1]
    encoder, head = torch.nn.Linear(width, WIDTH), torch.nn.Linear(WIDTH, n_classes)
    parameters = [*encoder.parameters(), *head.parameters()]
    optimiser = torch.optim.SGD(parameters, lr=RATE, momentum=MOMENTUM)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, DECAY_EVERY, 0.1)
    centers = torch.randn(n_classes, WIDTH)
    for _ in range(epochs):
        for _ in range(len(query) // BATCH):
            at = [random.randrange(len(reference)) for _ in range(BATCH)]
            there = [random.randrange(len(query)) for _ in range(BATCH)]
            f, g = encoder(reference.batch(at)), encoder(query.batch(there))
            known = torch.as_tensor(codes[at])
            loss = functional.cross_entropy(head(f), known) + _reduction(f) + _reduction(g)
            loss = loss - _alignment(f, g) + L1 * sum(p.abs().mean() for p in parameters)
            if voted is not None:
                said = torch.as_tensor(voted[there])
                loss = loss + functional.cross_entropy(head(g), said)
                loss = loss + CENTER_WEIGHT * (_away(f, known, centers) + _away(g, said, centers))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
    return encoder, head


def _reduction(f):
    import torch

    away = f - f.mean(dim=0)
    covariance = away.T @ away / (len(f) - 1)
    above = torch.triu(covariance, diagonal=1)
    return 1.0 / away.abs().mean() + above.abs().mean() + f.abs().mean()


def _alignment(f, g):
    from torch.nn.functional import normalize

    best = (normalize(g) @ normalize(f).T).max(dim=1).values
    return best.topk(int(FRACTION * len(g))).values.mean()


def _away(f, codes, centers):
    squared = (f**2).sum(1, keepdim=True) + (centers**2).sum(1) - 2.0 * f @ centers.T
    distance = squared.clamp(min=1e-12).sqrt()
    mask = codes[:, None] == np.arange(len(centers))[None]
    return (distance * mask).mean()


def _vote(network, rows, codes, folder):
    """Write embeddings and probabilities as texts, read them again, search and vote."""
    from sklearn.neighbors import NearestNeighbors

    embedded = []
    for name, data in zip(("reference", "query"), rows, strict=True):
        _write(network, data, folder / name)
        embedded.append(np.loadtxt(folder / f"{name}_embeddings.txt"))
    search = NearestNeighbors(n_neighbors=NEIGHBOURS, algorithm="brute").fit(embedded[0])
    search.kneighbors(embedded[1])  # once for the vote, once for its confidence
    _, found = search.kneighbors(embedded[1])
    voted = []
    for neighbours in found:
        votes = Counter(codes[i] for i in neighbours)
        most = max(votes.values())
        voted.append(min(code for code, count in votes.items() if count == most))
    return np.array(voted)


def _write(network, data, path):
    import torch
    from torch.nn import functional

    encoder, head = network
    with (
        torch.no_grad(),
        Path(f"{path}_embeddings.txt").open("w") as embeddings,
        Path(f"{path}_predictions.txt").open("w") as predictions,
    ):
        for start in range(0, len(data), BATCH):
            f = encoder(data.batch(range(start, min(start + BATCH, len(data)))))
            np.savetxt(embeddings, functional.normalize(f).numpy())
            np.savetxt(predictions, torch.softmax(head(f), dim=1).numpy())
