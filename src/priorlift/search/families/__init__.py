"""Families: estimators whose settings along an axis are solved all at once.

One file a family, found through the entry points `priorlift.families`; `base` says what a family
offers. A family answers only what it can answer as the estimator's own `fit` would.
"""
