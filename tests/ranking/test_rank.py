"""Rankings on data whose order is known, and everything that must not change them."""

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

from priorlift.core.errors import InputError, InputTypeError
from priorlift.pool import Source, SourcePool
from priorlift.ranking.rank import Ranking, rank_sources
from priorlift.ranking.scores import Score

QUICK = {"max_iter": 25, "hidden_layer_sizes": (32,), "random_state": 0}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    return X[order], y[order]


@pytest.fixture(scope="module")
def pool(digits):
    X, y = digits[0][100:700], digits[1][100:700]
    generator = np.random.default_rng(1)
    return SourcePool(
        [
            Source("shuffled", X, generator.permutation(y)),
            Source("same", X, y),
            Source("noise", generator.normal(8.0, 5.0, X.shape), y),
            Source("ink", X, X.sum(axis=1) + 0.5),
            Source("narrow", X[:, :4], y),
            Source("constant", X, np.ones(len(y), dtype=int)),
        ],
        unusable={"broken": "it is an image"},
    )


@pytest.fixture(scope="module")
def ranking(digits, pool):
    return rank_sources(digits[0][:100], digits[1][:100], pool, n_bootstrap=40, **QUICK)


def without_seconds(ranking):
    values = json.loads(ranking.to_json())
    values.pop("seconds")
    for row in values["rows"]:
        row.pop("seconds")
    return values


def test_the_same_classes_outrank_shuffled_labels_and_noise(ranking):
    assert ranking.best == "same"
    same = ranking["same"]
    for name in ("shuffled", "noise"):
        other = ranking[name]
        assert all(same.scores[score] > other.scores[score] for score in ranking.plan.scores)
        assert name not in ranking.ties
    assert same.scores["logme"] > 0.05
    assert same.scores["nce"] > 0.5 > 0.3 > ranking["shuffled"].scores["nce"]


def test_intervals_hold_the_observed_values(ranking):
    assert ranking.n_resamples == 40
    for row in ranking.rows:
        assert row.low <= row.rank <= row.high
        for score, (low, high) in row.intervals.items():
            assert low <= row.scores[score] <= high
            assert low < high


def test_what_cannot_be_used_is_listed_with_its_reason(ranking):
    assert set(ranking.skipped) == {"broken", "narrow", "constant"}
    assert ranking.skipped["broken"] == "it is an image"
    assert "4 columns, the target 64" in ranking.skipped["narrow"]
    assert "constant" in ranking.skipped["constant"]
    assert "predicts no classes" in ranking["ink"].missing["nce"]
    assert "nce" not in ranking["ink"].scores
    assert ranking["ink"].ranks["nce"] == 2.5


def test_the_order_of_the_sources_changes_nothing(digits, pool, ranking):
    turned = SourcePool(list(pool)[::-1], unusable=pool.unusable)
    again = rank_sources(digits[0][:100], digits[1][:100], turned, n_bootstrap=40, **QUICK)
    assert without_seconds(again) == without_seconds(ranking)


def test_a_source_scores_the_same_in_any_company(digits, pool, ranking):
    alone = rank_sources(
        digits[0][:100], digits[1][:100], pool.subset(["same"]), n_bootstrap=0, **QUICK
    )
    assert alone["same"].scores == ranking["same"].scores
    assert alone["same"].rank == alone["same"].consensus == 1
    assert alone.kendall_w is None
    assert alone["same"].low is None
    assert alone["same"].intervals == {}


def test_copies_of_a_source_tie_exactly(digits):
    X, y = digits
    copies = [Source(name, X[100:300], y[100:300]) for name in ("b", "a")]
    found = rank_sources(X[:60], y[:60], SourcePool(copies), n_bootstrap=10, **QUICK)
    assert found.names == ("a", "b")
    assert found["a"].scores == found["b"].scores
    assert [row.rank for row in found.rows] == [1, 1]
    assert found.ties == ("a", "b")
    assert "cannot be told apart" in found.summary


def test_a_pool_without_a_usable_source_is_no_crash(digits):
    X, y = digits
    pool = SourcePool([Source("narrow", X[:50, :3], y[:50])])
    for sources in (pool, SourcePool()):
        found = rank_sources(X[:50], y[:50], sources, n_bootstrap=5, **QUICK)
        assert (found.rows, found.best, found.ties, found.kendall_w) == ((), None, (), None)
        assert set(found.skipped) == set(sources.names)
        assert Ranking.from_json(found.to_json()) == found


