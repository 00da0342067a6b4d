"""What every worker process does for itself: end with its driver, and spare its libraries."""

import gc
import os
import threading
import time
from functools import cache

_WATCH_SECONDS = 0.5


@cache
def freeze_libraries() -> None:
    """Spare the loaded libraries the collection of garbage, which loky runs every second.

    Looking through the objects of scikit-learn and its kin takes up to a tenth of that second.
    """
    gc.collect()
    gc.freeze()


@cache
def watch_driver(driver: int) -> None:
    """End this worker soon after the driver is gone, even in the middle of a trial."""
    if os.name != "posix":
        return

    def watch() -> None:
        while os.getppid() == driver:
            time.sleep(_WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="priorlift-watch-driver", daemon=True).start()
