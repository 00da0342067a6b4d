"""Run every benchmark, one after another, each in a process of its own.

`--quick` (the default) takes minutes, `--full` gives the published numbers. Arguments that are
names choose some of them: `python benchmarks/run.py runner_throughput --full`.
"""

import argparse
import subprocess
import sys
from pathlib import Path

BENCHMARKS = (
    "runner_throughput",
    "coverage",
    "study_overhead",
    "import_time",
    "ranking_speed",
    "faults",
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"which ones; by default {', '.join(BENCHMARKS)}")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="smaller sizes (the default)")
    size.add_argument("--full", action="store_true", help="the sizes that are published")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(BENCHMARKS)}")
    flag = "--full" if options.full else "--quick"
    folder = Path(__file__).parent
    failed = []
    for name in options.names or BENCHMARKS:
        print(f"== {name} {flag}", flush=True)
        if subprocess.run([sys.executable, folder / f"{name}.py", flag], check=False).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
