"""The paired intervals of a study, in one place: which design and score asks for which formula.

================== ============================== ===============================================
design             score                          formula
================== ============================== ===============================================
scarce target      mean over rows                 `row_interval` (`proportion=True` for accuracy)
scarce target      any other                      `nadeau_bengio_interval`
label budgets      mean over rows                 `crossed_components_interval`; the check on it
                                                  is `pigeonhole_interval`
label budgets      area under the ROC curve       `delong_components_interval`, approximate
label budgets      any other                      `pigeonhole_metric_interval`, approximate
================== ============================== ===============================================
"""

from priorlift.study.crossed_intervals import crossed_components_interval, pigeonhole_interval
from priorlift.study.interval import Interval
from priorlift.study.metric_intervals import delong_components_interval, pigeonhole_metric_interval
from priorlift.study.scarce_intervals import nadeau_bengio_interval, row_interval

__all__ = [
    "Interval",
    "crossed_components_interval",
    "delong_components_interval",
    "nadeau_bengio_interval",
    "pigeonhole_interval",
    "pigeonhole_metric_interval",
    "row_interval",
]
