"""The one module that speaks to Milvus: a server, a cluster, or Milvus Lite in a file of this process.

Reads of a published snapshot may lag by Milvus's bounded staleness (5 s): publishing waits until all rows
can be read. Everything else reads what was written before.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
from pymilvus import (  # pyright: ignore[reportMissingTypeStubs]
    DataType,
    Function,
    FunctionType,
    MilvusClient,
    MilvusException,
)

from ingest.embed import Vector
from ingest.errors import DatabaseError, SettingsError, SnapshotCorruptError
from ingest.lexical.bm25 import K1, B
from ingest.stores.settings import StoreSettings

LONGEST_TERMS = 65_535
"""Bytes of a VARCHAR, the most that Milvus takes."""
_MOST_RESULTS = 16_384
_MOST_FACETS, _LONGEST_FACET = 4096, 1024
_LONGEST_ID = 48
_FLAT = {"index_type": "FLAT", "metric_type": "IP"}
_BM25 = {"bm25_k1": K1, "bm25_b": B}

Row = Mapping[str, Any]


class Milvus:
    """A connection."""

    def __init__(self, settings: StoreSettings) -> None:
        """
        Raises:
            SettingsError: the settings name no server.
            DatabaseError: it cannot be reached, or another process has the file open.
        """
        if settings.uri is None:
            raise SettingsError(
                "the collection is kept in Milvus and store.uri is not set: give http://host:19530, or a "
                "file that ends in .db for Milvus Lite."
            )
        for library in ("pymilvus", "milvus_lite", "grpc._server"):
            # They print a traceback for every error, which is raised as well, and for what Lite lacks.
            logging.getLogger(library).setLevel(logging.CRITICAL)
        self._uri = settings.uri
        token = settings.token.get_secret_value() if settings.token else ""
        try:
            self._client: Any = MilvusClient(
                settings.uri, token=token, db_name=settings.database or "", timeout=settings.timeout_seconds
            )
        except MilvusException as error:
            hint = (
                "Milvus Lite serves one process at a time, so stop the other one or use a Milvus server"
                if settings.uri.endswith(".db")
                else "start it, or correct store.uri, store.token and store.database"
            )
            raise DatabaseError(f"{settings.uri} cannot be opened ({error.message}): {hint}.") from error

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def create_vectors(self, name: str, dimension: int) -> None:
        """A collection of float32 vectors, compared one by one."""
        schema = _schema()
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
        self._create(name, schema, "vector", _FLAT)

    def create_words(self, name: str) -> None:
        """A collection of weighed terms, ranked by Milvus's BM25."""
        schema = _schema()
        schema.add_field("document", DataType.INT64)
        schema.add_field(
            "facets",
            DataType.ARRAY,
            element_type=DataType.VARCHAR,
            max_capacity=_MOST_FACETS,
            max_length=_LONGEST_FACET,
        )
        schema.add_field(
            "terms",
            DataType.VARCHAR,
            max_length=LONGEST_TERMS,
            enable_analyzer=True,
            enable_match=True,
            analyzer_params={"tokenizer": "standard"},
        )
        schema.add_field("counts", DataType.SPARSE_FLOAT_VECTOR)
        bm25: Any = Function("bm25", FunctionType.BM25, ["terms"], ["counts"])
        schema.add_function(bm25)
        index = {"index_type": "SPARSE_INVERTED_INDEX", "metric_type": "BM25", "params": _BM25}
        self._create(name, schema, "counts", index)

    def table(self, name: str) -> Table:
        """A collection, ready to be searched.

        Raises:
            SnapshotCorruptError: there is none of that name.
        """
        with _errors("look for a collection"):
            if not self._client.has_collection(name):
                raise SnapshotCorruptError(
                    f"there is no collection {name} in Milvus at {self._uri}: correct store.uri and "
                    "store.database, or run `troika collections verify --repair`."
                )
            self._client.load_collection(name)  # Milvus Lite forgets it with the process
        return Table(self._client, name)

    def drop(self, name: str) -> None:
        """Delete a collection, if it exists."""
        with _errors("delete a collection"):
            self._client.drop_collection(name)

    def _create(self, name: str, schema: Any, field: str, index: Mapping[str, Any]) -> None:
        indexes = self._client.prepare_index_params()
        indexes.add_index(field, **index)
        with _errors("create a collection"):
            self._client.create_collection(name, schema=schema, consistency_level="Strong")
            self._client.create_index(name, indexes, sync=False)  # there is nothing to wait for


