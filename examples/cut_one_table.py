"""Cut one table into a target and sources, rank the sources, and ask whether one of them helps.

    python examples/cut_one_table.py auto_mpg.csv --label mpg --cut-by origin=japan

The command line does the same: priorlift study auto_mpg.csv --label mpg --cut-by origin=japan
"""

import argparse

from priorlift import Study, rank_sources, write_report
from priorlift.readers.cutting import cut_table


def main() -> None:
    """Run the example."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table")
    parser.add_argument("--label", required=True)
    parser.add_argument("--cut-by", required=True, metavar="COLUMN=VALUE")
    parser.add_argument("--out", default="runs/cut")
    options = parser.parse_args()

    column, _, value = options.cut_by.partition("=")
    target, sources = cut_table(options.table, label=options.label, by=column, target=value)
    print(target, sources, sep="\n")

    ranking = rank_sources(target.X, target.y, sources, task=target.task, random_state=0)
    print(ranking.to_frame())

    study = Study(target, sources, methods=["pooled"], random_state=0)
    print(study.plan.design.reason)
    result = study.run(options.out, runner="processes")
    print(result.sentence)
    print("open", write_report(result, f"{options.out}/report.html"))


if __name__ == "__main__":
    main()
