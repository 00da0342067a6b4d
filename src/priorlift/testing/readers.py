"""The conformance suite of readers: files that become tables, or an error that helps."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from priorlift.core.errors import InputError
from priorlift.core.registry import ReaderLike
from priorlift.testing.assertions import require, require_error


class ReaderConformance:
    """Tests that every reader has to pass; subclass it and fill in the two methods.

    `make_reader` returns the reader. `write_example` writes, to a given path, a file of two columns
    named "age" (30.5, 41.0, 28.0) and "outcome" ("ill", "well", "ill").
    """

    make_reader: Callable[[], ReaderLike]
    write_example: Callable[[Path], None]

    def test_it_offers_what_the_registry_asks_for(self) -> None:
        """Endings in lower case with their dot, and a call."""
        reader = self.make_reader()
        require(isinstance(reader, ReaderLike), "it lacks suffixes or a call")
        for suffix in reader.suffixes:
            require(suffix.startswith(".") and suffix == suffix.lower(), f"{suffix!r} as a suffix")

    def test_it_reads_columns_by_name(self) -> None:
        """The example's columns and values, in order, as a pyarrow table; the file stays."""
        with tempfile.TemporaryDirectory() as folder:
            path = self._path(folder)
            self.write_example(path)
            before = path.read_bytes()
            found = self.make_reader()(path).to_pydict()
            require(path.read_bytes() == before, "reading changed the file")
        expected = {"age": [30.5, 41.0, 28.0], "outcome": ["ill", "well", "ill"]}
        require(found == expected, f"{found} instead of {expected}")

    def test_what_cannot_be_read_is_an_input_error_that_names_the_file(self) -> None:
        """A file that is not there, an empty one, and random bytes."""
        with tempfile.TemporaryDirectory() as folder:
            path = self._path(folder)
            require_error(lambda: self.make_reader()(path), InputError, path.name)
            for junk in (b"", bytes(range(256)) * 4):
                path.write_bytes(junk)
                require_error(lambda: self.make_reader()(path), InputError, path.name)

    def _path(self, folder: str) -> Path:
        return Path(folder, f"example{self.make_reader().suffixes[0]}")
