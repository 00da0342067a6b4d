"""One table cut into a target and sources: every row goes to one place, and nothing is lost."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from priorlift.core.errors import InputError
from priorlift.readers.cutting import MIN_SOURCE_ROWS, cut_table


@pytest.fixture
def table(tmp_path):
    sites = ["north"] * 30 + ["south"] * 25 + ["east"] * 5 + [None] * 3
    columns = {
        "site": sites,
        "age": [float(row) for row in range(63)],
        "patient": [str(row // 2) for row in range(63)],
        "outcome": [["ill", "well"][row % 2] for row in range(63)],
    }
    path = tmp_path / "wards.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def test_rows_go_to_the_task_of_their_value(table):
    target, pool = cut_table(table, label="outcome", by="site", target="south", groups="patient")
    assert target.name == "south"
    assert target.columns == ("age",)
    assert target.X["age"].to_pylist() == [float(row) for row in range(30, 55)]
    assert target.groups.tolist() == [str(row // 2) for row in range(30, 55)]
    assert pool.names == ("north",)
    assert pool["north"].X["age"].to_pylist() == [float(row) for row in range(30)]


def test_a_value_with_few_rows_is_listed_with_its_count(table):
    _, pool = cut_table(table, label="outcome", by="site", target="south")
    assert list(pool.unusable) == ["east"]
    assert f"5 rows, fewer than {MIN_SOURCE_ROWS}" in pool.unusable["east"]


def test_numbers_can_be_cut_by_their_text(tmp_path):
    path = tmp_path / "years.csv"
    rows = [f"{2000 + row // 25},{row},{row % 2}" for row in range(50)]
    path.write_text("year,x,y\n" + "\n".join(rows))
    target, pool = cut_table(path, label="y", by="year", target="2001")
    assert (target.n_rows, pool.names) == (25, ("2000",))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"by": "sit"}, "did you mean 'site'"),
        ({"target": "sout"}, "did you mean 'south'"),
        ({"label": "outcom"}, "did you mean 'outcome'"),
        ({"groups": "patien"}, "did you mean 'patient'"),
    ],
)
def test_a_misspelt_name_gets_the_closest_one(table, wrong, said):
    settings = {"label": "outcome", "by": "site", "target": "south", **wrong}
    with pytest.raises(InputError, match=said):
        cut_table(table, **settings)


def test_one_value_gives_no_source(tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("site,x,y\n" + "a,1,0\na,2,1\n" * 20)
    with pytest.raises(InputError, match="one value only"):
        cut_table(path, label="y", by="site", target="a")
