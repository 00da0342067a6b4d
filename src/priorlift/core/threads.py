"""One BLAS thread for a worker while it evaluates, and the old number again afterwards.

With more workers than cores, threads of the linear algebra cost several times the work that they
share, and sums depend on how many there are. Other threads (OpenMP, in gradient boosting say) stay
as they are.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController

_known: dict[str, Any] = {"modules": 0, "controller": None}


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread inside the `with` block."""
    # Looking for libraries takes milliseconds, so it is done again only after new imports.
    if _known["modules"] != len(sys.modules):
        _known["controller"] = ThreadpoolController()
        _known["modules"] = len(sys.modules)
    with _known["controller"].limit(limits=1, user_api="blas"):
        yield
