"""The opt-in path of logistic regression: never a worse objective than that of a plain fit."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from priorlift.search import SharedSearchCV
from priorlift.search.block import Block
from priorlift.search.families.logistic import FAMILY

AXIS = [{"C": c} for c in (1.0, 1e-3, 0.1, 10.0, 1e-2)]


def rows(scaler, n=300, classes=10):
    X, y = load_digits(return_X_y=True)
    X, y = scaler.fit_transform(X), y % classes
    return Block(X[:n], y[:n], X[n : n + 100], want_train=True)


def objective(C, proba, y, coef):
    return C * log_loss(y, proba, normalize=False, labels=np.unique(y)) + 0.5 * (coef**2).sum()


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler()])
@pytest.mark.parametrize("classes", [2, 10])
def test_objectives_are_no_worse_and_predictions_close(scaler, classes, monkeypatch):
    here = rows(scaler, classes=classes)
    coefficients, real = [], LogisticRegression.fit

    def fit(self, X, y, **params):
        found = real(self, X, y, **params)
        coefficients.append((self.C, self.coef_.copy()))
        return found

    head = LogisticRegression(max_iter=2_000)
    with monkeypatch.context() as patch:
        patch.setattr(LogisticRegression, "fit", fit)
        answers = list(FAMILY.answers(head, AXIS, here))
    assert [c for c, _ in coefficients] == sorted(s["C"] for s in AXIS)
    by_c = dict(coefficients)
    assert [a.first for a in answers] == list(range(5))
    for found, setting in zip(answers, AXIS, strict=True):
        C = setting["C"]
        plain = clone(head).set_params(C=C).fit(here.X_train, here.y_train)
        theirs = objective(C, plain.predict_proba(here.X_train), here.y_train, plain.coef_)
        mine = objective(C, found.train.proba[0], here.y_train, by_c[C])
        assert mine <= theirs * (1 + 1e-6)
        agree = (found.test.predict(0) == plain.predict(here.X_test)).mean()
        assert agree >= 0.98


def test_only_on_request(small):
    grid = {"C": [0.1, 1.0]}
    for allowed, by in ((False, "plain fit"), (True, "logistic path")):
        search = SharedSearchCV(LogisticRegression(), grid, cv=3, warm_start_paths=allowed)
        solved = {group.solved_by for group in search.fit(*small).shared_work_.groups}
        assert solved == ({by} if allowed else {"scikit-learn"}) or solved == {by}


def test_what_has_no_path_is_declined():
    here = rows(StandardScaler())
    assert "saga" in FAMILY.declines(LogisticRegression(solver="saga"), AXIS, here)
    assert "warm_start" in FAMILY.declines(LogisticRegression(warm_start=True), AXIS, here)
    assert "C" in FAMILY.declines(LogisticRegression(), [{"C": -1.0}], here)
    assert FAMILY.declines(LogisticRegression(), AXIS, here) is None
    assert not list(FAMILY.answers(LogisticRegression(max_iter=1), AXIS, here))
