"""What is kept of a fit: the network, the anchors' embeddings for the vote, and what is new.

No expression value and no row of a source is in here; predictions need NumPy and SciPy only.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from priorlift.transfer.joint import neighbours, vote
from priorlift.transfer.joint.combining import Combination
from priorlift.transfer.joint.novelty import Novelty
from priorlift.transfer.joint.settings import Settings
from priorlift.transfer.joint.sparse_batches import Cells
from priorlift.transfer.joint.workers import ALONE, Workers


class Member(BaseEstimator):
    """One trained network with its anchors.

    Parameters
    ----------
    W, b : ndarray of float32, shape (width, d) and (d,)
        The encoder.
    H, c : ndarray of float32, shape (d, n_classes) and (n_classes,)
        The head.
    anchors : ndarray of float32, shape (m, d)
        Embeddings, of length 1, of the cells that vote.
    anchor_codes : ndarray of int, shape (m,)
        Their classes.
    settings : Settings
        Resolved.
    stands_for : ndarray of shape (m,), optional
        For how many cells each anchor votes; by default one.
    """

    def __init__(
        self,
        W: NDArray[np.float32],
        b: NDArray[np.float32],
        H: NDArray[np.float32],
        c: NDArray[np.float32],
        anchors: NDArray[np.float32],
        anchor_codes: NDArray[np.int64],
        settings: Settings,
        stands_for: NDArray[np.float64] | None = None,
    ) -> None:
        self.W = W
        self.b = b
        self.H = H
        self.c = c
        self.anchors = anchors
        self.anchor_codes = anchor_codes
        self.settings = settings
        self.stands_for = stands_for

    def thinned(self, kept: NDArray[np.intp], stands_for: NDArray[np.float64]) -> "Member":
        """Return the network with some anchors only, and for how many cells each votes."""
        anchors, codes = self.anchors[kept], self.anchor_codes[kept]
        return Member(self.W, self.b, self.H, self.c, anchors, codes, self.settings, stands_for)

    def raw(self, cells: Cells, workers: Workers = ALONE) -> NDArray[np.float32]:
        """Return embeddings as the head takes them, shape (n, d)."""
        return cells.embed(self.W, self.b, workers)

    def head(self, raw: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the head's probabilities, shape (n, n_classes)."""
        logits = (raw @ self.H + self.c).astype(float)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def vote(
        self,
        embedding: NDArray[np.float32],
        workers: Workers = ALONE,
        own: NDArray[np.intp] | None = None,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return shares of the neighbours' votes and mean distances to the neighbours.

        Parameters
        ----------
        embedding : ndarray of float32, shape (n, d)
            Rows of length 1.
        workers : Workers
            Share the rows.
        own : ndarray of int, shape (n,), optional
            Which anchor is the row itself, and so has no vote; -1 for none.
        """
        settings, n_classes = self.settings, self.H.shape[1]
        k, others = settings.n_neighbors, len(self.anchors) > 1
        apart = own is not None and others and bool((own >= 0).any())
        found, distances = neighbours.nearest(embedding, self.anchors, k + apart, workers)
        if own is not None and apart:
            found, distances = neighbours.without(found, distances, own)
        sizes = np.bincount(self.anchor_codes, self.stands_for, minlength=n_classes).astype(float)
        codes = self.anchor_codes[found]
        votes = None if self.stands_for is None else self.stands_for[found]
        shares = vote.shares(codes, distances, n_classes, settings.vote, sizes, votes)
        return shares, distances.mean(axis=1).astype(float)


class FittedJoint(BaseEstimator):
    """The members of a fit, and what tells novelty.

    Parameters
    ----------
    members : list of Member
        One a seed.
    novelty : Novelty or None
        How unlike known cells a row is.
    combination : Combination or None
        What adds counts and the query's own features to the vote.
    composition : ndarray of shape (n_classes,) or None
        Shares of classes at which the references' levels were taken.
    """

    def __init__(
        self,
        members: Sequence[Member],
        novelty: Novelty | None = None,
        combination: Combination | None = None,
        composition: NDArray[np.float64] | None = None,
    ) -> None:
        self.members = members
        self.novelty = novelty
        self.combination = combination
        self.composition = composition

    def views(
        self, cells: Cells, workers: Workers = ALONE, own: NDArray[np.intp] | None = None
    ) -> "Views":
        """Return what all members say of rows, averaged; `own` as in `Member.vote`."""
        raw = [member.raw(cells, workers) for member in self.members]
        embedded = [neighbours.normalised(part) for part in raw]
        votes = [m.vote(part, workers, own) for m, part in zip(self.members, embedded, strict=True)]
        heads = [m.head(part) for m, part in zip(self.members, raw, strict=True)]
        shares = np.mean([shares for shares, _ in votes], axis=0)
        proba = shares if self.combination is None else self.combination.proba(shares, cells)
        return Views(
            embedded[0],
            shares,
            np.mean(heads, axis=0),
            np.mean([distance for _, distance in votes], axis=0),
            proba,
        )

    def embedding(self, cells: Cells) -> NDArray[np.float32]:
        """Return the embedding of the first member, rows of length 1."""
        return neighbours.normalised(self.members[0].raw(cells))


class Views:
    """What a fit says of rows.

    Attributes
    ----------
    embedding : ndarray of float32, shape (n, d)
        Of the first member, rows of length 1.
    vote, head : ndarray of shape (n, n_classes)
        Shares of votes; the head's probabilities.
    distance : ndarray of shape (n,)
        Mean distance to the neighbours.
    proba : ndarray of shape (n, n_classes)
        Class probabilities: the vote, or the vote with all that was added to it.
    """

    def __init__(
        self,
        embedding: NDArray[np.float32],
        vote: NDArray[np.float64],
        head: NDArray[np.float64],
        distance: NDArray[np.float64],
        proba: NDArray[np.float64],
    ) -> None:
        self.embedding = embedding
        self.vote = vote
        self.head = head
        self.distance = distance
        self.proba = proba
