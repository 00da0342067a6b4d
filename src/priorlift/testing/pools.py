"""What an estimator does with a pool: its baseline, the order of sources, what it keeps of them."""

import io
import pickle
import struct
import tempfile
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone

from priorlift.core.errors import InputError, InputTypeError
from priorlift.core.persistence import save
from priorlift.pool import Source, SourcePool
from priorlift.testing.assertions import require, require_equal, require_error
from priorlift.testing.suite import Suite, outputs


class PoolChecks(Suite):
    """Sources are opaque, unordered, and gone after `fit`."""

    def test_an_empty_pool_is_no_pool(self) -> None:
        """`sources=None`, an empty pool and no `sources` at all give one model."""
        p = self.problem()
        alone = outputs(self.make_estimator().fit(p.X, p.y), p.X_new)
        for sources in (None, SourcePool()):
            found = self.predicted(p.X, p.y, sources, p.X_new)
            require_equal(found, alone, f"with sources={sources} the baseline is another")
        require(
            not self.make_estimator().fit(p.X, p.y, sources=SourcePool()).sources_,
            "sources_ is not empty without sources",
        )

    def test_the_same_seed_gives_the_same_model(self) -> None:
        """Two fits are equal, without and with sources."""
        p = self.problem()
        for sources in (None, p.pool):
            first, second = (self.predicted(p.X, p.y, sources, p.X_new) for _ in range(2))
            require_equal(first, second, "a second fit gives another model")

    def test_it_can_be_used_without_arguments(self) -> None:
        """The class has a default for every parameter, and they work with sources."""
        p = self.problem()
        fitted = type(self.make_estimator())().fit(p.X, p.y, sources=p.pool)
        require(len(fitted.predict(p.X_new)) == len(p.X_new), "not one prediction a row")

    def test_order_and_names_of_sources_do_not_matter(self) -> None:
        """Sources are a set, and a name is only a name."""
        p = self.problem()
        expected = self.predicted(p.X, p.y, p.pool, p.X_new)
        backwards = SourcePool(reversed(list(p.pool)))
        found = self.predicted(p.X, p.y, backwards, p.X_new)
        require_equal(found, expected, "the order of the sources changes the model")
        renamed = SourcePool(
            Source(name, source.X, source.y) for name, source in zip("zyx", p.pool, strict=False)
        )
        found = self.predicted(p.X, p.y, renamed, p.X_new)
        require_equal(found, expected, "the names of the sources change the model")

    def test_it_names_the_sources_that_it_learned_from(self) -> None:
        """`sources_` holds names and fingerprints out of the pool."""
        p = self.problem()
        fitted = self.make_estimator().fit(p.X, p.y, sources=p.pool)
        expected = {source.name: source.fingerprint for source in p.pool}
        tags = fitted.transfer_tags
        if tags.selects_sources or not tags.uses_sources:
            expected = {n: f for n, f in expected.items() if n in fitted.sources_}
        require(fitted.sources_ == expected, f"sources_ is {fitted.sources_}, not {expected}")

    def test_a_pool_survives_clone_and_is_not_changed(self) -> None:
        """`fit` leaves each array of the pool as it was."""
        p = self.problem()
        before = [(source.X.copy(), source.y.copy()) for source in p.pool]
        self.make_estimator().fit(p.X, p.y, sources=p.pool)
        require(clone(p.pool) is p.pool, "clone copies the pool")
        for source, (X, y) in zip(p.pool, before, strict=True):
            require_equal(source.X, X, f"fit changed the rows of {source.name}")
            require_equal(source.y, y, f"fit changed the labels of {source.name}")

    def test_a_wrong_pool_is_a_type_error_that_names_the_right_one(self) -> None:
        """Lists, mappings, arrays and a single source are refused."""
        p = self.problem()
        source = next(iter(p.pool))
        for wrong in ([source], (source,), {"a": source}, source, (p.X, p.y), p.X, "folder"):
            fit = partial(self.make_estimator().fit, p.X, p.y, wrong)  # type: ignore[arg-type]
            require_error(fit, InputTypeError, "SourcePool([")

    def test_sources_with_other_labels_follow_the_tag(self) -> None:
        """They are learned from where the tag says "any", else refused by name."""
        p = self.problem()
        rows = np.random.default_rng(1).normal(size=(40, 4))
        pool = SourcePool([Source("other", rows, np.where(rows[:, 0] > 0, "red", "blue"))])
        tags = self.make_estimator().transfer_tags
        if tags.labels == "any" or not tags.uses_sources:
            if tags.selects_sources:
                # Its methods may take shared labels only; then the source is skipped, not an error.
                pool = SourcePool([*pool, *p.pool])
            fitted = self.make_estimator().fit(p.X, p.y, sources=pool)
            known = {"red", "blue"} & {str(label) for label in fitted.predict(p.X_new)}
            require(tags.open_labels or not known, f"predicts labels of a source: {known}")
        else:
            require_error(
                lambda: self.make_estimator().fit(p.X, p.y, sources=pool), InputError, "'other'"
            )

    def test_no_source_rows_are_kept(self) -> None:
        """Neither a pickle nor a saved file of the fitted estimator holds a row of a source."""
        if self.keeps_rows:
            return
        p = self.problem()
        estimator = self.make_estimator()
        self._require_no_rows(estimator.fit(p.X, p.y, sources=p.pool), p.pool)
        if "preprocess" in estimator.get_params(deep=False):
            # Without preprocessing, rows kept in encoded form are the rows themselves.
            estimator.set_params(preprocess=None)
            self._require_no_rows(estimator.fit(p.X, p.y, sources=p.pool), p.pool)

    def _require_no_rows(self, fitted: Any, pool: SourcePool) -> None:
        with tempfile.TemporaryDirectory() as folder:
            saved = save(fitted, Path(folder, "model.priorlift")).read_bytes()
        for place, content in (("pickle", pickle.dumps(fitted)), ("saved file", unzipped(saved))):
            for source in pool:
                require(
                    not holds_rows(content, source.X),
                    f"the {place} holds rows of source {source.name!r}",
                )

    def test_a_pickled_estimator_predicts_the_same(self) -> None:
        """What is learned from sources survives a pickle."""
        p = self.problem()
        fitted = self.make_estimator().fit(p.X, p.y, sources=p.pool)
        again = pickle.loads(pickle.dumps(fitted))
        require_equal(outputs(again, p.X_new), outputs(fitted, p.X_new), "a pickle predicts else")


def unzipped(content: bytes) -> bytes:
    """Return bytes with the members of every archive in them, of archives in archives too."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return b"".join(unzipped(archive.read(name)) for name in archive.namelist())


def holds_rows(content: bytes, X: Any) -> bool:
    """Tell whether bytes hold two neighbouring values of X: as an array, or as pickled floats.

    Parameters
    ----------
    content : bytes
        A pickle or a file.
    X : ndarray of shape (n, d)
        Rows whose values occur nowhere else.
    """
    pairs = [(X[0, 0], X[0, 1]), (X[-1, -2], X[-1, -1]), (X[0, 0], X[1, 0]), (X[-2, 1], X[-1, 1])]
    for pair in pairs:
        patterns = (
            np.array(pair, dtype="<f8").tobytes(),
            np.array(pair, dtype="<f4").tobytes(),
            b"".join(b"G" + struct.pack(">d", value) for value in pair),
            ", ".join(map(repr, map(float, pair))).encode(),
        )
        if any(pattern in content for pattern in patterns):
            return True
    return False
