"""What a multitask fit found out about its tasks, as a result of its own: matrices with names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core.tables import to_frame

_PAGE = """\
<table>
<caption>Task relation ({{ kind }}): how much the head of a row learns from the task of a column
</caption>
<thead><tr><th></th>{% for name in found.names %}<th scope="col">{{ name }}</th>{% endfor %}</tr>
</thead>
<tbody>
{% for name in found.names %}
<tr><th scope="row">{{ name }}</th>
{%- for value in found.alpha[loop.index0] %}<td>{{ "%.2f" | format(value) }}</td>{% endfor %}</tr>
{% endfor %}
</tbody>
</table>
"""


@dataclass(frozen=True)
class TaskRelation:
    """The relation of tasks in a fitted multitask network.

    Parameters
    ----------
    names : tuple of str
        The tasks: "target" first, then the sources.
    alpha : ndarray of shape (n_tasks, n_tasks)
        Weight of the task of a column in the loss of a row's head; rows sum to 1. The matrix that
        the last epoch of the kept weights was trained with.
    loss : ndarray of shape (n_tasks, n_tasks)
        Loss on a column's task of a row's probe, a linear head that is trained on its own task
        alone; on held-out rows where there are some, a moving average.
    gap : ndarray of shape (n_tasks, n_tasks)
        Performance gap of each pair: what the two probes lose on each other's task. Symmetric.
    distance : ndarray of shape (n_tasks, n_tasks)
        Mean squared distance of class centroids, in units of the spread within classes. Symmetric.
    kind : str
        How alpha was set: "none", "uniform", "fixed" or "learned".
    history : mapping of str to ndarray
        The same matrices, and the losses and learning rates, with epochs on the first axis.
    """

    names: tuple[str, ...]
    alpha: NDArray[np.float64]
    loss: NDArray[np.float64]
    gap: NDArray[np.float64]
    distance: NDArray[np.float64]
    kind: str
    history: Mapping[str, NDArray[np.float64]] = field(default_factory=dict, repr=False)

    def to_frame(self) -> Any:
        """Return a data frame with a row for each ordered pair of tasks.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            Columns `task`, `learns_from`, `alpha`, `loss`, `gap`, `distance`.
        """
        pairs = [(t, k) for t in range(len(self.names)) for k in range(len(self.names))]
        columns: dict[str, list[Any]] = {
            "task": [self.names[t] for t, _ in pairs],
            "learns_from": [self.names[k] for _, k in pairs],
        }
        for name in ("alpha", "loss", "gap", "distance"):
            columns[name] = [float(getattr(self, name)[pair]) for pair in pairs]
        return to_frame(columns)

    def _repr_html_(self) -> str:
        from jinja2 import Environment

        return Environment(autoescape=True).from_string(_PAGE).render(found=self, kind=self.kind)