def test_unlabelled_rows_are_counted_and_left_out(digits, pool):
    X, y = digits[0][:60], digits[1][:60]
    few = pool.subset(["same", "noise"])
    clean = rank_sources(X, y, few, n_bootstrap=0, **QUICK)
    more = np.vstack([X, np.full((5, 64), 99.0)])
    found = rank_sources(more, [*y.tolist(), *[None] * 5], few, n_bootstrap=0, **QUICK)
    assert (clean.n_unlabelled, found.n_unlabelled) == (0, 5)
    assert found.n_rows == 60
    for row in clean.rows:
        assert found[row.name].scores == pytest.approx(row.scores)


def test_a_regression_is_ranked():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(800, 4))
    y = np.abs(X[:, 0]) - np.abs(X[:, 1])
    pool = SourcePool(
        [
            Source("same", X[60:], y[60:]),
            Source("shuffled", X[60:], generator.permutation(y[60:])),
            Source("words", X[60:], np.where(y[60:] > 0, "up", "down")),
        ]
    )
    found = rank_sources(X[:60], y[:60], pool, n_bootstrap=20, random_state=0)
    assert found.plan.task == "regression"
    assert found.plan.scores == ("logme", "agreement", "pooling_gain", "feature_gain")
    assert found["same"].rank < found["shuffled"].rank
    assert "words" in found.names  # its classes are another task, and its hidden layer still helps


def test_groups_are_halved_as_a_whole(digits, pool):
    X, y = digits[0][:40], digits[1][:40]
    few = pool.subset(["same", "noise"])
    one = rank_sources(X, y, few, groups=np.zeros(40, int), n_bootstrap=5, **QUICK)
    assert one.plan.resampled == "groups"
    assert one.n_resamples == 0
    assert "cannot be halved" in " ".join(one.warnings)
    four = rank_sources(X, y, few, groups=np.arange(40) % 4, n_bootstrap=5, **QUICK)
    assert four.n_resamples == 5
    assert four["same"].scores == one["same"].scores


def test_frames_are_matched_by_name_and_extra_columns_counted(digits):
    X, y = digits[0][:300, 20:30], digits[1][:300]
    names = [f"pixel {column}" for column in range(10)]
    frame = pa.table({name: X[:, i] for i, name in enumerate(names)})
    mixed = frame.select(names[::-1]).append_column("extra", pa.array(["x"] * 300))
    target, labels = frame.slice(0, 60), y[:60]
    plain = SourcePool([Source("plain", frame.slice(60), y[60:])])
    other = SourcePool([Source("mixed", mixed.slice(60), y[60:])])
    first = rank_sources(target, labels, plain, n_bootstrap=0, **QUICK)
    second = rank_sources(target, labels, other, n_bootstrap=0, **QUICK)
    assert second["mixed"].n_dropped_columns == 1
    assert first["plain"].n_dropped_columns == 0
    # Only the seeds differ, since the sources' contents do.
    assert second["mixed"].scores["nce"] == pytest.approx(first["plain"].scores["nce"], abs=0.3)


@pytest.mark.parametrize("preprocess", ["auto", None, StandardScaler(with_mean=False)])
def test_sparse_rows_and_any_preprocessing_are_scored(digits, preprocess):
    X, y = sparse.csr_array(digits[0][:300]), digits[1][:300]
    pool = SourcePool([Source("same", X[60:], y[60:])])
    found = rank_sources(X[:60], y[:60], pool, n_bootstrap=0, preprocess=preprocess, **QUICK)
    assert np.isfinite(found["same"].scores["logme"])


def test_many_rows_are_sampled(digits, pool):
    X, y = digits
    limits = {"max_target_rows": 50, "max_source_rows": 200}
    found = rank_sources(X[:100], y[:100], pool.subset(["same"]), n_bootstrap=0, **limits, **QUICK)
    assert found.n_rows == 50
    assert (found.plan.max_target_rows, found.plan.max_source_rows) == (50, 200)
    assert found["same"].n_rows == 600


def test_own_scores_are_used_and_their_faults_reported(digits, pool):
    width = Score("width", "Width", ("classification",), lambda v: float(v.features.shape[1]))
    fails = Score("nan", "Not a number", ("classification",), lambda view: float("nan"))
    found = rank_sources(
        digits[0][:50],
        digits[1][:50],
        pool.subset(["same", "noise"]),
        scores=[width, fails],
        n_bootstrap=5,
        **QUICK,
    )
    assert found["same"].scores == {"width": 32.0}
    assert found["same"].missing == {"nan": "the score is nan"}
    assert found.ties == ("noise", "same")


def test_disagreement_is_said(digits, pool):
    up = Score("up", "Name", ("classification",), lambda view: float(view.name == "same"))
    down = dataclasses.replace(up, name="down", function=lambda view: -up(view))
    found = rank_sources(
        digits[0][:50],
        digits[1][:50],
        pool.subset(["same", "noise"]),
        scores=[up, down],
        n_bootstrap=0,
        **QUICK,
    )
    assert found.kendall_w == 0.0
    assert "scores disagree" in found.warnings[0]


