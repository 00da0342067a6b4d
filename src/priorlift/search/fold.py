"""Evaluate candidates on one fold: the one place where everything comes together.

The second-moment engine takes what it can without fitting a transformer. The others' chains become
a tree; at each leaf a family solves all settings of a last step at once, or they are fitted one by
one behind the shared chain. What cannot be taken apart, and whatever raises an exception on a
shared path, is fitted whole by scikit-learn's own function, so that errors and their warnings are
exactly its own.
"""

import time
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from priorlift.search.answers import Answers
from priorlift.search.block import Block
from priorlift.search.heads import HeadGroup, families_for, head_groups
from priorlift.search.memory import MemoryRefusedError, Meter
from priorlift.search.plan import Candidate, is_pairwise, with_settings
from priorlift.search.prefix_tree import Leaf, Walk, grow
from priorlift.search.routing import StepMetadata
from priorlift.search.scikit_learn import fit_and_score, rows_of_params, split_rows
from priorlift.search.score_table import ScoreTable, by_name
from priorlift.search.shared_work import PLAIN, WHOLE, Tally
from priorlift.search.sharing import may_write, own_copy
from priorlift.search.work import Unit, Work

_DISTANCES = "it reads distances between rows"


def evaluate(work: Work, unit: Unit) -> tuple[ScoreTable, Tally]:
    """Score every candidate of a unit on its fold.

    Parameters
    ----------
    work : Work
        Common to all units.
    unit : Unit
        Which candidates on which fold.

    Returns
    -------
    table : ScoreTable
        In the order of `unit.candidates`.
    tally : Tally
        Who solved what.

    Raises
    ------
    MemoryRefusedError
        The rows held at once pass the limit.
    Exception
        What a fit raised, if `error_score` is "raise".
    """
    return _Evaluation(work, unit).run()


