"""Rows of a real SQLite database as documents."""

from __future__ import annotations

import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest

from ingest.document import MetadataValue
from ingest.errors import (
    DatabaseError,
    EmptyFileError,
    MetadataError,
    MissingExtraError,
    PathNotFoundError,
    QueryError,
    UnknownFormatError,
)
from ingest.parse import ParseLimits, parse_content
from ingest.parsers.text_builder import ParsedFile
from ingest.sources.source import SourceBytes, SourceFailure
from ingest.sources.sql import RowColumns, RowQuery, read_rows, rows_address
from ingest.sources.sql_query import checked_query

pytest.importorskip("sqlalchemy", reason="the extra sql is not installed")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "wiki 1.db"
    with sqlite3.connect(path) as database:
        database.executescript(
            """
            CREATE TABLE page (id INTEGER, title TEXT, body TEXT, author TEXT, stars REAL, acl TEXT);
            INSERT INTO page VALUES (1, 'Backup', 'Copy the home directory.', 'Ann', 4.5, 'staff');
            INSERT INTO page VALUES (2, '检索', '# 检索\n\n先检索，再回答。', NULL, NULL, 'hr, legal');
            INSERT INTO page VALUES (3, NULL, '<h1>Rank</h1><p>16 is the default.</p>', 'Bob', 3, '["hr"]');
            CREATE TABLE log (id INTEGER, body TEXT);
            """
        )
    database.close()
    return path


def query_of(
    path: Path, query: str, name: str | None = "test", columns: RowColumns | None = None
) -> RowQuery:
    return RowQuery(f"sqlite:///{path}", query, name, columns or RowColumns())


def rows(path: Path, query: str, columns: RowColumns | None = None) -> list[SourceBytes]:
    found = list(read_rows(query_of(path, query, columns=columns)))
    assert all(isinstance(row, SourceBytes) for row in found), found
    return [row for row in found if isinstance(row, SourceBytes)]


def failures(path: Path, query: str) -> list[SourceFailure]:
    return [row for row in read_rows(query_of(path, query)) if isinstance(row, SourceFailure)]


def test_each_row_is_a_document(path: Path) -> None:
    address = f"sql://{path.as_uri().removeprefix('file://')}/test/"
    assert rows(path, "SELECT * FROM page ORDER BY id") == [
        SourceBytes(
            f"{address}1",
            "1.txt",
            b"Copy the home directory.",
            {"author": "Ann", "stars": 4.5, "acl": ("staff",)},
            "Backup",
        ),
        SourceBytes(
            f"{address}2", "2.md", "# 检索\n\n先检索，再回答。".encode(), {"acl": ("hr", "legal")}, "检索"
        ),
        SourceBytes(
            f"{address}3",
            "3.html",
            b"<h1>Rank</h1><p>16 is the default.</p>",
            {"author": "Bob", "stars": 3.0, "acl": ("hr",)},
            None,
        ),
    ]


def test_rows_can_be_parsed_as_they_come(path: Path) -> None:
    for row in rows(path, "SELECT id, body FROM page"):
        [part] = parse_content(row.content, row.name, ParseLimits())
        assert isinstance(part.outcome, ParsedFile)


def test_what_is_stated_of_all_overrides_the_columns(path: Path) -> None:
    stated: dict[str, MetadataValue] = {"acl": ("all",), "site": "x"}
    query = query_of(path, "SELECT id, body, 1 AS acl FROM page")
    assert all(isinstance(row, SourceBytes) and row.metadata == stated for row in read_rows(query, stated))


