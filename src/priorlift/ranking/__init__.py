"""Ranking: which sources will help a target, before anything is trained on the target.

`statistics` condenses rows into sufficient statistics in one pass, `scores` are functions of them,
`view` is what a score may look at for one source, and `rank` puts the sources in an order with
intervals, ties and a bill.
"""
