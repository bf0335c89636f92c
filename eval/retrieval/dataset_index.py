"""A collection that holds the corpus of a data set: built once, through the same path as files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from eval.retrieval.datasets import CorpusDocument, Dataset, corpus_uri
from ingest.document import Block, BlockKind, Document, document_id
from ingest.pipeline import ingest_documents
from ingest.settings import Settings
from ingest.snapshots.collection import Collection

ORACLE_COLLECTION = "eval-oracle"

# Lines that follow each other without an empty line between them.
_PARAGRAPH = re.compile(r"[^\S\n]*\S[^\n]*(?:\n[^\S\n]*\S[^\n]*)*")


def ensure_indexed(dataset: Dataset, settings: Settings) -> str:
    """The name of the data set's collection, which is built first when it was not before.

    Raises:
        CollectionBusyError: another process is building it.
    """
    collection = collection_for(dataset, settings)
    if Collection(settings.home, collection).current_id() is None:
        ingest_documents(corpus_documents(dataset), collection, settings)
    return collection


def ensure_oracle_collection(settings: Settings) -> str:
    """The name of the collection that an oracle run opens, because a pipeline needs one; made if absent.

    Nothing is searched in it. It holds one line, so that all words weigh about the same when quotes are
    chosen, and an oracle run gives the same figures whatever else has been ingested.
    """
    if Collection(settings.home, ORACLE_COLLECTION).current_id() is None:
        line = CorpusDocument(
            "note", "", "This collection holds nothing: an oracle run needs one to open.", "en"
        )
        ingest_documents([corpus_document("oracle", line)], ORACLE_COLLECTION, settings)
    return ORACLE_COLLECTION


def collection_for(dataset: Dataset, settings: Settings) -> str:
    """The name of the data set's collection: another for other content, embedder or chunking."""
    digest = hashlib.sha256(dataset.corpus_sha256.encode())
    digest.update(settings.embedder.model_dump_json(include={"preset", "model", "backend"}).encode())
    digest.update(settings.chunking.model_dump_json().encode())
    name = re.sub(r"[^a-z0-9]+", "-", dataset.name.lower()).strip("-")[:40] or "dataset"
    return f"eval-{name}-{digest.hexdigest()[:12]}"


def corpus_documents(dataset: Dataset) -> Iterator[Document]:
    """The corpus as documents; one without any words, which no search could find, is left out."""
    for document in dataset.documents():
        if document.text or document.title:
            yield corpus_document(dataset.name, document)


def corpus_document(dataset: str, document: CorpusDocument) -> Document:
    """A document of the corpus, one block for each paragraph of its text."""
    uri = corpus_uri(dataset, document.id)
    text = document.text or document.title
    return Document(
        id=document_id(uri, text),
        uri=uri,
        title=document.title,
        text=text,
        language=document.language,
        pages=(),
        blocks=tuple(Block(BlockKind.PARAGRAPH, *match.span()) for match in _PARAGRAPH.finditer(text)),
        content_sha256=hashlib.sha256(f"{document.title}\0{text}".encode()).hexdigest(),
    )
