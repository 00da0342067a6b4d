"""Forecasts from features: right where the theory holds, warned of where not, never a NaN."""

import json

import numpy as np
import pytest

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.theory.forecast_check import CheckRow, check_cautions, fitted_errors
from priorlift.theory.forecasts import forecast, labels_needed
from priorlift.theory.label_alignment import Directions

P, GRID = 20, (30, 100, 400)
QUICK = {"n_grid": GRID, "n_bootstrap": 6, "lambdas": (0.03, 0.3, 3.0), "picture": "classes"}
AUTO = {**QUICK, "picture": "auto"}


def two_classes(n, seed, distance=1.5, p=P, share=0.5):
    rng = np.random.default_rng(seed)
    y = np.where(rng.random(n) < share, 1, 0)
    X = rng.normal(size=(n, p)) * np.linspace(1.5, 0.5, p)
    X[:, :4] += 0.5 * distance * np.where(y, 1, -1)[:, None]
    return X + 3.0, y


@pytest.fixture(scope="module")
def rows():
    return two_classes(4000, 0)


@pytest.fixture(scope="module")
def found(rows):
    X, y = rows
    return forecast(X, X[:400], y[:400], **AUTO)


def test_real_heads_err_as_forecast(rows, found):
    X, y = rows
    one = found["features"]
    directions = Directions.of(X)
    along, signs = directions.coordinates(X), np.where(y, 1.0, -1.0)
    for place, n in enumerate(GRID):
        train, test = (along[:2000], signs[:2000]), (along[2000:], signs[2000:])
        observed = fitted_errors(train, test, n, one.lam[place], 12, n).mean()
        # 400 labels leave the error uncertain by about a tenth.
        assert one.error[place] == pytest.approx(observed, rel=0.2)


def test_errors_fall_to_the_floor_inside_their_band(found):
    one = found["features"]
    assert one.error[0] > one.error[1] > one.error[2] > one.floor > 0
    assert all(
        low <= error <= high for low, error, high in zip(one.low, one.error, one.high, strict=True)
    )
    assert one.reach_low < one.reach < one.reach_high
    assert one.picture in ("classes", "field")


def test_the_regulariser_is_that_of_scikit_learn(rows, found):
    from sklearn.linear_model import LogisticRegression

    X, y = rows
    one = found["features"]
    directions = Directions.of(X)
    along, signs = directions.coordinates(X), np.where(y, 1.0, -1.0)
    theirs = LogisticRegression(C=one.C[2], tol=1e-10, max_iter=5000).fit(X[:400], y[:400])
    ours = fitted_errors(
        (along[:400], signs[:400]), (along[400:], signs[400:]), 400, one.lam[2], 1, 0
    )
    assert ours[0] == pytest.approx(1 - theirs.score(X[400:], y[400:]), abs=2e-3)


def test_labels_needed_lie_on_the_curve(found):
    one = found["features"]
    needed = labels_needed(found, one.error[1])["features"]
    assert abs(needed.n - GRID[1]) <= 2
    beyond = one.labels_needed(0.9 * one.floor)
    assert beyond.unreachable
    assert beyond.n is None
    assert "floor" in beyond.reason
    assert one.labels_needed(0.499).n == 2
    with pytest.raises(InputError, match="target error"):
        one.labels_needed(0.6)


def test_several_feature_maps_share_an_axis(rows):
    X, y = rows
    noisy = X + 2.0 * np.random.default_rng(1).normal(size=X.shape)
    maps, few = {"clean": X, "noisy": noisy}, {"clean": X[:300], "noisy": noisy[:300]}
    both = forecast(maps, few, y[:300], **QUICK)
    assert both["clean"].error[1] < both["noisy"].error[1]
    assert (
        both.labels_saved("clean", "noisy", 30) is None
        or both.labels_saved("clean", "noisy", 30) > 0
    )
    frame = both.to_frame()
    assert list(frame["features"]) == ["clean"] * 3 + ["noisy"] * 3
    assert list(frame["n"]) == [*GRID, *GRID]
    document = json.loads(both.to_json())
    assert document["maps"]["noisy"]["error"] == list(both["noisy"].error)
    with pytest.raises(UnknownNameError, match="clean"):
        both["cleen"]


def test_raw_inputs_go_through_an_encoder(rows):
    X, y = rows

    class Half:
        def fit(self, X):
            return self

        def transform(self, X):
            return np.asarray(X)[:, :10]

    direct = forecast(X[:, :10], X[:300, :10], y[:300], **QUICK, honesty=False)
    through = forecast(X, X[:300], y[:300], **QUICK, honesty=False, encoder={"half": Half()})
    assert through["half"].error == direct["features"].error


def test_the_same_seed_repeats_to_the_bit(rows, found):
    X, y = rows
    assert forecast(X, X[:400], y[:400], **AUTO).to_json() == found.to_json()