def test_columns_are_found_by_name_in_either_case(path: Path) -> None:
    [row] = rows(path, "SELECT 7 AS ID, 'x' AS Title, 'hello' AS Content, 2 AS Year")
    assert (row.name, row.title, row.content, row.metadata) == ("7.txt", "x", b"hello", {"year": 2})
    columns = RowColumns(id="key", title="head", text="note")
    [row] = rows(path, "SELECT 'a/b' AS key, 'h' AS head, 'n' AS note, 'b' AS body", columns)
    assert (row.uri.rpartition("/")[2], row.name, row.title) == ("a%2Fb", "a_b.txt", "h")
    assert (row.content, row.metadata) == (b"n", {"body": "b"})


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT id FROM page", "none is body or text or content"),
        ("SELECT body FROM page", "none is id"),
        ("SELECT p.id, q.id, p.body FROM page p, page q", "two columns named 'id'"),
        ("SELECT id, body, 1 AS '' FROM page", "no key"),
        ("SELECT id, body FROM absent", "no such table"),
        ("SELECT id, body FORM page", "refuses the query"),
        ("SELECT id, body, load_extension('x') FROM page", "refuses|not authorized"),
    ],
)
def test_a_query_that_cannot_be_used_is_explained(path: Path, query: str, reason: str) -> None:
    with pytest.raises(QueryError, match=reason) as caught:
        list(read_rows(query_of(path, query)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "  ; ",
        "-- nothing",
        "DELETE FROM page",
        "PRAGMA query_only = OFF",
        "ATTACH 'x' AS y",
        "EXPLAIN SELECT 1",
        "SELECT 1; DELETE FROM page",
        "SELECT 1;; SELECT 2",
        "WITH x AS (DELETE FROM page RETURNING *) SELECT * FROM x",
        "WITH x AS (SELECT 1) INSERT INTO log SELECT 1, 'x'",
        "SELECT * INTO copy FROM page",
        "SELECT * FROM page FOR UPDATE",
        "SELECT ';' ; DROP TABLE page",
        "/* SELECT */ DROP TABLE page",
    ],
)
def test_only_a_single_select_is_run(path: Path, query: str) -> None:
    with pytest.raises(QueryError, match="the query is not run"):
        list(read_rows(query_of(path, query)))
    assert len(rows(path, "SELECT id, body FROM page")) == 3


@pytest.mark.parametrize(
    ("query", "run"),
    [
        ("SELECT 1;", "SELECT 1"),
        (
            " select 'a;b', \"delete\", `update` -- into;\n ; -- done",
            "select 'a;b', \"delete\", `update` -- into;",
        ),
        ("WITH x AS (SELECT 1) SELECT * FROM x", "WITH x AS (SELECT 1) SELECT * FROM x"),
        ("SELECT $q$;delete$q$, updated_at, replace(a, 'it''s', '') FROM t", None),
        ("/* ; */ VALUES (1)", None),
    ],
)
def test_quotes_and_comments_are_no_statements(query: str, run: str | None) -> None:
    assert checked_query(query) == (run or query)


def test_the_database_itself_refuses_to_be_written(path: Path) -> None:
    from ingest.sources.sql_database import RowStream, database_url

    for query in ("DELETE FROM page", "INSERT INTO log VALUES (1, 'x')", "PRAGMA user_version = 9"):
        with pytest.raises(QueryError, match="readonly"):
            with RowStream(database_url(f"sqlite:///{path}"), query):
                pass


def test_percent_signs_and_colons_are_no_parameters(path: Path) -> None:
    [row] = rows(path, "SELECT id, 'at 12:30, :all 100%s' AS body FROM page WHERE body LIKE '%home%'")
    assert row.content == b"at 12:30, :all 100%s"


