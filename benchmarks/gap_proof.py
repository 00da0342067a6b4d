"""What gap minimisation brings on real data: boosting, regression, cost.

20 Newsgroups, Office-Caltech and five regression tables, every method on the same splits; see the
modules of `gap/`. `--quick` takes few splits, `--full` at least 20. Needs PRIORLIFT_DATA. Writes
`results/gap_proof.json` and `docs/gap-proof.md`. The diagnostic and the multitask networks are in
`gap/diagnostic.py` and `gap/multitask.py`.
"""

import os
import sys
import warnings
from pathlib import Path

import harness  # isort: skip  (before NumPy: it fixes the threads)

from gap import newsgroups, office_caltech, regression, speed, tables

PAGE = Path(__file__).parent.parent / "docs" / "gap-proof.md"


def main():
    mode = harness.preset(__doc__.splitlines()[0])
    data = Path(os.environ.get("PRIORLIFT_DATA", ""))
    if not (data / "gap").is_dir():
        sys.exit("no data: set PRIORLIFT_DATA to the directory of the public sets")
    warnings.filterwarnings("ignore")
    result = {}
    for name, part in (
        ("newsgroups", lambda: newsgroups.run(data, mode)),
        ("office_caltech", lambda: office_caltech.run(data, mode)),
        ("regression", lambda: regression.run(data, mode)),
        ("speed", lambda: speed.run(mode)),
    ):
        result[name] = part()
        print(f"{name} done", flush=True)
    harness.publish("gap_proof", mode, result)
    PAGE.write_text(tables.page(result, mode), encoding="utf-8")
    print(tables.summary(result))


if __name__ == "__main__":
    main()
