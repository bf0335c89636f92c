"""Rows of a real PostgreSQL server, started by the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingest.errors import DatabaseError, QueryError
from ingest.sources.source import SourceBytes, SourceFailure
from ingest.sources.sql import RowQuery, read_rows, rows_address
from tests.postgres_server import PASSWORD, QUOTED_PASSWORD, PostgresServer, postgres_server

pytest.importorskip("sqlalchemy", reason="the extra sql is not installed")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as started:
        yield started


def rows(server: PostgresServer, query: str) -> list[SourceBytes | SourceFailure]:
    return list(read_rows(RowQuery(server.url(), query, "test")))


def test_each_row_is_a_document(server: PostgresServer) -> None:
    server.run(
        "CREATE TABLE article (id uuid PRIMARY KEY, title text, body text, price numeric(10, 2), n bigint, "
        "day date, at timestamptz, ok boolean, tags text[], acl text[], data jsonb, raw bytea)",
        "SET timezone = 'UTC'",
        "INSERT INTO article VALUES ('00000000-0000-0000-0000-000000000001', '手册', '先检索，再回答。', "
        "9.50, 7, "
        "'2026-01-02', '2026-01-02 03:04:05+00', true, '{a,b}', '{hr,legal}', '{\"k\": 1}', '\\x00ff')",
    )
    [row] = rows(server, "SELECT * FROM article; -- all of it")
    assert isinstance(row, SourceBytes)
    assert row.uri == f"sql://127.0.0.1:{server.port}/postgres/test/00000000-0000-0000-0000-000000000001"
    assert (row.title, row.content.decode()) == ("手册", "先检索，再回答。")
    metadata = dict(row.metadata)
    assert str(metadata.pop("at")).startswith("2026-01-02T")
    assert metadata == {
        "price": 9.5, "n": 7, "day": "2026-01-02", "ok": True, "tags": ("a", "b"), "acl": ("hr", "legal"),
        "data": '{"k": 1}',
    }  # fmt: skip


@pytest.mark.parametrize(
    "acl", ["NULL::text[]", "'{}'::text[]", "'{NULL}'::text[]", "'{1}'::int[]", "'{}'::jsonb"]
)
def test_an_access_list_that_is_none_is_refused(server: PostgresServer, acl: str) -> None:
    [row] = rows(server, f"SELECT 1 AS id, 'x' AS body, {acl} AS acl")
    assert isinstance(row, SourceFailure)


def test_rows_stream_from_the_server(server: PostgresServer) -> None:
    found = read_rows(
        RowQuery(
            server.url(), "SELECT i AS id, repeat('x', 1000) AS body FROM generate_series(1, 10000000) i"
        )
    )
    for number, row in enumerate(found, 1):
        assert isinstance(row, SourceBytes)
        if number == 2000:
            break
    found.close()  # pyright: ignore[reportAttributeAccessIssue]


def test_percent_signs_colons_and_casts_are_left_alone(server: PostgresServer) -> None:
    [row] = rows(server, "SELECT 1::int AS id, 'at 12:30 :x 100%s'::text AS body WHERE 'ab' LIKE 'a%'")
    assert isinstance(row, SourceBytes)
    assert row.content == b"at 12:30 :x 100%s"


def test_the_database_itself_refuses_to_be_written(server: PostgresServer) -> None:
    server.run(
        "CREATE TABLE seen (n int)",
        "CREATE FUNCTION remember() RETURNS int LANGUAGE sql AS 'INSERT INTO seen VALUES (1) RETURNING n'",
    )
    with pytest.raises((QueryError, DatabaseError), match="read-only transaction"):
        rows(server, "SELECT remember() AS id, 'x' AS body")
    [count] = rows(server, "SELECT 1 AS id, count(*) AS body FROM seen")
    assert isinstance(count, SourceBytes)
    assert count.content == b"0"


def test_an_error_in_the_middle_is_told(server: PostgresServer) -> None:
    found = read_rows(
        RowQuery(server.url(), "SELECT 10 / (5000 - i) AS id, 'x' AS body, i FROM generate_series(1, 9000) i")
    )
    with pytest.raises(DatabaseError, match="division by zero"):
        list(found)


def test_wrong_queries_and_passwords_are_explained_without_the_password(server: PostgresServer) -> None:
    with pytest.raises(QueryError, match='relation "absent" does not exist'):
        rows(server, "SELECT * FROM absent")
    for url in (server.url("wr0ng"), server.url(database="absent")):
        with pytest.raises(DatabaseError, match="cannot be opened") as caught:
            list(read_rows(RowQuery(url, "SELECT 1")))
        assert not any(secret in str(caught.value) for secret in ("wr0ng", PASSWORD, QUOTED_PASSWORD, "\n"))


def test_an_address_holds_no_password(server: PostgresServer) -> None:
    assert (
        rows_address(RowQuery(server.url(), "SELECT 1", "n")) == f"sql://127.0.0.1:{server.port}/postgres/n/"
    )
