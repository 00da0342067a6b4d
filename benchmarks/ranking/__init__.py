"""Proof of the rankings on real data: families of tasks, the truth by training, the comparison."""
