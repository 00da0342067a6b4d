"""Six binary tasks of 20 Newsgroups: one group a class and domain, few labelled target posts."""

import numpy as np
from scipy.sparse.linalg import svds
from sklearn.linear_model import LogisticRegression

from gap import columns
from priorlift.pool import Source, SourcePool
from priorlift.readers.newsgroups import read_newsgroups

# Groups as positions in alphabetical order: source negative, positive; target negative, positive.
TASKS = {
    "rec-talk": (10, 18, 9, 17),
    "comp-sci": (3, 13, 4, 11),
    "rec-sci": (7, 12, 8, 14),
    "sci-talk": (14, 16, 13, 18),
    "comp-rec": (3, 7, 4, 8),
    "comp-talk": (1, 19, 2, 18),
}
N_COMPONENTS = 100
N_ROUNDS = 20
SPLITS = {"quick": 1, "full": 20}
SHARES = (0.02, 0.1)
GOALS = {0.02: 12.5, 0.1: 7.0}


def run(data, mode):
    """Return one summary a share of labelled target rows; errors in percent."""
    posts = read_newsgroups(data / "gap" / "ng20_counts.npz")
    given = {name: _features(posts, groups) for name, groups in TASKS.items()}
    methods = columns.classifiers(LogisticRegression(max_iter=200), N_ROUNDS)
    found = {}
    for share in SHARES:
        tasks = {
            name: [_split(methods, *rows, share, seed) for seed in range(SPLITS[mode])]
            for name, rows in given.items()
        }
        found[f"{share:.0%}"] = columns.summary(tasks)
        found[f"{share:.0%}"]["goal"] = GOALS[share]
    return found


def _features(posts, groups):
    """Return left singular vectors of source and all target rows; labels are not looked at."""
    source, target = (np.flatnonzero(np.isin(posts.y, pair)) for pair in (groups[:2], groups[2:]))
    rows = np.concatenate([source, target])
    counts = posts.counts[rows].astype(float)
    counts.data[:] = 1.0
    counts = counts[:, np.asarray(counts.sum(axis=0)).ravel() >= 3]
    X = svds(counts, k=N_COMPONENTS, random_state=0)[0] * np.sqrt(len(rows))
    y = np.isin(posts.y[rows], (groups[1], groups[3])).astype(int)
    n = len(source)
    return SourcePool([Source("source", X[:n], y[:n])]), X[n:], y[n:]


def _split(methods, pool, X, y, share, seed):
    order = np.random.RandomState(seed).permutation(len(y))
    train, test = np.split(order, [round(share * len(y))])
    return columns.one_split(methods, pool, (X[train], y[train]), (X[test], y[test]), columns.error)