class Table:
    """A Milvus collection. Its rows have an ``id``, a ``number`` and the ``stage`` that wrote them."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows, in place of those with the same id."""
        with _errors("write"):
            self._client.upsert(self._name, list(rows))

    def flush(self) -> None:
        """Let what was written be in Milvus's storage, and not in its log alone."""
        with _errors("write"):
            self._client.flush(self._name)

    def delete(self, expression: str) -> None:
        """Delete rows."""
        with _errors("delete"):
            self._client.delete(self._name, filter=expression)

    def count(self, expression: str) -> int:
        """The number of rows, after all that was written before."""
        with _errors("count"):
            found = self._client.query(self._name, filter=expression, output_fields=["count(*)"])
            return int(found[0]["count(*)"])

    def numbers(self, expression: str) -> list[int]:
        """The numbers of all rows, with repeats."""
        found: list[int] = []
        with _errors("read"):
            pages = self._client.query_iterator(
                self._name, batch_size=_MOST_RESULTS, filter=expression, output_fields=["number"]
            )
            while page := cast("list[Row]", pages.next()):
                found.extend(int(row["number"]) for row in page)
            pages.close()
        return found

    def vectors(self, expression: str, most: int) -> dict[int, Vector]:
        """The vectors of at most so many rows, by number; each of shape (dimension,), float32."""
        with _errors("read"):
            found = self._client.query(
                self._name, filter=expression, output_fields=["number", "vector"], limit=most
            )
            return {int(row["number"]): np.asarray(row["vector"], dtype=np.float32) for row in found}

    def nearest(self, query: Vector, expression: str, most: int) -> list[tuple[int, float]]:
        """The numbers of the rows with the greatest inner product with ``query``, and that; best first."""
        found = self._search("vector", np.ascontiguousarray(query), ("number",), expression, most)
        return [(int(row["number"]), product) for row, product in found]

    def best_by_words(self, terms: str, expression: str, most: int) -> list[tuple[int, int, float]]:
        """Document, number and BM25 of the rows with the best, best first."""
        found = self._search("counts", terms, ("document", "number"), expression, most)
        # Milvus Lite gives BM25 as a distance, which is below zero.
        return [(int(row["document"]), int(row["number"]), abs(score)) for row, score in found]

    def _search(
        self, field: str, query: Any, output: Sequence[str], expression: str, most: int
    ) -> list[tuple[Row, float]]:
        with _errors("search"):
            found = self._client.search(
                self._name,
                [query],
                filter=expression,
                limit=min(most, _MOST_RESULTS),
                output_fields=list(output),
                anns_field=field,
                consistency_level="Bounded",
            )
            return [(row["entity"], float(row["distance"])) for row in found[0]]


def row_id(stage: int, number: int) -> str:
    """The primary key of a row: one that is written twice is there once."""
    return f"{stage}.{number}"


def _schema() -> Any:
    schema = cast("Any", MilvusClient).create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, max_length=_LONGEST_ID, is_primary=True)
    schema.add_field("number", DataType.INT64)
    schema.add_field("stage", DataType.INT64)
    return schema


@contextmanager
def _errors(action: str) -> Generator[None]:
    try:
        yield
    except MilvusException as error:
        found = " ".join(str(error.message).split())
        raise DatabaseError(
            f"Milvus could not {action} ({found}): look at its log, and run the command again."
        ) from error
