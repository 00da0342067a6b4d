"""`SharedSearchCV`: GridSearchCV and RandomizedSearchCV by another name, with far less work.

`fit` is scikit-learn's own in everything that a user can see: the candidates and their order, the
splits, the scores, `cv_results_`, `best_*`, the refit. Between the plan and the table, work is
shared: see `plan` for how candidates become chains, `prefix_tree` for chains that begin alike,
`families` and `moments` for settings that are solved together, `fold` for where these meet.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from inspect import signature
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from sklearn import get_config
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import indexable
from sklearn.utils.validation import has_fit_parameter

from priorlift.core.errors import UnknownNameError
from priorlift.core.memory import readable
from priorlift.search.alternatives import Alternatives
from priorlift.search.engine import engine_recipe, forget_engine
from priorlift.search.memory import announced_bytes, refuse_too_much
from priorlift.search.plan import Candidate, candidates_of, expand
from priorlift.search.results import ScoreBoard, cv_results
from priorlift.search.running import run_with_joblib, wanted_units
from priorlift.search.scikit_learn import (
    Interval,
    StrOptions,
    as_method_params,
    fit_context,
    tell_fit_failures,
)
from priorlift.search.score_table import ScoreTable
from priorlift.search.scoring import Scoring
from priorlift.search.shared_work import SharedWork, Tally, account
from priorlift.search.units import units_of
from priorlift.search.watched import Watched
from priorlift.search.work import Unit, Work

Runner = Literal["serial", "processes", "ray"]


class SharedSearchCV(GridSearchCV):
    """Search a grid by cross-validation, doing shared work once.

    A drop-in for `GridSearchCV`, and with `n_iter` for `RandomizedSearchCV`: the same
    `cv_results_`, the same `best_*` attributes, the same scores (to 1e-9 where many settings are
    solved in closed form at once, exactly otherwise).

    Parameters
    ----------
    estimator : estimator
        What is tuned. Candidates of a plain `Pipeline` share their transformers.
    param_grid : dict or list of dicts
        As in `GridSearchCV`; with `n_iter` distributions are allowed.
    n_iter : int, optional
        Draw this many candidates instead of taking all; a huge grid is not expanded for it.
    scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score
        As in `GridSearchCV`. A scorer that is a function gets the fitted pipeline itself, which
        leaves only the transformers to share.
    random_state : int, RandomState, optional
        For drawing candidates and, with `prune="rows"`, rows.
    runner : {"serial", "processes", "ray"}, optional
        Who runs the units of work. None takes joblib's current backend by `n_jobs`, or with
        `run_dir` "serial" or "processes".
    address : str, optional
        Of the Ray cluster: "auto", "ray://..."; None starts one here.
    run_dir : path-like, optional
        Keep every finished unit of work (a fold with one first transformer) in this folder's
        journal, so that an interrupted search goes on.
    resume : bool
        Go on with what `run_dir` holds; False refuses a folder with recorded units.
    memory_limit : int, optional
        Bytes of transformed rows that one worker may hold at once; by default what is there is
        checked before the search begins.
    warm_start_paths : bool
        Also solve settings along warm-started paths, which agree with single fits only to their
        solver's tolerance.
    prune : {"rows", "folds"}, optional
        Successive halving: give all candidates a part of the training rows, or of the folds, and
        go on with the best of them. What was left out stands in `cv_results_`.
    prune_factor : float
        Of how many candidates one goes on, above 1.
    progress : callable, optional
        Called as `progress(n_done, n_scores)` after each unit of work.

    Attributes
    ----------
    cv_results_, best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_
        As in `GridSearchCV`, with `refit_time_`, `multimetric_`, `classes_`, `n_features_in_` and
        `feature_names_in_`. Times of settings that were solved together are each one's share.
    shared_work_ : SharedWork
        Who solved which settings and why not together, fits saved, bytes held at most.

    Raises
    ------
    InputError
        The grid or the rows held at once do not fit into memory, a parameter is unknown, or
        something cannot be sent to another process.

    Notes
    -----
    Transformers with random numbers and no integer `random_state` are not shared. BLAS uses one
    thread in each worker during the search. Groups reach the splitter and, also with metadata
    routing off, an estimator (or a pipeline's last step) whose `fit` takes them.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import RidgeClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True)
    >>> pipeline = make_pipeline(StandardScaler(), RidgeClassifier())
    >>> grid = {"ridgeclassifier__alpha": [0.1, 1.0, 10.0]}
    >>> search = SharedSearchCV(pipeline, grid).fit(X, y)
    >>> search.best_params_
    {'ridgeclassifier__alpha': 10.0}
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **GridSearchCV._parameter_constraints,
        "n_iter": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
        "runner": [StrOptions({"serial", "processes", "ray"}), None],
        "address": [str, None],
        "run_dir": [str, Path, None],
        "resume": ["boolean"],
        "memory_limit": [Interval(Integral, 1, None, closed="left"), None],
        "warm_start_paths": ["boolean"],
        "prune": [StrOptions({"rows", "folds"}), None],
        "prune_factor": [Interval(Real, 1, None, closed="neither")],
        "progress": [callable, None],
    }

    def __init__(
        self,
        estimator: Any,
        param_grid: Any,
        *,
        n_iter: int | None = None,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: Any = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        runner: Runner | None = None,
        address: str | None = None,
        run_dir: str | Path | None = None,
        resume: bool = True,
        memory_limit: int | None = None,
        warm_start_paths: bool = False,
        prune: Literal["rows", "folds"] | None = None,
        prune_factor: float = 3,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.n_iter = n_iter
        self.random_state = random_state
        self.runner = runner
        self.address = address
        self.run_dir = run_dir
        self.resume = resume
        self.memory_limit = memory_limit
        self.warm_start_paths = warm_start_paths
        self.prune = prune
        self.prune_factor = prune_factor
        self.progress = progress

    @classmethod
    def from_steps(cls, steps: Sequence[tuple[str, Any]], **options: Any) -> "SharedSearchCV":
        """Return a search over a pipeline with options at each step.

        Parameters
        ----------
        steps : sequence of (str, options)
            As for `Alternatives`: for each step its name and a list of options.
        **options
            Keyword arguments of `SharedSearchCV`.

        Examples
        --------
        >>> from sklearn.linear_model import RidgeClassifier
        >>> from sklearn.preprocessing import MinMaxScaler, StandardScaler
        >>> steps = [("scale", [StandardScaler(), MinMaxScaler(), None]),
        ...          ("head", RidgeClassifier())]
        >>> SharedSearchCV.from_steps(steps, cv=3).param_grid
        [{'scale': [StandardScaler(), MinMaxScaler(), 'passthrough']}]
        """
        graph = Alternatives(steps)
        return cls(graph.pipeline, graph.param_grid, **options)

    @classmethod
    def from_toml(cls, path: str | Path, **options: Any) -> "SharedSearchCV":
        """Return a search described in a TOML file; see the guide to pipeline graphs.

        Parameters
        ----------
        path : path-like
            The file, with `[[steps]]` and possibly `[search]`.
        **options
            Keyword arguments of `SharedSearchCV`; they come before those in the file.

        Raises
        ------
        InputError
            The file cannot be read, or names something unknown.
        """
        from priorlift.search.toml_steps import read_steps

        graph, in_file = read_steps(path)
        known = list(signature(cls).parameters)
        for name in in_file:
            if name not in known:
                raise UnknownNameError("option in [search]:", name, known)
        return cls(graph.pipeline, graph.param_grid, **{**in_file, **options})

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> "SharedSearchCV":
        """Search the grid.

        Parameters
        ----------
        X : array-like, sparse matrix, frame or raw collection of n rows
            The rows.
        y : array-like of n targets, optional
            The targets.
        **params
            For the estimator's `fit`, the scorer and the splitter, as in `GridSearchCV`; a
            `SourcePool` travels whole.

        Returns
        -------
        self
        """
        self._check_error_score()
        scorers, refit_metric = self._get_scorers()
        X, y = indexable(X, y)
        params = as_method_params(X, params)
        routed = self._get_routed_params_for_fit(params)
        fit_params = self._with_groups(routed.estimator.fit, params)
        watched = Watched(self, X, y, params)
        splitter = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = self._splits(splitter, X, y, routed.splitter.split)
        work = Work(
            clone(self.estimator),
            X,
            y,
            Scoring(scorers, routed.scorer.score, self.error_score),
            fit_params,
            self.return_train_score,
            self.verbose,
            self.memory_limit,
            self.warm_start_paths,
            n_splits=len(splits),
        )
        results = self._searched(work, splits, watched)
        if callable(self.scoring) and self.multimetric_:
            self._check_refit_for_multimetric(dict.fromkeys(self._metrics))
            refit_metric = self.refit
        self._choose(results, refit_metric)
        if self.refit:
            self._refit(work, watched)
        self.scorer_ = scorers if not work.scoring.is_multiple else work.scoring.parts
        self.cv_results_ = results
        watched.end()
        return self

    # --- before -----------------------------------------------------------------------------

    def _check_error_score(self) -> None:
        if self.error_score != "raise" and isinstance(self.error_score, str):
            raise ValueError("error_score must be the string 'raise' or a numeric value")

    def _with_groups(self, fit_params: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
        """Let groups reach a `fit` that takes them, which without routing scikit-learn does not."""
        groups = given.get("groups")
        if groups is None or get_config()["enable_metadata_routing"]:
            return fit_params
        last, prefix = self.estimator, ""
        while isinstance(last, Pipeline):
            name, last = last.steps[-1]
            prefix += f"{name}__"
        if hasattr(last, "fit") and has_fit_parameter(last, "groups"):
            return {**fit_params, f"{prefix}groups": groups}
        return fit_params

    def _splits(
        self, splitter: Any, X: Any, y: Any, split_params: Mapping[str, Any]
    ) -> list[tuple[Any, Any]]:
        self._checked_cv_orig = splitter
        self.n_splits_ = splitter.get_n_splits(X, y, **split_params)
        splits = [
            (_row_numbers(train), _row_numbers(test))
            for train, test in splitter.split(X, y, **split_params)
        ]
        if len(splits) != self.n_splits_:
            raise ValueError(
                "cv.split and cv.get_n_splits return inconsistent results. Expected "
                f"{self.n_splits_} splits, got {len(splits)}"
            )
        return splits

    # --- the search -------------------------------------------------------------------------

    def _searched(
        self, work: Work, splits: Sequence[tuple[Any, Any]], watched: Watched
    ) -> dict[str, Any]:
        params = expand(self.param_grid, self.n_iter, self.random_state)
        candidates = candidates_of(work.estimator, params)
        if not candidates or not splits:
            raise ValueError(
                "No fits were performed. Was the CV iterator empty? Were there no candidates?"
            )
        tallies: list[Tally] = []
        announced = self._announce(work, candidates, len(splits))

        def evaluate(some: Sequence[Candidate], given: Sequence[tuple[Any, Any]]) -> ScoreBoard:
            return self._evaluated(work, some, given, watched, tallies, len(params))

        if self.prune is None:
            board = evaluate(candidates, splits)
            results = cv_results(params, board)
        else:
            board, results = self._pruned(evaluate, params, candidates, splits)
        self.multimetric_ = board.multiple
        self._metrics = list(board.test)
        self.shared_work_: SharedWork = account(tallies, announced)
        if self.verbose > 0:
            print(self.shared_work_)
        return results

    def _pruned(
        self,
        evaluate: Any,
        params: Sequence[Mapping[str, Any]],
        candidates: Sequence[Candidate],
        splits: Sequence[tuple[Any, Any]],
    ) -> tuple[ScoreBoard, dict[str, Any]]:
        from priorlift.search.halving import halve, ranks_by_round

        board, last_round, resources = halve(
            evaluate,
            candidates,
            splits,
            kind=str(self.prune),
            factor=self.prune_factor,
            metric=self.refit if isinstance(self.refit, str) else None,
            random_state=self.random_state,
            with_train=self.return_train_score,
        )
        n_given = resources if self.prune == "folds" else np.full(len(params), len(splits))
        results = cv_results(params, board, np.arange(len(splits)) < n_given[:, np.newaxis])
        for name in board.test:
            ranked = ranks_by_round(results[f"mean_test_{name}"], last_round)
            results[f"rank_test_{name}"] = ranked
        results["last_round"] = last_round
        results["n_training_rows" if self.prune == "rows" else "n_folds"] = resources
        return board, results

    def _evaluated(
        self,
        work: Work,
        candidates: Sequence[Candidate],
        splits: Sequence[tuple[Any, Any]],
        watched: Watched,
        tallies: list[Tally],
        n_rows: int,
    ) -> ScoreBoard:
        """Score some candidates on some splits, in the rows that their indices name."""
        board = ScoreBoard(n_rows, len(splits), self.return_train_score)
        total = len(candidates) * len(splits)
        watched.begin(total)
        done = 0
        work = replace(work, recipe=engine_recipe(work, candidates, splits))
        for unit, table, tally in self._run(work, candidates, splits, first=not tallies):
            board.add(unit, table)
            tallies.append(tally)
            done += len(unit.candidates)
            watched.scored(unit)
            if self.progress is not None:
                self.progress(done, total)
        watched.finish()
        forget_engine()
        if board.errors and self.error_score != "raise":
            tell_fit_failures(board.errors, total, self.error_score)
            board.fill_errors(self.error_score, list(work.scoring.parts))
        return board

    def _run(
        self,
        work: Work,
        candidates: Sequence[Candidate],
        splits: Sequence[tuple[Any, Any]],
        *,
        first: bool,
    ) -> Iterator[tuple[Unit, ScoreTable, Tally]]:
        if self.run_dir is None and self.runner is None:
            units = units_of(
                candidates,
                splits,
                wanted_units(self.n_jobs),
                moments=work.recipe is not None,
            )
            yield from run_with_joblib(work, units, self.n_jobs, self.pre_dispatch)
            return
        from priorlift.search.journaled import run_as_trials

        yield from run_as_trials(
            work,
            candidates,
            splits,
            runner=self.runner,
            n_jobs=self.n_jobs,
            address=self.address,
            run_dir=self.run_dir,
            resume=self.resume or not first,
        )

    def _announce(self, work: Work, candidates: Sequence[Candidate], n_splits: int) -> int:
        import joblib

        depth = max((len(candidate.chain or ()) for candidate in candidates), default=0)
        n_workers = int(joblib.effective_n_jobs(self.n_jobs)) if depth else 1
        announced = announced_bytes(work.X, depth, min(n_workers, n_splits)) if depth else 0
        refuse_too_much(announced, None if self.memory_limit is None else self.memory_limit)
        if self.verbose > 0:
            n, fits = len(candidates), len(candidates) * n_splits
            print(f"Fitting {n_splits} folds for each of {n} candidates, totalling {fits} fits")
            if announced:
                print(f"Holding about {readable(announced)} of rows at once")
        return announced

    # --- after ------------------------------------------------------------------------------

    def _choose(self, results: dict[str, Any], refit_metric: Any) -> None:
        if not (self.refit or not self.multimetric_):
            return
        self.best_index_ = self._select_best_index(self.refit, refit_metric, results)
        if not callable(self.refit):
            self.best_score_ = results[f"mean_test_{refit_metric}"][self.best_index_]
        self.best_params_ = results["params"][self.best_index_]

    def _refit(self, work: Work, watched: Watched) -> None:
        self.best_estimator_ = clone(work.estimator).set_params(
            **clone(dict(self.best_params_), safe=False)
        )
        with watched.refit(self.best_estimator_):
            start = time.time()
            if work.y is not None:
                self.best_estimator_.fit(work.X, work.y, **work.fit_params)
            else:
                self.best_estimator_.fit(work.X, **work.fit_params)
            self.refit_time_ = time.time() - start
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_


def _row_numbers(rows: Any) -> Any:
    """Return the numbers of the rows that a mask marks; other rows as they are."""
    is_mask = isinstance(rows, np.ndarray) and rows.dtype.kind == "b"
    return np.flatnonzero(rows) if is_mask else rows
