"""Splits of the target's training rows for choices made inside `fit`.

They live in `priorlift.ranking.inner_validation`, since the performance gap needs them, too.
"""

from priorlift.ranking.inner_validation import Split, inner_splits

__all__ = ["Split", "inner_splits"]
