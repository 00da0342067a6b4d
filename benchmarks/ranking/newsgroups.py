"""20 Newsgroups as a family: pairs of groups, one of each of two subjects, to be told apart.

Tasks that divide the same two subjects are related, and some of them have their classes swapped, so
that pooling them hurts. This family served to develop the scores and their weights.
"""

import itertools

import numpy as np

from priorlift.encoders import TfidfSvdEncoder
from priorlift.readers.newsgroups import read_newsgroups
from ranking.families import Family, FamilyTask

SIZES = (20, 50, 200)
SOURCE_ROWS = 800
SUBJECTS = ("comp", "rec", "sci", "talk")
SWAPPED = 0.3


def family(data):
    """Return the family; TF-IDF is fitted on the sources' part alone."""
    posts = read_newsgroups(data / "gap" / "ng20_counts.npz")
    once = np.flatnonzero(~posts.repeats)
    counts, y = posts.counts[once], posts.y[once]
    draws = np.random.default_rng(0)
    part = draws.random(len(y))
    features = TfidfSvdEncoder(128, random_state=0).fit(counts[part < 0.4]).transform(counts)
    groups = {
        subject: [i for i, name in enumerate(posts.names) if name.startswith(subject + ".")]
        for subject in SUBJECTS
    }
    tasks = []
    for one, other in itertools.combinations(SUBJECTS, 2):
        left, right = (draws.permutation(groups[subject])[:4] for subject in (one, other))
        for positive, negative in zip(left, right, strict=True):
            if draws.random() < SWAPPED:
                positive, negative = negative, positive
            rows = np.flatnonzero((y == positive) | (y == negative))
            name = f"{posts.names[positive]} or {posts.names[negative]}"
            tasks.append(
                _task(name, f"{one}-{other}", features[rows], y[rows] == positive, part[rows])
            )
    return Family("newsgroups", tuple(tasks), SIZES, SOURCE_ROWS)


def _task(name, concept, X, positive, part):
    y = positive.astype(int)
    source, test = part < 0.4, part >= 0.65
    pool = ~source & ~test
    return FamilyTask(
        name, concept, "newsgroups", X[source], y[source], X[pool], y[pool], X[test], y[test]
    )
