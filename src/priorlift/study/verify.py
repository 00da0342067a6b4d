"""Hold a ranking against the truth: train with every source it ranked, and compare.

A ranking promises an order before anything is trained. Here all transfers are run, as a study runs
them, and the order is compared with the lifts measured **on rows whose labels the ranking has not
seen**. With label budgets the study's held-out test part is such. A scarce target is judged by
cross-validation, where every row is a test row once: there the lifts are measured again on the test
fold that the ranking was not shown, and only there.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.core.seeds import RandomState
from priorlift.pool import SourcePool, Target
from priorlift.ranking import measures
from priorlift.ranking.prediction import GainModelLike, with_predictions
from priorlift.ranking.result import Ranking
from priorlift.study.design import choose_design
from priorlift.study.measured_lifts import MeasuredLifts
from priorlift.study.plan import Arm
from priorlift.study.results import StudyResult
from priorlift.study.study import Progress, Study
from priorlift.study.verification import Regret, Verification, VerifiedSource

Floats = NDArray[np.float64]

DEPTHS = (1, 3, 5)


def verify(
    target: Target,
    sources: SourcePool,
    *,
    method: Any = "pooled",
    gain_model: GainModelLike | None = None,
    label_budgets: Sequence[int] | None = None,
    n_splits: int = 20,
    metric: str | None = None,
    random_state: RandomState = 0,
    out: str | Path | None = None,
    resume: bool = False,
    runner: str = "serial",
    n_workers: int | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Rank the sources, train with each of them, and compare.

    Parameters
    ----------
    target, sources : Target, SourcePool
        As for a study. The ranking is the study's own: it is shown one draw of training rows.
    method : str, TransferEstimator or mapping
        What to train with; it must be able to learn from a single source. A mapping of names to
        estimators may bring a reference of its own, as `target_only`, which costs the most fits.
    gain_model : GainModel, optional
        Predicts lifts from the ranking. One that has learned from outcomes of this very target is
        not tested by it.
    label_budgets : sequence of int, optional
        By default the largest that a study would choose, alone.
    n_splits, metric, random_state
        As for `Study`.
    out, resume, runner, n_workers, progress
        As for `Study.run`.

    Returns
    -------
    Verification

    Raises
    ------
    InputError
        As for `Study` and `verify_ranking`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from priorlift import Source
    >>> from priorlift.transfer import PooledClassifier, TargetOnlyClassifier
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> pool = SourcePool([Source("same", X[40:], y[40:]), Source("swapped", X, 1 - y)])
    >>> plain = TargetOnlyClassifier({"linear": LogisticRegression()}, preprocess=None)
    >>> methods = {"target_only": plain, "pooled": PooledClassifier(preprocess=None)}
    >>> found = verify(Target("few", X[:40], y[:40]), pool, method=methods)
    >>> found.best, found.unseen, found.n_rows, found["swapped"].lift < 0
    ('same', True, 8, True)
    """
    methods = method if isinstance(method, Mapping) else [method]
    if label_budgets is None:
        label_budgets = largest_budget(target, n_splits)
    study = Study(
        target,
        sources,
        methods,
        label_budgets,
        n_splits,
        metric,
        random_state=random_state,
        forecast=False,
    )
    result = study.run(out, resume=resume, runner=runner, n_workers=n_workers, progress=progress)
    ranking = result.ranking
    if ranking is None:  # a study that ranks always has one; a resumed run may be of another kind
        raise InputError("the study has no ranking", remedy="run it with rank=True")
    if gain_model is not None:
        ranking = with_predictions(ranking, gain_model, target.name)
    return verify_ranking(ranking, result)


def largest_budget(target: Target, n_splits: int = 20) -> tuple[int, ...] | None:
    """Return the largest label budget that a study of a target would choose, alone.

    Verdicts are about that one, so a verification needs no other. None where the target's task is
    not known, which the study will say.
    """
    if target.task is None:
        return None
    return (choose_design(target, target.task, None, n_splits).largest,)


