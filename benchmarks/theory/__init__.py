"""Proof of the theory: against closed forms, against simulation, on real features, and its speed.

Every module with a function `run(mode)` is a part; it returns a dictionary whose "checks" are those
of `checks.py`. `forecasts` alone needs real data and runs only when it is named.
"""
