"""Figures from plain arrays: forests of lifts, learning curves, places in a ranking, maps of tasks.

Nothing here knows a result class, and matplotlib is imported only when a figure is drawn. Figures
are made without pyplot, so drawing one never opens a window and never changes global state.
"""
