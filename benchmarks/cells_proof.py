"""What label transfer for cells is worth: accuracy, confidence, lift, ablation, speed, scale.

The parts are the modules of `cells/` that have a `run`; names choose some of them, and the page
takes the others from what was measured before. `--quick` takes minutes and, where a part was
developed on some of the data, those alone; `--full` opens the final data, for hours. All parts but
`scale` read real data from PRIORLIFT_DATA. Writes `results/cells/PART.json` and
`docs/cells-proof.md`.
"""

import argparse
import importlib
import json
import os
import pkgutil
import sys
from pathlib import Path

import harness  # isort: skip  (before NumPy: it fixes the threads)

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT.parent))  # its parts are imported as parts of `benchmarks`
PAGE = ROOT.parent / "docs" / "cells-proof.md"
WITHOUT_DATA = ("scale",)
HEAD = """\
# What label transfer for cells is worth

Written by `make bench-cells`; do not edit. Truth of a query is read by the scoring functions alone.
The data: CITE-seq to ASAP-seq of blood by proteins (ADT), halves of one SNARE-seq experiment on
mouse cortex, cell lines of coupleCoC. How they are cut stands in `benchmarks/cells/data.py`.
"""


def parts():
    """Return the modules that measure, by their names."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(ROOT / "cells")]))
    modules = {name: importlib.import_module(f"benchmarks.cells.{name}") for name in names}
    return {name: module for name, module in modules.items() if hasattr(module, "run")}


def main():
    known = parts()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"which of {', '.join(known)}; by default all")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="small sizes (the default)")
    size.add_argument("--full", action="store_true", help="what is published")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page again")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    chosen = [] if options.page else options.parts or list(known)
    here = Path(os.environ.get("PRIORLIFT_DATA", "-")).is_dir()
    if not here and set(chosen) - set(WITHOUT_DATA):
        sys.exit("no data: set PRIORLIFT_DATA to the directory of the public sets")
    for name in chosen:
        result = known[name].run(options.full)
        harness.publish(f"cells/{name}", "full" if options.full else "quick", result)
        print(f"\n== {name}\n{known[name].table(result)}", flush=True)
    PAGE.write_text(page(known), encoding="utf-8")


def page(known):
    """Return the page from the documents of the parts; those never measured are named."""
    texts, missing = [HEAD], []
    for name, module in known.items():
        path = harness.RESULTS / "cells" / f"{name}.json"
        if not path.exists():
            missing.append(name)
            continue
        document = json.loads(path.read_text(encoding="utf-8"))
        cores, load = (document["machine"][key] for key in ("cores", "load_average"))
        load = "" if load is None else f", load {load:.1f} at the end"
        texts.append(
            f"## {name.replace('_', ' ').capitalize()}\n\n{module.__doc__.splitlines()[0]}\n\n"
            f"{module.table(document['result'])}\n\n"
            f"Preset `{document['preset']}`, {document['date'][:10]}, {cores} cores{load}.\n"
        )
    if missing:
        texts.insert(1, f"Not measured yet: {', '.join(missing)}.\n")
    return "\n".join(texts)


if __name__ == "__main__":
    main()
