"""Proof of shared work: SharedSearchCV against GridSearchCV, row by row.

Every module with a function `run(mode)` is a part; it returns a list of rows, see `rows.py`.
"""