def test_a_handful_of_rows_is_ranked_with_a_warning(digits, pool):
    X, y = digits[0][:3], np.array([0, 1, 1])
    found = rank_sources(X, y, pool.subset(["same", "noise"]), n_bootstrap=10, **QUICK)
    assert "only 3 labelled rows" in " ".join(found.warnings)
    assert all(np.isfinite(value) for row in found.rows for value in row.scores.values())


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1] * 30, "labels are all"),
        ([0, 1, *[None] * 28], "2 labelled rows"),
        ([None] * 30, "0 labelled rows"),
        (np.arange(30) + 7, "classes or numbers"),
        (np.array([["a", "b"]] * 30), "2-D class labels"),
    ],
)
def test_labels_that_cannot_be_scored_are_refused(digits, pool, labels, message):
    with pytest.raises(InputError, match=message):
        rank_sources(digits[0][:30], labels, pool, **QUICK)


def test_a_list_is_no_pool(digits, pool):
    with pytest.raises(InputTypeError, match="SourcePool"):
        rank_sources(digits[0], digits[1], list(pool))
    with pytest.raises(InputError, match="preprocess is 'scale'"):
        rank_sources(digits[0], digits[1], pool, preprocess="scale")


def test_sources_score_the_same_in_any_company_whatever_their_spaces():
    """No error of the target alone is taken over from another source's space."""
    draws = np.random.default_rng(0)
    X = draws.normal(size=(40, 50))
    y = (X[:, 0] > 0).astype(int)
    sources = []
    for place in range(6):
        rows = draws.normal(size=(80, 4)) @ draws.normal(size=(4, 50))
        sources.append(Source(f"s{place}", rows, (rows[:, 0] > 0).astype(int)))
    options = {"hidden_layer_sizes": (), "n_bootstrap": 4, "random_state": 0}
    every = rank_sources(X, y, SourcePool(sources), **options)
    for source in sources:
        alone = rank_sources(X, y, SourcePool([source]), **options)[source.name]
        assert alone.scores == every[source.name].scores
        assert alone.intervals == every[source.name].intervals


def test_an_encoder_turns_inputs_into_features_and_is_named_where_it_fails(digits):
    class Pixels:
        """Reads an image of 8 x 8 as a row."""

        def transform(self, images):
            if np.ndim(images) != 3:
                raise ValueError("no images")
            return np.reshape(images, (len(images), -1))

        def __repr__(self):
            return "Pixels()"

    X, y = digits[0][:300].reshape(-1, 8, 8), digits[1][:300]
    flat = Source("flat", digits[0][:300], y)
    pool = SourcePool([Source("same", X[60:], y[60:]), flat], unusable={"broken": "no file"})
    options = {"n_bootstrap": 0, **QUICK}
    found = rank_sources(X[:60], y[:60], pool, encoder=Pixels(), **options)
    assert found.plan.encoder == "Pixels()"
    assert set(found.skipped) == {"flat", "broken"}
    assert "no images" in found.skipped["flat"]
    plain = SourcePool([Source("same", digits[0][60:300], y[60:])])
    expected = rank_sources(digits[0][:60], y[:60], plain, **options)
    assert found["same"].scores == expected["same"].scores
    for wrong, words in (
        (lambda images: np.full((len(images), 2), np.inf), "NaN or infinity"),
        (lambda images: np.zeros((3, 2)), r"\(3, 2\) of 60 rows"),
    ):
        broken = Pixels()
        broken.transform = wrong
        with pytest.raises(InputError, match=r"Pixels\(\) .*" + words):
            rank_sources(X[:60], y[:60], pool, encoder=broken, **options)


def test_identifiers_are_no_classes(digits, pool):
    with pytest.raises(InputError, match="fewer than two rows a class"):
        rank_sources(digits[0][:200], np.arange(200), pool, task="classification", **QUICK)


def test_what_is_carried_over_weights_the_scores(digits):
    """Swapped classes: bad rows, good features."""
    X, y = digits[0][:500], digits[1][:500] % 2
    draws = np.random.default_rng(0)
    pool = SourcePool(
        [Source("swapped", X[60:], 1 - y[60:]), Source("noise", X[60:], draws.permutation(y[60:]))]
    )
    best = {}
    for kind in ("rows", "features"):
        found = rank_sources(X[:60], y[:60], pool, transfer=kind, n_bootstrap=0, **QUICK)
        assert found.plan.transfer == kind
        best[kind] = found.best
    assert best == {"rows": "noise", "features": "swapped"}
