"""The performance gap: what a source's model loses on the target, and the target's on the source.

`performance` measures it for any estimator, by cross-fitting (`cross_fit`) and against a null of
permuted domains (`null`); `result` holds what came out, the source rows that hurt included. `heads`
compares many tasks through heads on shared features, and `score` ranks sources by the gap.
"""
