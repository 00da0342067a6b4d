"""The built-in readers pass the suite; careless ones do not."""

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from priorlift.readers.tables import CSV, PARQUET
from priorlift.testing import ReaderConformance

EXAMPLE = pa.table({"age": [30.5, 41.0, 28.0], "outcome": ["ill", "well", "ill"]})


class TestCsv(ReaderConformance):
    def make_reader(self):
        return CSV

    def write_example(self, path):
        pa_csv.write_csv(EXAMPLE, path)


class TestParquet(ReaderConformance):
    def make_reader(self):
        return PARQUET

    def write_example(self, path):
        pq.write_table(EXAMPLE, path)


class Careless:
    suffixes = (".csv",)

    def __call__(self, path):
        return pa_csv.read_csv(path)


class Shouting:
    suffixes = ("CSV",)

    def __call__(self, path):
        return CSV(path)


@pytest.mark.parametrize(
    ("reader", "test", "message"),
    [
        (
            Careless(),
            "test_what_cannot_be_read_is_an_input_error_that_names_the_file",
            "FileNotFoundError instead of",
        ),
        (Shouting(), "test_it_offers_what_the_registry_asks_for", "'CSV' as a suffix"),
        (lambda path: None, "test_it_offers_what_the_registry_asks_for", "lacks suffixes"),
    ],
)
def test_a_broken_reader_is_caught(reader, test, message):
    suite = ReaderConformance()
    suite.make_reader = lambda: reader
    with pytest.raises(AssertionError, match=message):
        getattr(suite, test)()