def verify_ranking(
    ranking: Ranking, result: StudyResult, *, method: str | None = None
) -> Verification:
    """Compare a ranking that was made before with the lifts that a study measured.

    Parameters
    ----------
    ranking : Ranking
        Of the study's target, by training rows only; with predictions where they are to be tested.
    result : StudyResult
        A study of the same sources, one by one.
    method : str, optional
        Whose lifts; by default the method with most single sources, the first of equals.

    Returns
    -------
    Verification
        Sources are ordered by predicted lift where probabilities are known, else by consensus.

    Raises
    ------
    InputError
        Ranking and study have no source in common, or no lift was measured.
    UnknownNameError
        The study did not try `method` with single sources.
    """
    chosen = _method(result, method)
    measured = MeasuredLifts.of(ranking, result, chosen)
    rows, left_out = _rows(ranking, measured)
    promise, order = _promise(ranking, rows)
    lifts = np.array([row.lift for row in rows])
    proved = np.where([row.tie for row in rows], 0.0, lifts)
    none = 0.0 if order == "predicted lift" else None
    best = rows[int(lifts.argmax())].source if lifts.max() > 0.0 else None
    top = tuple(row.source for row in rows if row.in_top)
    in_top = max((row.lift for row in rows if row.in_top), default=float("-inf"))
    gains = measured.draws([row.source for row in rows])
    return Verification(
        target=result.plan.target_name,
        method=chosen,
        metric_title=result.plan.metric_title,
        budget=result.plan.design.largest,
        rows=rows,
        order=order,
        tau=measures.weighted_tau(promise, lifts),
        tau_proved=measures.weighted_tau(promise, proved),
        ceiling=measures.noise_ceiling(gains, random_state=0) if len(gains) else float("nan"),
        regrets=tuple(
            Regret(
                k,
                measures.regret_at(promise, lifts, k, none=none),
                measures.relative_regret_at(promise, lifts, k, none=none),
                measures.random_regret_at(lifts, k, none=none),
            )
            for k in DEPTHS
            if k == 1 or k <= len(rows)
        ),
        top=top,
        best=best,
        top_holds_best=None if best is None else in_top >= float(lifts.max()),
        coverage=_coverage(rows),
        harmful=tuple(row.source for row in rows if row.recommended and row.high < 0.0),
        ranking_seconds=ranking.seconds,
        transfer_seconds=sum(row.seconds for row in rows),
        baseline_seconds=measured.seconds(Arm(chosen, ())),
        n_fits=sum(measured.n_fits(row.source) for row in rows),
        unseen=measured.unseen,
        n_rows=measured.n_rows,
        warnings=measured.warnings(),
        left_out=left_out,
    )


def _method(result: StudyResult, method: str | None) -> str:
    counts: dict[str, int] = {}
    for arm in result.plan.claims:
        if len(arm.sources) == 1:
            counts[arm.method] = counts.get(arm.method, 0) + 1
    if method is not None and method not in counts:
        raise UnknownNameError("method that was tried with single sources", method, counts)
    if not counts:
        raise InputError(
            "the study tried no source alone, so there is nothing to compare a ranking with",
            remedy="use a method that takes one source, such as pooled",
        )
    return method or max(counts, key=lambda name: counts[name])


def _rows(
    ranking: Ranking, measured: MeasuredLifts
) -> tuple[tuple[VerifiedSource, ...], dict[str, str]]:
    words = {v.sources: v.verdict for v in measured.result.verdicts if v.method == measured.method}
    left_out = {name: f"not ranked: {reason}" for name, reason in ranking.skipped.items()}
    tried = {arm.sources[0] for arm in measured.result.plan.claims if len(arm.sources) == 1}
    left_out |= dict.fromkeys(sorted(tried - set(ranking.names) - set(left_out)), "not ranked")
    recommended = ranking.recommended
    rows = []
    for row in ranking.rows:
        found = measured.interval(row.name) if row.name in tried else None
        if found is None or not np.isfinite(found.estimate):
            left_out[row.name] = f"no lift was measured with {measured.method}"
            continue
        rows.append(
            VerifiedSource(
                source=row.name,
                rank=row.rank,
                in_top=row.name in ranking.ties,
                predicted=row.predicted,
                recommended=None if recommended is None else row.name in recommended,
                lift=found.estimate,
                low=found.low,
                high=found.high,
                tie=not found.excludes_zero,
                verdict=words.get(row.name, "-"),
                seconds=measured.seconds(Arm(measured.method, (row.name,))),
            )
        )
    if not rows:
        raise InputError(
            "ranking and study have no measured source in common",
            cause="they are of other sources, or every fit failed",
            remedy="rank the sources that the study tried",
        )
    return tuple(rows), left_out


def _promise(ranking: Ranking, rows: Sequence[VerifiedSource]) -> tuple[Floats, str]:
    if ranking.recommended is not None:
        lifts = [row.predicted.mean for row in rows if row.predicted is not None]
        return np.array(lifts), "predicted lift"
    return np.array([-ranking[row.source].consensus for row in rows]), "consensus"


def _coverage(rows: Sequence[VerifiedSource]) -> float | None:
    known = [
        (row.predicted.low, row.predicted.high, row.lift)
        for row in rows
        if row.predicted is not None and row.predicted.low is not None
    ]
    if not known:
        return None
    low, high, lift = (np.array(values, dtype=float) for values in zip(*known, strict=True))
    return measures.coverage(low, high, lift)
