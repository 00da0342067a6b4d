"""What gap minimisation brings on real data: boosting, regression, diagnostic, multitask, cost.

20 Newsgroups, Office-Caltech and five regression tables, every method on the same splits, the gap
as a diagnostic, and the multitask network; see the modules of `gap/`. `--quick` takes few splits,
`--full` at least 20, for hours. Names choose some of the parts; the page takes the others from what
was measured before. Needs PRIORLIFT_DATA. Writes `results/gap/PART.json` and `docs/gap-proof.md`.
"""

import argparse
import json
import os
import sys
import warnings
from pathlib import Path

import harness  # isort: skip  (before NumPy: it fixes the threads)

from gap import diagnostic, multitask, newsgroups, office_caltech, regression, speed, tables

PAGE = Path(__file__).parent.parent / "docs" / "gap-proof.md"
PARTS = {
    "speed": lambda _, mode: speed.run(mode),
    "office_caltech": office_caltech.run,
    "newsgroups": newsgroups.run,
    "regression": regression.run,
    "diagnostic": diagnostic.run,
    "multitask": multitask.run,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"which of {', '.join(PARTS)}; by default all")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="few splits (the default)")
    size.add_argument("--full", action="store_true", help="the splits that are published")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}")
    data = Path(os.environ.get("PRIORLIFT_DATA", ""))
    if not (data / "gap").is_dir():
        sys.exit("no data: set PRIORLIFT_DATA to the directory of the public sets")
    warnings.filterwarnings("ignore")
    (harness.RESULTS / "gap").mkdir(parents=True, exist_ok=True)
    mode = "full" if options.full else "quick"
    for name in options.parts or PARTS:
        harness.publish(f"gap/{name}", mode, PARTS[name](data, mode))
        print(f"{name} done", flush=True)
    measured = {name: read(name) for name in PARTS}
    PAGE.write_text(tables.page(measured), encoding="utf-8")
    print(tables.summary(measured))


def read(name):
    """Return a part's document, None where it was never measured."""
    path = harness.RESULTS / "gap" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


if __name__ == "__main__":
    main()
