"""The contract that every method inherits, where the conformance suite does not already hold it."""

import warnings

import numpy as np
import pyarrow as pa
import pytest

from priorlift.core.errors import InputError, InputTypeError
from priorlift.pool import Source, SourcePool, Target
from priorlift.study.plan import why_unusable
from priorlift.testing.problems import COLUMNS, make_problem
from priorlift.transfer import Method, PooledClassifier, PooledRegressor, TransferRegressor
from priorlift.transfer.base import TransferTags, check_pool

P = make_problem("classification")


def test_none_is_an_empty_pool():
    assert check_pool(None).n_sources == 0
    assert check_pool(P.pool) is P.pool
    with pytest.raises(InputTypeError, match=r"SourcePool\(\["):
        check_pool([])


def test_a_method_without_a_form_for_a_task_says_so():
    method = Method("votes", "", PooledClassifier, None)
    assert method.for_task("classification") is PooledClassifier
    with pytest.raises(InputError, match="'votes' has no form for regression"):
        method.for_task("regression")


def test_a_method_is_one_function():
    class Mean(TransferRegressor):
        """Predicts the mean of all labels it has seen."""

        def _fit(self, target, sources):
            labels = np.concatenate([target.y, *(rows.y for rows in sources)])
            self.model_ = PooledRegressor(preprocess=None).fit(np.zeros((len(labels), 1)), labels)
            self.order_ = [rows.fingerprint for rows in sources]

        def _features(self, X):
            return np.zeros((X.shape[0], 1))

    p = make_problem("regression")
    model = Mean().fit(p.X, p.y, sources=p.pool)
    expected = np.concatenate([p.y, *(source.y for source in p.pool)]).mean()
    np.testing.assert_allclose(model.predict(p.X_new), expected)
    assert model.order_ == sorted(model.order_)


def test_refusals_name_each_source_and_change_nothing():
    rows = next(iter(P.pool)).X
    text = pa.table({**dict(zip(COLUMNS[1:], rows.T[1:], strict=True)), COLUMNS[0]: ["old"] * 40})
    pool = SourcePool(
        [
            *P.pool,
            Source("narrow", rows[:, :2], np.arange(40) % 2),
            Source("colours", rows, ["red", "blue"] * 20),
            Source("text", text, np.arange(40) % 2),
        ]
    )
    X = pa.table(dict(zip(COLUMNS, P.X.T, strict=True)))
    model = PooledClassifier()
    refused = model.refusals(X, P.y, pool)
    assert set(refused) == {"narrow", "colours", "text"}
    assert "2 columns" in refused["narrow"]
    assert "shares no label" in refused["colours"]
    assert "'old'" in refused["text"]
    assert not hasattr(model, "classes_")


def test_refusals_are_what_fit_raises():
    pool = SourcePool([Source("colours", next(iter(P.pool)).X, ["red", "blue"] * 20)])
    with pytest.raises(InputError) as raised:
        PooledClassifier().fit(P.X, P.y, sources=pool)
    assert PooledClassifier().refusals(P.X, P.y, pool) == {"colours": str(raised.value)}


@pytest.mark.parametrize("labels", [["a", "b"], [True, False], [0, 1], [0.0, 1.0]])
def test_labels_of_any_type_come_back_as_they_were(labels):
    y = [labels[code] for code in P.y]
    found = PooledClassifier().fit(P.X, y).predict(P.X_new)
    assert set(found.tolist()) == set(labels)


def test_labels_in_an_object_array_count_by_value():
    y = P.y.astype(object)
    found = PooledClassifier().fit(P.X, y, sources=P.pool)
    expected = PooledClassifier().fit(P.X, P.y, sources=P.pool)
    np.testing.assert_array_equal(found.predict_proba(P.X_new), expected.predict_proba(P.X_new))


@pytest.mark.parametrize("parameter", ["preprocess", "preprocess_on"])
def test_an_unknown_preprocessing_is_refused(parameter):
    with pytest.raises(InputError, match=f"{parameter} is 'scale'"):
        PooledClassifier(**{parameter: "scale"}).fit(P.X, P.y)


def test_a_regression_refuses_labels_that_are_not_numbers():
    p = make_problem("regression")
    with pytest.raises(InputError, match="not numbers"):
        PooledRegressor().fit(p.X, ["high"] * len(p.y))
    colours = SourcePool([Source("colours", p.pool["related"].X, ["red", "blue"] * 20)])
    with pytest.raises(InputError, match=r"'colours'.*not numbers"):
        PooledRegressor().fit(p.X, p.y, sources=colours)


def test_unlabelled_rows_of_a_source_are_not_learned_from():
    source = P.pool["related"]
    y = np.where(np.arange(40) < 30, source.y, -1)
    marked = SourcePool([Source("a", source.X, y, unlabeled=-1)])
    cut = SourcePool([Source("a", source.X[:30], source.y[:30])])
    found, expected = (
        PooledClassifier().fit(P.X, P.y, sources=pool).predict_proba(P.X_new)
        for pool in (marked, cut)
    )
    np.testing.assert_array_equal(found, expected)


def test_a_source_of_two_label_columns_is_refused():
    source = P.pool["related"]
    pool = SourcePool([Source("two", source.X, np.stack([source.y, source.y], axis=1))])
    with pytest.raises(InputError, match=r"'two'.*2-D labels"):
        PooledClassifier().fit(P.X, P.y, sources=pool)


def test_no_warning_comes_from_an_ordinary_fit():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PooledClassifier().fit(P.X, P.y, sources=P.pool).predict(P.X_new)


class OwnColumns(PooledClassifier):
    """Looks at sources in their own columns and learns from the target alone."""

    transfer_tags = TransferTags(columns="own")

    def _fit(self, target, sources):
        self.seen_ = {rows.name: rows.X for rows in sources}
        super()._fit(target, ())


def test_sources_may_have_columns_of_their_own_where_the_tag_says_so():
    labels = P.pool["related"].y
    wide = np.random.default_rng(0).normal(5.0, 3.0, (40, 3))
    named = pa.table({"colour": ["red", "blue"] * 20})
    pool = SourcePool([Source("wide", wide, labels), Source("named", named, labels)])
    fitted = OwnColumns().fit(P.X, P.y, sources=pool)
    np.testing.assert_allclose(fitted.seen_["wide"].mean(axis=0), 0, atol=1e-12)
    assert fitted.seen_["named"].shape == (40, 2)
    assert fitted.n_dropped_columns_ == {"wide": 0, "named": 0}
    target = Target("few", P.X, P.y, task="classification")
    assert why_unusable(fitted, target, pool["wide"]) is None
    assert "3 columns" in why_unusable(PooledClassifier(), target, pool["wide"])
    with pytest.raises(InputError, match="3 columns"):
        PooledClassifier().fit(P.X, P.y, sources=pool.subset(["wide"]))
