"""What an estimator takes in: arrays, sparse matrices, frames; and what it refuses, clearly."""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from priorlift.core.errors import InputError
from priorlift.pool import Source, SourcePool
from priorlift.testing.assertions import require, require_equal, require_error
from priorlift.testing.problems import COLUMNS, libraries, mixed_columns
from priorlift.testing.suite import Suite, outputs


class InputChecks(Suite):
    """Good input of any container gives one answer, bad input a clear error."""

    def test_read_only_and_memory_mapped_input_is_enough(self) -> None:
        """`fit` writes into nothing that it is given."""
        p = self.problem()
        expected = self.predicted(p.X, p.y, p.pool, p.X_new)
        with tempfile.TemporaryDirectory() as folder:

            def mapped(name: str, values: Any) -> Any:
                np.save(Path(folder, name), values)
                return np.load(Path(folder, f"{name}.npy"), mmap_mode="r")

            pool = SourcePool(
                Source(s.name, mapped(f"X {s.name}", s.X), mapped(f"y {s.name}", s.y))
                for s in p.pool
            )
            found = self.predicted(mapped("X", p.X), mapped("y", p.y), pool, p.X_new)
            del pool
        require_equal(found, expected, "memory-mapped input gives another model")

    def test_input_is_never_changed(self) -> None:
        """Rows and labels of the target are after `fit` and `predict` what they were."""
        p = self.problem()
        X, y, X_new = p.X.copy(), p.y.copy(), p.X_new.copy()
        self.predicted(p.X, p.y, p.pool, p.X_new, sample_weight=np.full(len(y), 2.0))
        for found, expected in ((p.X, X), (p.y, y), (p.X_new, X_new)):
            require_equal(found, expected, "fit or predict changed its input")

    def test_sparse_input_follows_the_tag(self) -> None:
        """Sparse target and sources are used, or refused where the tag says so."""
        p = self.problem()
        pool = SourcePool(Source(s.name, sp.csr_matrix(s.X), s.y) for s in p.pool)
        if self.make_estimator().transfer_tags.sparse:
            X, X_new = sp.csr_matrix(p.X), sp.csr_matrix(p.X_new)
            found = self.predicted(X, p.y, pool, X_new)
            require(np.isfinite(found).all(), "sparse input gives no finite predictions")
        else:
            require_error(
                lambda: self.make_estimator().fit(sp.csr_matrix(p.X), p.y, sources=pool),
                (TypeError, ValueError),
            )

    def test_frames_of_all_libraries_agree(self) -> None:
        """A mixed table with missing values gives one model, in pandas, polars and pyarrow."""
        p = self.problem()
        tables = [mixed_columns(len(X), seed) for seed, X in enumerate((p.X, p.X_new))]
        found = {}
        for library, frame in libraries().items():
            pool = SourcePool(
                Source(s.name, frame(mixed_columns(len(s.y), 9)), s.y) for s in p.pool
            )
            X, X_new = (frame(table) for table in tables)
            found[library] = self.predicted(X, p.y, pool, X_new)
        first = next(iter(found.values()))
        for library, predictions in found.items():
            require_equal(predictions, first, f"a {library} table gives another model")

    def test_columns_are_matched_by_name(self) -> None:
        """Other column order and extra columns of a source change nothing, and are counted."""
        p = self.problem()
        frame = next(iter(libraries().values()))
        X, X_new = (frame(dict(zip(COLUMNS, rows.T, strict=True))) for rows in (p.X, p.X_new))

        def pool(names: tuple[str, ...]) -> SourcePool:
            sources = []
            for source in p.pool:
                columns = dict(zip((*COLUMNS, "shoe"), [*source.X.T, source.X[:, 0]], strict=True))
                table = frame({name: columns[name] for name in names})
                sources.append(Source(source.name, table, source.y))
            return SourcePool(sources)

        expected = self.predicted(X, p.y, pool(COLUMNS), X_new)
        fitted = self.make_estimator().fit(X, p.y, sources=pool(("shoe", *COLUMNS[::-1])))
        require_equal(outputs(fitted, X_new), expected, "columns of a source are not matched")
        if fitted.transfer_tags.uses_sources:
            dropped = fitted.n_dropped_columns_
            require(set(dropped.values()) == {1}, f"n_dropped_columns_ is {dropped}")

    def test_a_missing_column_is_named(self) -> None:
        """A source without one of the target's columns is refused by the column's name."""
        p = self.problem()
        frame = next(iter(libraries().values()))
        X = frame(dict(zip(COLUMNS, p.X.T, strict=True)))
        rows = next(iter(p.pool)).X
        lacking = frame(dict(zip(COLUMNS[:-1], rows.T[:-1], strict=True)))
        self._refuses(X, p.y, Source("old ward", lacking, next(iter(p.pool)).y), COLUMNS[-1])

    def test_another_number_of_columns_is_refused(self) -> None:
        """Arrays have no names to match by."""
        p = self.problem()
        source = next(iter(p.pool))
        self._refuses(p.X, p.y, Source("old ward", source.X[:, :2], source.y), "2 columns")

    def _refuses(self, X: Any, y: Any, source: Source, word: str) -> None:
        if not self.make_estimator().transfer_tags.uses_sources:
            return
        require_error(
            lambda: self.make_estimator().fit(X, y, sources=SourcePool([source])),
            InputError,
            "'old ward'",
            word,
        )

    def test_constant_columns_do_no_harm(self) -> None:
        """A column that never varies, in target or sources, leaves predictions finite."""
        p = self.problem()
        X = p.X.copy()
        X[:, 0] = 3.0
        varied = [Source("target's", s.X, s.y) for s in p.pool][:1]
        constant = p.pool.names[-1]
        rows = p.pool[constant].X.copy()
        rows[:, 1] = 0.0
        pool = SourcePool([*varied, Source("constant", rows, p.pool[constant].y)])
        require(np.isfinite(self.predicted(X, p.y, pool, p.X_new)).all(), "not finite")

    def test_missing_labels(self) -> None:
        """In a source they are passed over; in the target too, or an error that names a row."""
        p = self.problem()
        y = p.y.astype(float)
        y[2] = np.nan
        if self.make_estimator().transfer_tags.unlabelled_rows:
            found = self.predicted(p.X, y, p.pool, p.X_new)
            require(np.isfinite(found).all(), "an unlabelled row of the target does harm")
        else:
            fit = partial(self.make_estimator().fit, p.X, y, p.pool)
            require_error(fit, InputError, "row 2", "NaN")
        pool = []
        for source in p.pool:
            values = source.y.astype(float)
            values[::7] = np.nan
            pool.append(Source(source.name, source.X, values))
        found = self.predicted(p.X, p.y, SourcePool(pool), p.X_new)
        require(np.isfinite(found).all(), "not finite")

    def test_impossible_sources_are_refused_when_they_are_made(self) -> None:
        """No rows, and one name twice."""
        require_error(lambda: Source("empty", np.empty((0, 4)), []), InputError, "'empty'")
        twice = [Source("a", np.eye(2), [0, 1])] * 2
        require_error(lambda: SourcePool(twice), InputError, "'a'", "SourcePool([")

    def test_one_class_only_is_refused(self) -> None:
        """A classifier says that the target has one class, unless sources may bring others."""
        p = self.problem()
        if self.make_estimator()._task == "classification":
            pool = None if self.make_estimator().transfer_tags.open_labels else p.pool
            fit = partial(self.make_estimator().fit, p.X, np.zeros_like(p.y), pool)
            require_error(fit, InputError, "one class")

    def test_very_few_labels_are_enough(self) -> None:
        """Two rows of the target, of one class each, can be fitted with and without sources."""
        p = self.problem()
        for sources in (None, p.pool):
            found = self.predicted(p.X[:2], p.y[:2], sources, p.X_new)
            require(np.isfinite(found).all(), "not finite")

    def test_classes_are_the_targets(self) -> None:
        """Text labels work, `classes_` is sorted, and `proba_for` puts columns in any order."""
        p = self.problem()
        if self.make_estimator()._task != "classification":
            return
        names = np.array(["ill", "well"])
        pool = SourcePool(Source(s.name, s.X, names[s.y]) for s in p.pool)
        fitted = self.make_estimator().fit(p.X, names[p.y], sources=pool)
        require(list(fitted.classes_) == ["ill", "well"], f"classes_ is {fitted.classes_}")
        require(set(fitted.predict(p.X_new)) <= {"ill", "well"}, "predicts no label of the target")
        if hasattr(fitted, "predict_proba"):
            found = fitted.proba_for(p.X_new, ["well", "dead", "ill"])
            expected = np.insert(fitted.predict_proba(p.X_new)[:, ::-1], 1, 0.0, axis=1)
            require_equal(found, expected, "proba_for does not align its columns")

    def test_weights_and_groups_need_one_value_a_row(self) -> None:
        """Another length is refused."""
        p = self.problem()
        for name in ("groups", "sample_weight"):
            fit = partial(self.make_estimator().fit, p.X, p.y, p.pool, **{name: np.ones(3)})
            require_error(fit, ValueError)
