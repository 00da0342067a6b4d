"""From raw inputs to float features: tables, texts, images, and hidden layers learned on a source.

Encoders with pretrained weights read them from a folder, never from the network unasked, and
import PyTorch when they are used, not before.
"""

from priorlift.encoders.base import RawEncoder
from priorlift.encoders.cache import CachedEncoder
from priorlift.encoders.hidden_layer import HiddenLayerEncoder
from priorlift.encoders.images import ImageEncoder
from priorlift.encoders.sentence import SentenceEncoder
from priorlift.encoders.table import TableEncoder
from priorlift.encoders.tfidf import TfidfSvdEncoder
from priorlift.encoders.torch_module import ModuleEncoder
from priorlift.encoders.weights import packaged_model

__all__ = [
    "CachedEncoder",
    "HiddenLayerEncoder",
    "ImageEncoder",
    "ModuleEncoder",
    "RawEncoder",
    "SentenceEncoder",
    "TableEncoder",
    "TfidfSvdEncoder",
    "packaged_model",
]
