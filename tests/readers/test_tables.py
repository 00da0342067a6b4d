"""Any file becomes a table or one clear line; a table that was written is read back as it was."""

import contextlib
import datetime
import gzip
import os
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from priorlift.core.errors import InputError
from priorlift.core.registry import ReaderLike
from priorlift.readers.tables import CSV, PARQUET, CsvReader, ParquetReader

SMALL = pa.table({"a": [1, 2], "b": ["x", None]})


@pytest.fixture
def csv(tmp_path):
    """Write bytes or text as CSV and read it."""

    def read(content, name="table.csv", reader=CSV):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return reader(file)

    return read


def test_the_readers_satisfy_the_protocol():
    assert isinstance(CSV, ReaderLike)
    assert isinstance(PARQUET, ReaderLike)
    assert not set(CSV.suffixes) & set(PARQUET.suffixes)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_out(csv, delimiter):
    text = 'age,"x;y,z\t",sex\n1,"a;b,c\td",f\n2,e,m\n'
    header, *rows = ([*line] for line in [("age", "x;y,z\t", "sex"), (1, "a;b,c\td", "f")])
    lines = [
        delimiter.join(f'"{v}"' if isinstance(v, str) else str(v) for v in r)
        for r in (header, *rows)
    ]
    table = csv("\n".join(lines))
    assert table.column_names == ["age", "x;y,z", "sex"]
    assert table.to_pylist() == [{"age": 1, "x;y,z": "a;b,c\td", "sex": "f"}]
    assert csv(text).column("sex").to_pylist() == ["f", "m"]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_unicode_text_is_read_in_every_encoding_that_names_itself(csv, encoding, newline):
    mark = "\ufeff" if encoding.endswith("e") and "16" in encoding else ""
    content = (mark + newline.join(["größe,名", "1,ä", "2,ö"])).encode(encoding)
    assert csv(content).to_pydict() == {"größe": [1, 2], "名": ["ä", "ö"]}


def test_latin_1_is_refused_with_the_line_and_the_remedy(csv):
    with pytest.raises(InputError, match=r"line 3: byte 0xe9 is not UTF-8.*iconv"):
        csv("a,b\n1,x\n2,é\n".encode("latin-1"))


@pytest.mark.parametrize("spelling", ["", "NA", "NaN", "nan", "null", "?", "N/A", " NA ", "  "])
def test_a_missing_value_is_null_in_every_kind_of_column(csv, spelling):
    table = csv(f"n,t,d,b\n1,x,2020-01-02,true\n{','.join([spelling] * 4)}\n3,y,2020-01-03,false\n")
    assert [str(kind) for kind in table.schema.types] == ["int64", "string", "date32[day]", "bool"]
    assert [column.null_count for column in table.columns] == [1, 1, 1, 1]


def test_blanks_around_names_and_values_are_trimmed(csv):
    table = csv(" a , b b ,c\n 1 , x y ,2.5 \n 2 ,z,? \n")
    assert table.to_pydict() == {"a": [1, 2], "b b": ["x y", "z"], "c": [2.5, None]}


def test_a_quoted_value_may_hold_line_breaks(csv):
    assert csv('"a\nb",c\n"x\ny",1\n"z",2\n').to_pydict() == {"a\nb": ["x\ny", "z"], "c": [1, 2]}


def test_a_header_may_begin_with_a_hash_and_comments_may_precede_it(csv):
    expected = {"a": [1, 3], "b": [2, 4]}
    assert csv("# a, b\n1,2\n3,4\n").to_pydict() == expected
    assert csv("# from ward 7\n#\n\na,b\n1,2\n3,4\n").to_pydict() == expected
    assert csv("# from ward 7\n#a,b\n1,2\n3,4\n").to_pydict() == expected


def test_what_numpy_writes_is_read(tmp_path):
    values = np.random.default_rng(0).normal(size=(5, 3))
    np.savetxt(tmp_path / "n.csv", values, delimiter=",", header="a,b,c")
    table = CSV(tmp_path / "n.csv")
    np.testing.assert_array_equal(np.column_stack([table[name] for name in "abc"]), values)


