"""Looking into collections: search, the list of them, and their documents."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response

from ingest.errors import DocumentNotFoundError
from ingest.filters.access import may_see
from ingest.filters.forms import read_filter
from ingest.settings import RetrievalSettings, Settings
from service.catalog_schemas import CollectionBody, CollectionsBody, DocumentBody
from service.pipelines import DocumentSource, PipelineProvider
from service.question import check_question
from service.routes.problems import PROBLEMS
from service.schemas import CollectionField
from service.search_schemas import SearchBody, SearchRequest


def collections_router(settings: Settings, pipelines: PipelineProvider) -> APIRouter:
    """The routes that read collections."""
    router = APIRouter(prefix="/v1", tags=["collections"])

    @router.post("/search", response_model=SearchBody, responses=PROBLEMS)
    async def search(request: SearchRequest) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Find passages, without an answer."""
        query = check_question(request.query, settings.server.max_question_characters)
        wanted = read_filter(request.filter)
        async with pipelines.lease(request.collection or settings.collection) as pipeline:
            found = await pipeline.search(query, request.k, request.mode, request.history, wanted)
        return Response(SearchBody.of(found).model_dump_json(), media_type="application/json")

    @router.get("/collections")
    async def collections() -> CollectionsBody:  # pyright: ignore[reportUnusedFunction]
        """The published collections."""
        found = await asyncio.to_thread(pipelines.collections)
        return CollectionsBody(
            default=settings.collection, collections=tuple(CollectionBody.of(summary) for summary in found)
        )

    @router.get("/documents/{document_id}", responses=PROBLEMS)
    async def document(  # pyright: ignore[reportUnusedFunction]
        document_id: str, collection: CollectionField = None
    ) -> DocumentBody:
        """A document of the collection's current snapshot, with the text that citations point into."""
        async with pipelines.lease(collection or settings.collection) as pipeline:
            documents = pipeline.snapshot.documents
            return await asyncio.to_thread(_read, documents, document_id, settings.retrieval)

    return router


def _read(documents: DocumentSource, document_id: str, settings: RetrievalSettings) -> DocumentBody:
    document = documents.document(document_id)
    if document is None or not may_see(document.metadata, frozenset(settings.groups)):
        raise DocumentNotFoundError(
            f"the collection holds no document with id {document_id!r}: take one from a citation or a hit; "
            "a document's id changes with its text."
        )
    return DocumentBody.of(document, documents.chunks_of(document_id))
