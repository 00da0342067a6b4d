"""What sharing work brings: SharedSearchCV against GridSearchCV, both sides in one run.

The parts are the modules of `sweeps/` that have a `run`; names choose some of them, and the page
takes the others from what was measured before. `--quick` takes small grids, `--full` those that are
published, for an hour. Writes `results/sweeps/PART.json` and `docs/sweeps-proof.md`.
"""

import argparse
import importlib
import json
import pkgutil
from pathlib import Path

import harness  # isort: skip  (before NumPy: it fixes the threads)

import sweeps
from sweeps import tables

PAGE = Path(__file__).parent.parent / "docs" / "sweeps-proof.md"


def parts():
    """Return the functions that measure, by the names of their modules."""
    names = sorted(module.name for module in pkgutil.iter_modules(sweeps.__path__))
    modules = {name: importlib.import_module(f"sweeps.{name}") for name in names}
    return {name: module.run for name, module in modules.items() if hasattr(module, "run")}


def main():
    known = parts()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"which of {', '.join(known)}; by default all")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="small grids (the default)")
    size.add_argument("--full", action="store_true", help="the grids that are published")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    (harness.RESULTS / "sweeps").mkdir(parents=True, exist_ok=True)
    mode = "full" if options.full else "quick"
    for name in options.parts or known:
        harness.publish(f"sweeps/{name}", mode, {"rows": known[name](mode)})
        print(f"{name} done", flush=True)
    measured = {name: read(name) for name in known}
    PAGE.write_text(tables.page(measured), encoding="utf-8")
    print(tables.summary(measured))


def read(name):
    """Return a part's document, None where it was never measured."""
    path = harness.RESULTS / "sweeps" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


if __name__ == "__main__":
    main()
