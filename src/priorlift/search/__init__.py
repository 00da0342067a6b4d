"""Search: a drop-in for scikit-learn's grid search that does shared work once.

Candidates are chains of steps. Chains that begin alike share the fitted beginning (`prefix_tree`),
and settings of a last step that can be solved together are solved together (`families`). Both give
the scores that scikit-learn's own search gives; what cannot be shared is fitted plainly.
"""

from priorlift.search.alternatives import Alternatives, Join, Option
from priorlift.search.shared_search import SharedSearchCV
from priorlift.search.shared_work import SharedWork

__all__ = ["Alternatives", "Join", "Option", "SharedSearchCV", "SharedWork"]