class _Evaluation:
    def __init__(self, work: Work, unit: Unit) -> None:
        self.work, self.unit = work, unit
        self.table, self.tally = ScoreTable(len(unit.candidates)), Tally()
        self.table.multiple = work.scoring.is_multiple
        self.position = {candidate.index: i for i, candidate in enumerate(unit.candidates)}

    def run(self) -> tuple[ScoreTable, Tally]:
        shared: list[Candidate] = []
        pairwise = self.work.reads_distances
        known: dict[tuple[int, int], str] = {}
        for candidate in self.unit.candidates:
            # Candidates of a dense grid hold the same chain and the same head.
            same = (id(candidate.chain), id(candidate.head))
            reason = known.get(same) if candidate.chain is not None else alone_reason(candidate)
            if reason is None:
                reason = alone_reason(candidate)
                if not reason and (pairwise or not self._splits_rows(candidate)):
                    reason = _DISTANCES
                known[same] = reason
            if reason:
                self._whole(candidate, reason)
            else:
                shared.append(candidate)
        if shared:
            whole = len(shared) == len(self.unit.candidates)
            remaining = self._by_moments(self.unit.candidates if whole else shared)
            if remaining:
                self._by_tree(remaining)
        return self.table, self.tally

    def _splits_rows(self, candidate: Candidate) -> bool:
        """Tell whether the candidate's first step reads rows, not distances between them."""
        first = candidate.chain[0] if candidate.chain else candidate.head
        assert first is not None
        return not first.reads_distances

    # The moments need none of the training rows, so everything is cut when it is asked for.

    @cached_property
    def metadata(self) -> StepMetadata:
        work = self.work
        return StepMetadata(
            work.estimator, rows_of_params(work.X, work.fit_params, self.unit.train)
        )

    @cached_property
    def test_params(self) -> dict[str, Any]:
        return rows_of_params(self.work.X, self.work.scoring.params, self.unit.test)

    @cached_property
    def train_params(self) -> dict[str, Any]:
        return rows_of_params(self.work.X, self.work.scoring.params, self.unit.train)

    @cached_property
    def _training_rows(self) -> tuple[Any, Any]:
        rows: tuple[Any, Any] = split_rows(
            self.work.estimator, self.work.X, self.work.y, self.unit.train
        )
        return rows

    @cached_property
    def _test_rows(self) -> tuple[Any, Any]:
        rows: tuple[Any, Any] = split_rows(
            self.work.estimator, self.work.X, self.work.y, self.unit.test
        )
        return rows

    @property
    def X_train(self) -> Any:
        return self._training_rows[0]

    @property
    def y_train(self) -> Any:
        return self._training_rows[1]

    @property
    def X_test(self) -> Any:
        return self._test_rows[0]

    @property
    def y_test(self) -> Any:
        return self._test_rows[1]

    # --- chains and heads by second moments -------------------------------------------------

    def _by_moments(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        if self.work.recipe is None:
            return candidates
        engine = self.work.recipe.engine(self.work)
        remaining: list[Candidate] = []
        for group in self.work.recipe.groups(candidates):
            if not self._moments_solve(engine, group):
                remaining.extend(group.candidates)
        return sorted(remaining, key=lambda candidate: candidate.index)

    def _moments_solve(self, engine: Any, group: HeadGroup) -> bool:
        head = group.unfitted
        steps = group.candidates[0].chain or ()
        chain = [step.estimator for step in steps]
        if len(group.candidates) < 2 or self.work.scoring.view_reason(head):
            return False
        if any(self.metadata.of(step) for step in steps) or engine.declines(chain, head):
            return False
        start = time.perf_counter()
        answers = engine.answers(self.unit.fold, chain, head, group.settings)
        if not self._score_answers(group, head, answers, self.X_test, None, start, 0.0):
            return False
        self.tally.transformer_fits_alone += len(steps) * len(group.candidates)
        self._tell(group.candidates, "moments", "")
        return True

    # --- chains as a tree -------------------------------------------------------------------

    def _by_tree(self, candidates: Sequence[Candidate]) -> None:
        meter = Meter(self.work.memory_limit)
        size = meter.hold(self.X_train, self.X_test)
        walk = Walk(self.y_train, self.metadata.of, meter)
        tree = grow(candidates, self.metadata.mark)
        for leaf in walk.leaves(tree, self.X_train, self.X_test):
            if leaf.error is not None:
                for candidate in leaf.candidates:
                    self._whole(candidate, f"a step before raised {type(leaf.error).__name__}")
            else:
                self._solve(leaf)
        meter.release(size)
        self.tally.transformer_fits += walk.n_fits
        self.tally.transformer_fits_alone += sum(len(c.chain or ()) for c in candidates)
        self.tally.peak_bytes = max(self.tally.peak_bytes, meter.peak)

    def _solve(self, leaf: Leaf) -> None:
        for group in head_groups(leaf.candidates):
            estimator = group.estimator()
            if not leaf.transformers and is_pairwise(estimator):
                for candidate in group.candidates:
                    self._whole(candidate, _DISTANCES)
                continue
            block = Block(
                leaf.X_train,
                self.y_train,
                leaf.X_test,
                self.metadata.of_head(group.head),
                self.work.return_train_score,
            )
            family, reason = group.choose(block, self.work.paths)
            if family is not None:
                reason = self.work.scoring.view_reason(estimator)
                if not reason:
                    reason = self._by_family(family, group, estimator, block, leaf)
                    if not reason:
                        continue
            self._one_by_one(group, leaf, reason)

    def _by_family(
        self, family: Any, group: HeadGroup, estimator: Any, block: Block, leaf: Leaf
    ) -> str:
        """Let a family solve a group; return why it could not."""
        start = time.perf_counter()
        try:
            answers = family.answers(estimator, group.settings, block)
            solved = self._score_answers(
                group, estimator, answers, leaf.X_test, leaf.X_train, start, leaf.seconds
            )
        except MemoryRefusedError:
            raise
        except Exception as error:
            # A plain fit of each setting then shows whose error it is.
            return f"{family.name} raised {type(error).__name__}: {' '.join(str(error).split())}"
        if not solved:
            return f"{family.name} withdrew"
        self._tell(group.candidates, family.name, "")
        return ""

    def _score_answers(
        self,
        group: HeadGroup,
        estimator: Any,
        answers: Iterable[Answers],
        X_test: Any,
        X_train: Any,
        start: float,
        seconds: float,
    ) -> bool:
        """Score answers as they come; tell whether all settings were answered."""
        scoring, n = self.work.scoring, len(group.candidates)
        positions = np.array([self.position[c.index] for c in group.candidates])
        spent_scoring, n_done = 0.0, 0
        for found in answers:
            begun = time.perf_counter()
            here = positions[found.first : found.first + found.test.n_settings]
            test = scoring.score_all(estimator, found.test, X_test, self.y_test, self.test_params)
            train = None
            if self.work.return_train_score:
                if found.train is None:
                    return False
                train = scoring.score_all(
                    estimator, found.train, X_train, self.y_train, self.train_params
                )
            self.table.put(here, test, train, 0.0, 0.0)
            n_done += len(here)
            spent_scoring += time.perf_counter() - begun
        total = time.perf_counter() - start
        self.table.fit_time[positions] = seconds + (total - spent_scoring) / n
        self.table.score_time[positions] = spent_scoring / n
        return n_done == n

    # --- one setting at a time --------------------------------------------------------------

    def _one_by_one(self, group: HeadGroup, leaf: Leaf, reason: str) -> None:
        for candidate in group.candidates:
            if not leaf.transformers:
                self._whole(candidate, reason)
                continue
            failure = self._failure_behind(candidate, leaf)
            if failure is None:
                self._tell([candidate], PLAIN, reason)
            else:
                # Outside the handler, so that the traceback told is of the whole fit alone.
                self._whole(candidate, failure)

    def _failure_behind(self, candidate: Candidate, leaf: Leaf) -> str | None:
        try:
            self._behind(candidate, leaf)
        except Exception as error:
            return f"the fit raised {type(error).__name__}"
        return None

    def _behind(self, candidate: Candidate, leaf: Leaf) -> None:
        """Fit one setting of the last step behind a fitted chain, and score it."""
        head, scoring = _set_head(candidate), self.work.scoring
        assert candidate.head is not None
        X_train, y_train, X_test = leaf.X_train, self.y_train, leaf.X_test
        if may_write(head):
            X_train, y_train, X_test = own_copy(X_train), own_copy(y_train), own_copy(X_test)
        start = time.perf_counter()
        head.fit(X_train, y_train, **self.metadata.of_head(candidate.head))
        fitted = time.perf_counter()
        if scoring.needs_the_pipeline:
            # A user's function may do anything with the pipeline, so it gets the rows that it would
            # have got from scikit-learn.
            head = self._assembled(candidate, leaf, head)
            X_test, X_train = self.X_test, self.X_train
        test = scoring.score(head, X_test, self.y_test, self.test_params)
        scored = time.perf_counter()
        train = None
        if self.work.return_train_score:
            train = by_name(scoring.score(head, X_train, self.y_train, self.train_params))
        self.table.multiple = isinstance(test, dict)
        position = [self.position[candidate.index]]
        times = (leaf.seconds + fitted - start, scored - fitted)
        self.table.put(position, by_name(test), train, *times)
        self._print(candidate, test, train, sum(times))

    def _assembled(self, candidate: Candidate, leaf: Leaf, head: Any) -> Pipeline:
        pipeline = clone(self.work.estimator)
        pipeline.set_params(**clone(dict(candidate.params), safe=False))
        fitted = dict(leaf.transformers)
        *before, (last, _) = pipeline.steps
        pipeline.steps = [(name, fitted.get(name, step)) for name, step in before] + [(last, head)]
        return pipeline

    def _whole(self, candidate: Candidate, reason: str) -> None:
        """Let scikit-learn fit and score a candidate from its first step on."""
        work, unit = self.work, self.unit
        result = fit_and_score(
            clone(work.estimator),
            work.X,
            work.y,
            scorer=work.scoring.scorer,
            train=unit.train,
            test=unit.test,
            verbose=work.verbose,
            parameters=candidate.params,
            fit_params=work.fit_params,
            score_params=work.scoring.params,
            return_train_score=work.return_train_score,
            return_times=True,
            split_progress=(unit.fold, work.n_splits),
            candidate_progress=(candidate.index, work.n_candidates),
            error_score=work.scoring.error_score,
        )
        self.table.put_result(self.position[candidate.index], result)
        self._tell([candidate], WHOLE, reason)

    # --- telling ----------------------------------------------------------------------------

    def _tell(self, candidates: Sequence[Candidate], by: str, reason: str) -> None:
        steps, head = _names(self.work.estimator, candidates[0])
        self.tally.solved(steps, head, by, reason, len(candidates))

    def _print(self, candidate: Candidate, test: Any, train: Any, seconds: float) -> None:
        if self.work.verbose > 1:
            settings = ", ".join(f"{name}={candidate.params[name]}" for name in candidate.params)
            scores = ", ".join(f"{name}={value:.3f}" for name, value in by_name(test).items())
            fold = f"{self.unit.fold + 1}/{self.work.n_splits}"
            print(f"[CV {fold}] END {settings}; {scores} total time={seconds:.1f}s")


def alone_reason(candidate: Candidate) -> str:
    """Return why a candidate shares nothing with any other; empty if it may."""
    if candidate.chain is None or candidate.head is None:
        return candidate.reason
    if candidate.chain or families_for(candidate.head.kind):
        return ""
    return f"no family solves {type(candidate.head.estimator).__name__}"


def _set_head(candidate: Candidate) -> Any:
    assert candidate.head is not None
    return with_settings(candidate.head, candidate.settings)


def _names(estimator: Any, candidate: Candidate) -> tuple[str, str]:
    if candidate.head is None:
        return "", type(estimator).__name__
    steps = " -> ".join(type(step.estimator).__name__ for step in candidate.chain or ())
    return steps, type(candidate.head.estimator).__name__
