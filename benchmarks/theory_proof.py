"""What the theory is worth: against closed forms and simulation, its pictures, its speed.

The parts are the modules of `theory/` that have a `run`; names choose some of them, and the page
takes the others from what was measured before. `forecasts`, on real features, runs only when it is
named and needs PRIORLIFT_DATA. `--quick` takes small sizes and minutes, `--full` those that are
published, for half an hour. Writes `results/theory/PART.json`, `docs/theory-proof.md` and the
pictures in `docs/images/theory/`.
"""

import argparse
import importlib
import json
import os
import sys
from pathlib import Path

import harness  # isort: skip  (before NumPy: it fixes the threads)

from theory import tables

PAGE = Path(__file__).parent.parent / "docs" / "theory-proof.md"
PARTS = ("validation", "simulation", "pipeline", "phase", "speed", "forecasts", "numbers")
ON_DEMAND = "forecasts"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    by_default = "by default all but forecasts"
    parser.add_argument("parts", nargs="*", help=f"which of {', '.join(PARTS)}; {by_default}")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="small sizes (the default)")
    size.add_argument("--full", action="store_true", help="the sizes that are published")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page again")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}")
    chosen = options.parts or [name for name in PARTS if name != ON_DEMAND]
    if ON_DEMAND in chosen and not Path(os.environ.get("PRIORLIFT_DATA", "")).is_dir():
        sys.exit("no data: set PRIORLIFT_DATA to the directory of the public sets")
    (harness.RESULTS / "theory").mkdir(parents=True, exist_ok=True)
    mode = "full" if options.full else "quick"
    for name in [] if options.page else chosen:
        part = importlib.import_module(f"theory.{name}")
        harness.publish(f"theory/{name}", mode, {"rows": part.run(mode)})
        print(f"{name} done", flush=True)
    measured = {name: read(name) for name in PARTS}
    PAGE.write_text(tables.page(measured), encoding="utf-8")
    print(tables.summary(measured))


def read(name):
    """Return a part's document, None where it was never measured."""
    path = harness.RESULTS / "theory" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


if __name__ == "__main__":
    main()