def test_a_row_without_text_is_told_and_the_others_go_on(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO log VALUES (1, NULL), (2, ' '), (3, x''), (4, 'text')")
    database.close()
    outcomes = list(read_rows(query_of(path, "SELECT id, body FROM log")))
    assert [type(row.error) for row in outcomes if isinstance(row, SourceFailure)] == [EmptyFileError] * 3
    assert [row.content for row in outcomes if isinstance(row, SourceBytes)] == [b"text"]


def test_rows_without_an_id_of_their_own_are_refused(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO log VALUES (NULL, 'a'), ('', 'b'), (1, 'c'), ('1', 'd'), (2, 'e')")
    database.close()
    found = failures(path, "SELECT id, body FROM log ORDER BY rowid")
    assert [str(failure.error).partition(":")[0] for failure in found] == [
        "row 1 has no id", "row 2 has no id", "the id '1' comes twice",
    ]  # fmt: skip


@pytest.mark.parametrize("acl", ["NULL", "''", "' , '", "'[]'", "'[1]'", "'[\"hr\"'", "x'00'", "'hr,,all'"])
def test_a_row_whose_access_list_is_none_is_refused_and_never_public(path: Path, acl: str) -> None:
    [failure] = failures(path, f"SELECT 1 AS id, 'text' AS body, {acl} AS ACL")
    assert isinstance(failure.error, MetadataError)


def test_values_of_any_kind_become_metadata(path: Path) -> None:
    [row] = rows(
        path,
        "SELECT 1 AS id, 'b' AS body, 9223372036854775807 AS n, 1e400 AS infinite, x'ff' AS bytes, "
        "NULL AS empty, '2026-01-02' AS day",
    )
    assert row.metadata == {"n": 2**63 - 1, "day": "2026-01-02"}


@pytest.mark.parametrize(
    ("value", "stated", "name"),
    [
        ("'plain text'", "NULL", "1.txt"),
        ("'<b>bold</b> text'", "NULL", "1.txt"),
        ("'<p>a</p>'", "NULL", "1.html"),
        ("'<p>a</p>'", "'text'", "1.txt"),
        ("'1 < 2 </i>'", "NULL", "1.txt"),
        ("'see [this](https://a.example)'", "NULL", "1.md"),
        ("'#hashtag'", "''", "1.txt"),
        ("'x'", "'Markdown'", "1.md"),
        ("'x'", "'text/html'", "1.html"),
        ("'x'", "'.rst'", "1.rst"),
        ("x'25504446'", "'pdf'", "1.pdf"),
        ("x'25504446'", "NULL", "1"),
    ],
)
def test_the_format_is_told_by_its_column_or_by_the_text(
    path: Path, value: str, stated: str, name: str
) -> None:
    [row] = rows(path, f"SELECT 1 AS id, {value} AS body, {stated} AS format")
    assert row.name == name


def test_a_format_that_is_not_read_is_told(path: Path) -> None:
    [failure] = failures(path, "SELECT 1 AS id, 'x' AS body, 'wordstar' AS format")
    assert isinstance(failure.error, UnknownFormatError)


def test_text_that_is_not_quite_utf_8_costs_no_row(path: Path) -> None:
    [row] = rows(path, "SELECT 1 AS id, CAST(x'616263ff' AS TEXT) AS body")
    assert row.content == "abc\ufffd".encode()


def test_addresses_hang_on_the_name_or_else_on_the_words_of_the_query(path: Path) -> None:
    def address(query: str, name: str | None = None) -> str:
        return rows_address(query_of(path, query, name))

    assert address("SELECT 1") == address(" SELECT\n 1 ;")
    assert address("SELECT 1") != address("SELECT 2")
    assert address("SELECT 1", "wiki") == address("SELECT 2", "wiki")
    assert address("SELECT 1", "a/b").endswith("/a%2Fb/")


@pytest.mark.parametrize(
    ("url", "error", "reason"),
    [
        ("nonsense s3cret", QueryError, "cannot be read"),
        ("sqlite://", QueryError, "names no file"),
        ("sqlite:///:memory:", QueryError, "names no file"),
        ("sqlite:////absent/x.db", PathNotFoundError, "x.db is not there"),
        ("nosuch://u:s3cret@h/db", QueryError, "'nosuch'"),
        ("mysql+absent://u:s3cret@h/db", QueryError, "mysql"),
        ("oracle+oracledb://u:s3cret@h/db", MissingExtraError, "oracledb"),
        ("postgresql://u:s3cret@127.0.0.1:1/db?sslpassword=s3cret2", DatabaseError, "cannot be opened"),
    ],
)
def test_a_url_that_leads_nowhere_is_explained_without_its_password(
    url: str, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason) as caught:
        list(read_rows(RowQuery(url, "SELECT 1")))
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None or "s3cret" not in str(caught.value.__cause__)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database at all, but long enough to be one" * 100)
    with pytest.raises(DatabaseError, match="not a database"):
        list(read_rows(query_of(tmp_path / "x.db", "SELECT 1")))


def test_rows_stream_through(path: Path) -> None:
    query = query_of(
        path,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
        "SELECT i AS id, printf('%.1000c', 'x') AS body FROM n",
    )
    tracemalloc.start()
    assert sum(1 for _ in read_rows(query)) == 20_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000, "the rows hold 20 MB, and the ids alone are kept"


def test_reading_may_end_early(path: Path) -> None:
    found = read_rows(query_of(path, "SELECT id, body FROM page"))
    next(found)
    found.close()  # pyright: ignore[reportAttributeAccessIssue]
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        assert connection.execute("BEGIN EXCLUSIVE").fetchall() == [], "nobody reads any more"
