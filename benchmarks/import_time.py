"""Seconds to `import priorlift` and to `priorlift --help`, beside an empty Python.

The claim: each takes under 0.3 s, Python's own start included. Every side is a process of its own.
"""

import subprocess
import sys

import harness

GOAL_SECONDS = 0.3
REPEATS = {"quick": 15, "full": 31}
SIDES = {
    "an empty Python": ("-c", "pass"),
    "import priorlift": ("-c", "import priorlift"),
    "priorlift --help": ("-m", "priorlift", "--help"),
}


def main():
    size = harness.preset(__doc__.splitlines()[0])
    sides = {name: lambda a=arguments: start(*a) for name, arguments in SIDES.items()}
    harness.compare(sides, 1)  # compiles what is not compiled yet
    found = harness.compare(sides, REPEATS[size])
    harness.publish("import_time", size, {"goal_seconds": GOAL_SECONDS, "sides": found})
    for name, side in found.items():
        wall, cpu = side["wall_seconds"], side["cpu_seconds"]
        print(f"{name}: median of {REPEATS[size]}: {wall:.3f} s ({cpu:.3f} CPU s)")
    slowest = max(found[name]["wall_seconds"] for name in list(SIDES)[1:])
    print(f"slowest start: {slowest:.3f} s (goal: < {GOAL_SECONDS})")


def start(*arguments):
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
