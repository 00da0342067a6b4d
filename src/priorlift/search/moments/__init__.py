"""The second-moment engine: chains of transformers and ridge heads without touching training rows.

`rows` reads the data once, `state` is what is known of one fold's training rows behind some
transformers, `operators` move a state through one transformer each, `engine` puts them together.
"""

from priorlift.search.moments.engine import MomentEngine, solves

__all__ = ["MomentEngine", "solves"]
