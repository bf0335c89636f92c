"""Queries of a collection with the documents that answer them: what retrieval can be fitted and tuned on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from eval.cases.read import read_cases
from eval.retrieval.dataset_index import ensure_indexed
from eval.retrieval.datasets import Query, corpus_id, read_dataset
from eval.runs.places import names_document
from ingest.errors import CasesError
from ingest.settings import Settings

NameOf = Callable[[str, Query], str]
"""What the judgements of a query call the document with this URI."""

FEWEST_QUERIES = 20


@dataclass(frozen=True, slots=True)
class Labels:
    """``name`` says where the queries are from; their documents are in ``collection``."""

    name: str
    collection: str
    queries: tuple[Query, ...]
    name_of: NameOf


def dataset_labels(settings: Settings, folder: Path, limit: int | None) -> Labels:
    """The queries of a data set and its collection, which is built first when it was not before.

    Raises:
        CasesError: the folder holds no data set in the BEIR layout.
    """
    dataset = read_dataset(folder, limit=limit)
    collection = ensure_indexed(dataset, settings)
    return Labels(dataset.name, collection, dataset.queries, lambda uri, _: corpus_id(uri))


def case_labels(settings: Settings, path: Path, limit: int | None) -> Labels:
    """The cases of a file that name the document with their answer, which is in the settings' collection.

    Raises:
        CasesError: the file is not in a documented form.
    """
    queries = tuple(
        Query(case.id, case.question, case.language, {place.document: 1 for place in case.relevant})
        for case in read_cases(path, limit=limit)
        if case.relevant
    )
    return Labels(path.name, settings.collection, queries, _expected_document)


def require_enough(count: int) -> None:
    """Refuse to choose settings by fewer than 20 queries.

    Raises:
        CasesError
    """
    if count < FEWEST_QUERIES:
        raise CasesError(
            f"there are {count} labelled queries with words: settings are chosen by {FEWEST_QUERIES} at "
            "least, so give more cases."
        )


def _expected_document(uri: str, query: Query) -> str:
    return next((name for name in query.grades if names_document(uri, name)), uri)
