import numpy as np
import pandas as pd
import pytest

from priorlift.pool import Source, SourcePool, Target
from priorlift.study.design import choose_design
from priorlift.study.leakage import look_for_leakage

RNG = np.random.default_rng(11)
N = 120
X = RNG.standard_normal((N, 4))
Y = (RNG.random(N) < 0.5).astype(int)
OTHER_X = RNG.standard_normal((150, 4))
OTHER_Y = (RNG.random(150) < 0.5).astype(int)


def warnings_of(X=X, y=Y, sources=(), unusable=None, **kwargs):
    task = kwargs.pop("task", "classification")
    target = Target("t", X, y, task=task, **kwargs)
    pool = SourcePool(sources, unusable=unusable)
    return look_for_leakage(target, pool, choose_design(target, task), task)


def kinds(*args, **kwargs):
    return [warned.kind for warned in warnings_of(*args, **kwargs)]


@pytest.mark.parametrize("as_type", [np.asarray, lambda x: pd.DataFrame(x, columns=list("abcd"))])
def test_clean_data_gives_no_warning(as_type):
    source = Source("s", as_type(OTHER_X), OTHER_Y, groups=[f"s{row}" for row in range(150)])
    assert kinds(as_type(X), sources=[source], groups=[f"t{row}" for row in range(N)]) == []


@pytest.mark.parametrize("n_copies", [1, 7])
def test_target_rows_that_stand_in_a_source_are_counted(n_copies):
    source = Source("s", np.vstack([OTHER_X, X[:n_copies]]), [*OTHER_Y, *Y[:n_copies]])
    (found,) = warnings_of(sources=[source])
    assert found.kind == "duplicates"
    assert found.message.startswith(f"{n_copies} of {N} target rows stand in source 's'")


def test_a_copy_is_found_whatever_the_order_of_columns():
    names = list("abcd")
    copied = pd.DataFrame(X[:5], columns=names)[names[::-1]].assign(more=1.0)
    found = kinds(pd.DataFrame(X, columns=names), sources=[Source("s", copied, Y[:5])])
    assert sorted(found) == ["dropped columns", "duplicates"]


def test_near_copies_are_found_and_not_called_exact():
    near = X[:9] + 1e-5 * RNG.standard_normal((9, 4))
    (found,) = warnings_of(sources=[Source("s", np.vstack([OTHER_X, near]), [*OTHER_Y, *Y[:9]])])
    assert found.kind == "near duplicates"
    assert found.message.startswith("9 of ")


def test_rows_that_repeat_within_the_target():
    (found,) = warnings_of(np.vstack([X, X[:3], X[:1]]), [*Y, *Y[:3], *Y[:1]])
    assert (found.kind, found.message[:8]) == ("duplicates", "4 of 124")


def test_groups_on_both_sides_are_named():
    source = Source("s", OTHER_X, OTHER_Y, groups=[f"p{row // 5}" for row in range(150)])
    (found,) = warnings_of(sources=[source], groups=[f"p{20 + row // 4}" for row in range(N)])
    assert found.kind == "groups on both sides"
    assert found.message.startswith("10 groups are in the target and in source 's': 'p20', 'p21'")


@pytest.mark.parametrize(
    "recode",
    [
        lambda y: y,
        lambda y: y * 7.5 - 3,
        lambda y: np.where(y == 1, "malignant", "benign"),
        lambda y: y == 1,
    ],
    ids=["copied", "numbers", "words", "truth values"],
)
def test_a_label_copied_into_a_column_is_found_in_any_code(recode):
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["status"] = recode(Y)
    (found,) = warnings_of(frame)
    assert found.kind == "label among features"
    assert "column 'status'" in found.message


def test_a_label_copied_into_a_plain_array_is_found_by_its_place():
    (found,) = warnings_of(np.column_stack([X, 5 - 2 * Y]))
    assert (found.kind, "column '4'" in found.message) == ("label among features", True)


def test_a_column_with_one_error_is_no_copy():
    nearly = Y.copy()
    nearly[0] = 1 - nearly[0]
    assert kinds(np.column_stack([X, nearly])) == []


@pytest.mark.parametrize("names", [None, list("abcde")])
def test_a_numeric_label_in_other_units_is_found(names):
    y = X @ [1.0, 2.0, 3.0, 4.0] + RNG.standard_normal(N)
    values = np.column_stack([X, 9 / 5 * y + 32])
    leaking = values if names is None else pd.DataFrame(values, columns=names)
    assert kinds(leaking, y, task="regression") == ["label among features"]
    assert kinds(X, y, task="regression") == []


def test_a_column_that_looks_like_a_group_is_named():
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["patient_id"] = np.arange(N) // 3
    (found,) = warnings_of(frame)
    assert found.kind == "groups missing"
    assert "--groups patient_id" in found.remedy
    assert kinds(frame, groups=np.arange(N) // 3) == []


def test_a_number_of_its_own_for_each_row_is_no_group():
    frame = pd.DataFrame(X, columns=list("abcd")).assign(event_number=np.arange(N))
    assert kinds(frame) == []


def test_unusable_sources_and_dropped_columns_are_told():
    frame = pd.DataFrame(X, columns=list("abcd"))
    other = pd.DataFrame(OTHER_X, columns=list("abcd")).assign(e=1.0, f=2.0)
    found = warnings_of(frame, sources=[Source("s", other, OTHER_Y)], unusable={"x": "x.csv: bad"})
    assert [(w.kind, w.message) for w in found] == [
        ("unusable source", "source 'x' could not be read: x.csv: bad"),
        (
            "dropped columns",
            "2 columns of source 's' are not in the target and were left out",
        ),
    ]


def test_a_source_that_does_not_fit_is_the_plan_s_matter():
    assert kinds(sources=[Source("narrow", OTHER_X[:, :2], OTHER_Y)]) == []


def test_few_labels():
    assert kinds(X[:60], Y[:60]) == ["few labels"]
    rare = np.r_[np.ones(9, int), np.zeros(N - 9, int)]
    (found,) = warnings_of(X, rare)
    assert found.message == "class 1 has 9 labelled rows"
