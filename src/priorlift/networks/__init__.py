"""Networks: torch modules, loss terms, domain-balanced batches, and the one training loop.

Whatever trains a network here trains it through `loop.train`: a module, an objective and rows of
one or more tasks go in, the fitted module comes out. Modules are classes of torch, so `modules`,
`gap_objective` and `loop` import torch when they are imported; the rest of priorlift imports them
inside the functions that train.
"""
