"""Fifty kills with SIGKILL at random moments of studies, each study then resumed to its end.

The claim: the results equal those of an uninterrupted run, no trial runs again after it was
recorded, and none is lost. Both runners take turns. `kill_and_resume.py` has the details.
"""

import sys
import tempfile
from pathlib import Path

import harness  # isort: skip  (before NumPy: it fixes the threads)

from kill_and_resume import kill_and_resume

SIZES = {
    "quick": {"n_kills": 50, "kills_a_study": 10},
    "full": {"n_kills": 200, "kills_a_study": 10},
}


def main():
    size = harness.preset(__doc__.splitlines()[0])
    wanted, each = SIZES[size].values()
    stories = []
    while sum(story.n_kills for story in stories) < wanted:
        left = wanted - sum(story.n_kills for story in stories)
        with tempfile.TemporaryDirectory() as folder:
            story = kill_and_resume(Path(folder), n_kills=min(each, left), seed=len(stories))
        stories.append(story)
        print(f"killed at {story.recorded_at_kills} of {story.n_planned} trials", flush=True)
    problems = [problem for story in stories for problem in story.problems]
    n_kills = sum(story.n_kills for story in stories)
    harness.publish(
        "faults",
        size,
        {
            "n_studies": len(stories),
            "n_kills": n_kills,
            "recorded_at_kills": [story.recorded_at_kills for story in stories],
            "n_trials_a_study": [story.n_planned for story in stories],
            "problems": problems,
        },
    )
    print(f"{n_kills} kills in {len(stories)} studies: {len(problems)} problems (goal: 0)")
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