def test_a_decimal_comma_is_read_where_the_delimiter_is_not_the_comma(csv):
    table = csv("a;b;c\n1,5;2,x;7\n-2;3;8\n")
    assert table.to_pydict() == {"a": [1.5, -2.0], "b": ["2,x", "3"], "c": [7, 8]}


def test_the_type_of_a_column_comes_from_all_of_its_rows(csv):
    table = csv("a,b\n" + "1,2\n" * 300_000 + "x,2.5\n")
    assert table.schema.types == [pa.string(), pa.float64()]


def test_thousands_of_columns_are_read(csv):
    names = [f"a column with a rather long name {i}" for i in range(5000)]
    table = csv(",".join(names) + "\n" + ",".join(["1.5"] * 5000) + "\n")
    assert table.column_names == names
    assert table.num_rows == 1


def test_a_column_without_values_is_text_without_values(csv):
    assert csv("a,b\n,1\nNA,2\n").schema.types == [pa.string(), pa.int64()]


def test_row_names_are_left_out_with_a_warning(csv):
    with pytest.warns(UserWarning, match="row names"):
        table = csv(",a,b\nr1,1,2\nr2,3,4\n")
    assert table.column_names == ["a", "b"]


def test_positions_are_a_header_and_an_empty_last_column_is_none(csv):
    assert csv("0,1,2\n5,6,7\n").column_names == ["0", "1", "2"]
    assert csv("a,b,\n1,2,\n").column_names == ["a", "b"]
    with pytest.raises(InputError, match="column 3 has values but no name"):
        csv("a,b,\n1,2,3\n")


@pytest.mark.parametrize("name", ["table.csv.gz", "table.tsv.gz"])
def test_gzip_is_unpacked(csv, name):
    assert csv(gzip.compress(b"a,b\n1,x\n2,\n", mtime=0), name).equals(SMALL)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n\n", "holds no text"),
        (b"a,b\n", "no rows"),
        (b"a,b", "no rows"),
        (b"a,b\n\n \n", "values where the header has"),
        (b"a,b,a\n1,2,3\n", "two columns have the same name: 'a'"),
        (b"a, a\n1,2\n", "two columns have the same name: 'a'"),
        (b"1.5,0,0\n2,1,1\n", "has no header"),
        (b"a,b\n1,2\n1,2,3\n", r"row 2 after the header: has 3 values where the header has 2"),
        (b"a,b\n1\n", r"row 1 after the header: has 1 values"),
        (b'a,b\n"1,2\n3,4\n', "values where the header has"),
        (b'"a,b\n1,2\n', "Remedy"),
        (b"PK\x03\x04rest", "ZIP or Excel"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel"),
        (b"PAR1rest", "Parquet file.*ending .parquet"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), "gzip file.*csv.gz"),
        (b"<!doctype html><table>", "web page"),
        (b"a,b\n\x00,1\n", "binary data"),
        (os.urandom(400) + b"\0", "Remedy"),
        (b"\xff\xfea", "begins like UTF-16"),
    ],
)
def test_a_file_that_is_no_table_is_answered_in_one_line(csv, content, said):
    with pytest.raises(InputError, match=said) as caught:
        csv(content)
    assert "table.csv" in str(caught.value)
    assert "Remedy" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"a,b\n1,2\n", gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-9]]
)
def test_a_broken_gzip_file_is_told(csv, content):
    with pytest.raises(InputError, match="not a whole gzip file"):
        csv(content, "table.csv.gz")


@pytest.mark.parametrize("reader", [CSV, PARQUET])
def test_a_missing_file_a_folder_and_a_device_are_told(reader, tmp_path):
    with pytest.raises(InputError, match=r"no such file.*spelling"):
        reader(tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"does not exist either"):
        reader(tmp_path / "no" / "a.csv")
    with pytest.raises(InputError, match="is a folder"):
        reader(tmp_path)
    with pytest.raises(InputError, match="not a regular file"):
        reader("/dev/null")
    with pytest.raises(InputError, match="cannot be read"):
        reader("a\0b")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all files")
