"""From raw inputs to float features: tables, and hidden layers learned on a source."""

from priorlift.encoders.hidden_layer import HiddenLayerEncoder
from priorlift.encoders.table import TableEncoder

__all__ = ["HiddenLayerEncoder", "TableEncoder"]
