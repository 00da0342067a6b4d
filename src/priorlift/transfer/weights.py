"""Fits with sample weights.

They live in `priorlift.ranking.weights`, since the performance gap needs them, too.
"""

from priorlift.ranking.weights import fit_weighted

__all__ = ["fit_weighted"]