def test_several_classes_are_forecast_one_versus_the_rest():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 1500)
    X = rng.normal(size=(1500, 8))
    X[np.arange(1500), y] += 2.0
    found = forecast(X, X[:300], np.array(list("abc"))[y[:300]], n_grid=(50, 200), n_bootstrap=4)
    one = found["features"]
    assert found.classes == ("a", "b", "c")
    assert "one-versus-rest" in found.predicts
    assert one.error[0] > one.error[1] > one.floor
    assert abs(one.check[-1].difference) < 0.3
    assert any("each is forecast against the rest" in text for text in found.warnings)
    top = found.maps["features"].top_class
    for part in (top.low, top.error, top.high, top.factor):
        assert len(part) == len(found.maps["features"].n)
    # A wrong class is an error of one head at least, and of no more than all.
    assert all(0.5 <= factor <= len(found.classes) for factor in top.factor)
    assert json.loads(found.to_json())["maps"]["features"]["top_class"]["check"][0]["observed"] > 0


def test_features_that_are_no_gaussian_classes_are_warned_of():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 3000)
    # The rare rows that tell the classes apart lie far out: moments mislead.
    far = rng.random(3000) < 0.1
    X = rng.normal(size=(3000, 10))
    X[:, 0] += np.where(far, 12.0, 0.2) * np.where(y, 1, -1)
    found = forecast(X, X[:600], y[:600], **QUICK, calibrate=False)
    assert any("held-out rows say" in text for text in found.warnings)


def test_the_check_says_whether_it_could_have_seen():
    agrees = CheckRow(50, 0.205, 0.2, 0.004)
    assert not check_cautions([agrees])
    assert "+25 %" in check_cautions([agrees, CheckRow(100, 0.25, 0.2, 0.004)])[0]
    assert "too few" in check_cautions([CheckRow(50, 0.205, 0.2, 0.05)])[0]
    assert "too few" in check_cautions([CheckRow(50, 0.002, 0.0, 0.007)])[0]


def test_labels_that_have_nothing_to_do_with_the_features_stay_at_chance():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2000, 10)), rng.integers(0, 2, 2000)
    one = forecast(X, X[:300], y[:300], **QUICK)["features"]
    assert np.isfinite([*one.error, *one.low, *one.high, one.floor]).all()
    assert min(one.error) > 0.4


def test_classes_that_are_told_apart_completely_have_a_forecast_too():
    X, y = two_classes(1000, 5, distance=40.0)
    found = forecast(X, X[:100], y[:100], **QUICK)
    one = found["features"]
    assert np.isfinite([*one.error, *one.low, *one.high]).all()
    assert one.error[-1] < 0.01
    assert any("too few to see" in text for text in found.warnings)
    assert one.labels_needed(0.3).n is not None


def test_few_labels_give_a_forecast_with_warnings():
    X, y = two_classes(500, 1)
    y[:6] = [0, 1, 0, 1, 0, 1]
    found = forecast(X, X[:20], y[:20], **QUICK)
    assert any("nothing confirms" in text for text in found.warnings)
    assert any("alignment is uncertain" in text for text in found.warnings)


X0, Y0 = two_classes(200, 3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"y": np.zeros(200)}, "all labels are"),
        ({"y": Y0[:50]}, "200 labelled rows and 50 labels"),
        ({"y": np.r_[np.full(199, 1), 0]}, "one labelled row"),
        ({"y": np.where(np.arange(200) == 7, np.nan, Y0)}, r"y\[7\]: a label is missing"),
        ({"features_unlabelled": X0[:15]}, "15 rows for 20 features"),
        ({"features_unlabelled": X0[:, :5]}, "have 20 features, the unlabelled rows 5"),
        ({"n_grid": [0]}, "n_grid"),
        ({"n_grid": []}, "n_grid"),
        ({"lambdas": [0.0]}, "lambdas"),
        ({"picture": "clases"}, "did you mean 'classes'"),
        ({"level": 1.0}, "level"),
        ({"features_unlabelled": {"a": X0}, "features_labelled": {"b": X0}}, "feature maps"),
    ],
)
def test_bad_input_is_named(arguments, said):
    given = {"features_unlabelled": X0, "features_labelled": X0, "y": Y0, **QUICK, **arguments}
    with pytest.raises(InputError, match=said):
        forecast(**given)


def test_labels_that_say_more_than_all_are_too_few():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(400, 60))
    refused = []
    for seed in range(20):
        y = np.tile([0, 1], 3)
        few = X[rng.choice(400, 6)] + 2.0 * np.where(y, 1, -1)[:, None] * np.eye(60)[seed]
        try:
            forecast(X, few, y, **QUICK, honesty=False)
        except InputError as error:
            refused.append(str(error))
    assert refused
    assert all("above 1" in text and "not enough labels: 6" in text for text in refused)


def test_the_public_name_is_the_function_whatever_was_imported_before():
    import priorlift.theory as theory

    assert theory.forecast is forecast
    assert theory.labels_needed is labels_needed
