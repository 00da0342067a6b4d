"""Proof of gap minimisation on real data: boosting, regression, the diagnostic, multitask nets."""
