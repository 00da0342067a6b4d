"""What a reference brings where a few query cells have labels: a study, with its controls.

The lift is the score with the reference minus the score without it, same estimator, same labelled
cells, same test cells; these are hidden when anything is fitted (*inductive*). A third of the query
has no labels and is seen by both arms. Intervals, adjustment for the number of claims and verdicts
are those of `priorlift.Study`.
"""

import os

import numpy as np
from benchmarks.cells import data
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from priorlift import Source, SourcePool, Study, Target
from priorlift.transfer import JointLabelTransferClassifier, PooledClassifier

NOTES = (
    "Draws are few, so intervals are wide; no budget 0 is in the study, the tables above have it.",
    "Labels saved end at the largest budget: *more than*.",
    "Controls: labels of the reference permuted; a second copy of the reference; the reverse "
    "direction.",
)


def run(full):
    """Return the claims of each study: budgets up to 280 labels in full, one otherwise."""
    folder = os.environ["PRIORLIFT_DATA"]
    n_splits = 20  # with fewer a study judges every row by cross-validation instead
    budgets = (14, 35, 70, 140, 280) if full else (35,)
    adt = data.adt(folder, half=None if full else (100, 0))
    snare = data.snare(folder, 0 if full else 100)
    one = next(iter(adt.pool))
    methods = _methods(adt.settings)
    counts = _methods({}, MultinomialNB())
    if not full:
        few = {"published": methods["published"]}
        rows = _claims("ADT", adt, adt.pool, few, budgets, n_splits)
        return {"n_splits": n_splits, "rows": rows, "notes": list(NOTES)}
    back = data.adt(folder, reverse=True)
    studies = {
        "ADT": (adt, adt.pool, methods, budgets),
        "SNARE-14": (snare, snare.pool, counts, tuple(2 * n for n in budgets)),
        "ADT, labels of the reference permuted": (
            adt,
            SourcePool([_permuted(one)]),
            methods,
            (35,),
        ),
        "ADT, the reference twice": (adt, _twice(one), methods, (35,)),
        "ASAP to CITE": (back, back.pool, methods, (35,)),
    }
    rows = []
    for name, (task, pool, chosen, at) in studies.items():
        rows += _claims(name, task, pool, chosen, at, n_splits)
        print(name, "done", flush=True)
    return {"n_splits": n_splits, "rows": rows, "notes": list(NOTES)}


def _methods(settings, naive=None):
    scaled = make_pipeline(MaxAbsScaler(), LogisticRegression(C=1.0, max_iter=300))
    found = {
        "default": JointLabelTransferClassifier(**settings),
        "published": JointLabelTransferClassifier("published", **settings),
        "pooled logistic regression": PooledClassifier(scaled, preprocess=None),
    }
    if naive is not None:
        found["pooled naive Bayes"] = PooledClassifier(naive, preprocess=None)
    return found


def _permuted(source):
    y = np.random.default_rng(0).permutation(source.y)
    return Source("permuted", source.X, y, task="classification")


def _twice(source):
    again = Source("copy", np.asarray(source.X) * (1 + 1e-6), source.y, task="classification")
    return SourcePool([source, again])


def _claims(name, task, pool, methods, budgets, n_splits):
    unlabelled = np.random.default_rng(0).random(len(task.truth)) < 1 / 3
    y = np.where(unlabelled, None, task.truth.astype(object))
    target = Target("query", task.X, y, task="classification")
    study = Study(target, pool, methods, budgets, n_splits, rank=False, forecast=False)
    result = study.run()
    saved = {(s.sources, s.method, s.labels.budget): str(s.labels) for s in result.labels_saved}
    verdicts = {(v.sources, v.method): v for v in result.verdicts}
    rows = []
    for point in result.curves:
        verdict = verdicts.get((point.sources, point.method))
        largest = point.budget == max(budgets)
        rows.append(
            {
                "study": name,
                "method": point.method,
                "sources": point.sources,
                "labels": point.budget,
                "score": point.score,
                "saved": saved.get((point.sources, point.method, point.budget), ""),
                "verdict": verdict.verdict if verdict and largest else "",
            }
        )
    return rows


def table(results):
    """Return the learning curves as a Markdown table, verdicts at the largest budget."""
    rows = results["rows"]
    lines = [
        f"{results['n_splits']} draws of each number of labels.\n",
        "| study | method | reference | accuracy, % (labelled cells) | verdict | labels saved |",
        "|---|---|---|---|---|---|",
    ]
    for key in dict.fromkeys((r["study"], r["method"], r["sources"]) for r in rows):
        mine = [r for r in rows if (r["study"], r["method"], r["sources"]) == key]
        curve = ", ".join(f"{100 * r['score']:.1f} ({r['labels']})" for r in mine)
        saved = next((r["saved"] for r in mine if r["saved"]), "")
        lines.append(f"| {' | '.join(key)} | {curve} | {mine[-1]['verdict']} | {saved} |")
    return "\n".join([*lines, "", *(f"- {note}" for note in results["notes"])])