@pytest.mark.parametrize("reader", [CSV, PARQUET])
def test_a_file_that_may_not_be_read_is_told(reader, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("a,b\n1,2\n")
    file.chmod(0)
    with pytest.raises(InputError, match="permissions"):
        reader(file)


def test_a_table_larger_than_memory_is_refused_with_the_number(tmp_path, csv):
    with pytest.raises(InputError, match=r"needs about 2\.0 MB of memory, and 1\.0 MB are"):
        csv("a,b\n" + "1,2\n" * 100_000, reader=CsvReader(max_bytes=10**6))
    pq.write_table(pa.table({"a": np.zeros(10**6)}), tmp_path / "zeros.parquet")
    assert (tmp_path / "zeros.parquet").stat().st_size < 10**5
    with pytest.raises(InputError, match=r"needs about 16\.0 MB"):
        ParquetReader(max_bytes=10**7)(tmp_path / "zeros.parquet")
    assert ParquetReader(max_bytes=10**8)(tmp_path / "zeros.parquet").num_rows == 10**6


def test_a_gzip_bomb_is_refused(csv):
    with pytest.raises(InputError, match=r"unpacks to more than 200\.0 kB"):
        csv(gzip.compress(b"a,b\n" + b"1,2\n" * 10**6), "t.csv.gz", CsvReader(max_bytes=10**6))


def test_parquet_keeps_every_kind_of_column(tmp_path):
    day = datetime.date(2020, 1, 2)
    table = pa.table(
        {
            "category": pa.array(["a", None, "b"]).dictionary_encode(),
            "truth": [True, None, False],
            "day": [day, None, day],
            "moment": pa.array([datetime.datetime(2020, 1, 2, 3)] * 3, pa.timestamp("ms", "UTC")),
            "number": pa.array([1.5, None, float("nan")]),
            "text": ["NA", " padded ", ""],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    read = PARQUET(tmp_path / "t.parquet")
    assert read.schema.equals(table.schema)
    for name in set(table.column_names) - {"number"}:
        assert read[name].to_pylist() == table[name].to_pylist()
    np.testing.assert_array_equal(read["number"].to_numpy(), table["number"].to_numpy())


def test_row_names_of_pandas_are_left_out(tmp_path):
    pd = pytest.importorskip("pandas")
    pd.DataFrame({"a": [1, 2]}, index=["r1", "r2"]).to_parquet(tmp_path / "t.parquet")
    assert PARQUET(tmp_path / "t.parquet").column_names == ["a"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (pa.table({"a": pa.array([], pa.int64())}), "has no rows"),
        (pa.Table.from_arrays([[1], [2]], names=["a", "a"]), "same name: 'a'"),
        (pa.table({"a": [[1, 2]]}), "column 'a' holds list"),
        (pa.table({"a": [b"\x00"]}), "column 'a' holds binary"),
    ],
    ids=["no rows", "twice", "list", "bytes"],
)
def test_a_parquet_file_that_cannot_be_used_is_told(tmp_path, table, said):
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(InputError, match=said):
        PARQUET(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a,b\n1,2\n", "not a whole Parquet"),
        (b"PK\x03\x04", "ZIP"),
        (b"PAR1 cut", "not a whole Parquet"),
    ],
)
def test_another_file_named_parquet_is_told(tmp_path, content, said):
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(InputError, match=said):
        PARQUET(tmp_path / "t.parquet")


def test_a_parquet_file_cut_anywhere_is_told(tmp_path):
    file = tmp_path / "t.parquet"
    pq.write_table(SMALL, file)
    content = file.read_bytes()
    for length in range(1, len(content), 37):
        file.write_bytes(content[:length])
        with pytest.raises(InputError):
            PARQUET(file)


def read_or_told(reader, path):
    """A table with rows, columns and distinct names, or nothing but an `InputError`."""
    with contextlib.suppress(InputError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = reader(path)
        assert table.num_rows
        assert table.num_columns
        assert len(set(table.column_names)) == table.num_columns
        table.validate(full=True)
        table.to_pylist()


CSV_LIKE = st.text(alphabet="ab1,;\t\n\r\" #?'é\ufeff.-", max_size=80).map(str.encode)


@given(content=st.one_of(st.binary(max_size=200), CSV_LIKE))
@example(b",\n1,\n")
@example(b'"\n')
@example(b"\xef\xbb\xbf\xef\xbb\xbfa,b\n1,2")
@example(b"\xff\xfea\x00,\x00b\x00\n\x00\x00\xd8")
@example(b"#\n#,\n,#")
@example(b"a\n" + b"9" * 400)
@example(b'a,b\n"' + b"x" * 140_000)
@example(b'"' + b"x" * 140_000 + b'",b\n1,2')
def test_any_bytes_named_csv_are_a_table_or_an_input_error(tmp_path_factory, content):
    for name in ("junk.csv", "junk.csv.gz"):
        path = tmp_path_factory.getbasetemp() / name
        path.write_bytes(content)
        read_or_told(CSV, path)


@given(data=st.data())
def test_any_bytes_named_parquet_are_a_table_or_an_input_error(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "junk.parquet"
    if data.draw(st.booleans()):
        path.write_bytes(data.draw(st.binary(max_size=100)))
    else:
        pq.write_table(SMALL, path)
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
    read_or_told(PARQUET, path)


NAMES = st.text(alphabet="abcxyz ,;\"'\n0", min_size=1, max_size=6).map(str.strip).filter(bool)
WORDS = st.text(alphabet="abz,;\"'\n ", min_size=1, max_size=6).map(str.strip).filter(bool)
COLUMNS = {
    pa.int64(): st.integers(-(2**62), 2**62),
    pa.float64(): st.floats(allow_nan=False, allow_infinity=False),
    pa.bool_(): st.booleans(),
    pa.date32(): st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1)),
    pa.string(): WORDS.map(lambda word: word + "z"),
}


@st.composite
def mixed_tables(draw):
    rows = draw(st.integers(1, 6))
    names = draw(st.lists(NAMES.map(lambda name: "c" + name), min_size=2, max_size=5, unique=True))
    columns = {}
    for name in names:
        kind = draw(st.sampled_from(list(COLUMNS)))
        values = draw(st.lists(st.none() | COLUMNS[kind], min_size=rows, max_size=rows))
        values[0] = draw(COLUMNS[kind])
        columns[name] = pa.array(values, kind)
    return pa.table(columns)


@given(table=mixed_tables(), delimiter=st.sampled_from(",;\t"))
def test_a_mixed_table_is_read_back_as_it_was_written(tmp_path_factory, table, delimiter):
    folder = tmp_path_factory.getbasetemp()
    pq.write_table(table, folder / "round.parquet")
    assert PARQUET(folder / "round.parquet").equals(table)
    pa.csv.write_csv(table, folder / "round.csv", pa.csv.WriteOptions(delimiter=delimiter))
    read = CSV(folder / "round.csv")
    assert read.column_names == table.column_names
    # 3.0 is written as 3, so a column of whole numbers comes back as integers: equal as numbers.
    assert read.to_pydict() == table.to_pydict()


def test_real_tables_are_read(data_dir):
    folder = data_dir / "gap" / "regression"
    concrete = CSV(folder / "Concrete_Data.csv")
    assert concrete.column_names[0].startswith("Cement")
    assert concrete.column_names[-1].endswith("megapascals)")
    assert all(pa.types.is_floating(k) or pa.types.is_integer(k) for k in concrete.schema.types)
    with pytest.raises(InputError, match=r"has no header.*add a line with the names"):
        CSV(folder / "BostonHousing.csv")
    assert CSV(folder / "auto_mpg.csv").column("horsepower").null_count == 6


def test_a_quoted_delimiter_of_another_kind_is_part_of_the_name(tmp_path):
    path = tmp_path / "quoted.csv"
    path.write_text('c0;"c,"\n0;0\n')
    table = CSV(path)
    assert table.column_names == ["c0", "c,"]
    assert table.num_rows == 1
