"""Looking into collections: search, the list of them, and their documents."""

from __future__ import annotations

import asyncio
from collections.abc import Set as AbstractSet
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from ingest.errors import DocumentNotFoundError
from ingest.filters.access import may_see
from ingest.filters.forms import read_filter
from ingest.settings import Settings
from service.access.admission import Work, admitted
from service.access.caller import Caller, Scope, allowed
from service.catalog_schemas import CollectionBody, CollectionsBody, DocumentBody
from service.pipelines import DocumentSource, PipelineProvider
from service.question import Inquiry, check_question
from service.retrieval.search_schemas import SearchBody, SearchRequest
from service.routes.problems import PROBLEMS
from service.schemas import CollectionField


def collections_router(settings: Settings, pipelines: PipelineProvider) -> APIRouter:
    """The routes that read collections."""
    router = APIRouter(prefix="/v1", tags=["collections"])

    @router.post("/search", response_model=SearchBody, responses=PROBLEMS)
    async def search(  # pyright: ignore[reportUnusedFunction]
        request: SearchRequest,
        caller: Annotated[Caller, Depends(allowed(Scope.QUERY))],
        _place: Annotated[None, Depends(admitted(Work.SEARCH))],
    ) -> Response:
        """Find passages, without an answer."""
        inquiry = Inquiry(
            check_question(request.query, settings.server.max_question_characters),
            history=request.history,
            wanted=read_filter(request.filter),
            groups=caller.groups,
            asker=caller.name,
        )
        async with pipelines.lease(request.collection or settings.collection) as pipeline:
            found = await pipeline.search(inquiry, request.k, request.mode)
        return Response(SearchBody.of(found).model_dump_json(), media_type="application/json")

    @router.get("/collections", responses=PROBLEMS)
    async def collections(  # pyright: ignore[reportUnusedFunction]
        caller: Annotated[Caller, Depends(allowed(Scope.QUERY))],
    ) -> CollectionsBody:
        """The published collections."""
        found = await asyncio.to_thread(pipelines.collections)
        counted = caller.may(Scope.ADMIN)
        return CollectionsBody(
            default=settings.collection,
            collections=tuple(CollectionBody.of(summary, counted=counted) for summary in found),
        )

    @router.get("/documents/{document_id}", responses=PROBLEMS)
    async def document(  # pyright: ignore[reportUnusedFunction]
        document_id: str,
        caller: Annotated[Caller, Depends(allowed(Scope.QUERY))],
        collection: CollectionField = None,
    ) -> DocumentBody:
        """A document of the collection's current snapshot, with the text that citations point into."""
        async with pipelines.lease(collection or settings.collection) as pipeline:
            documents = pipeline.snapshot.documents
            groups = frozenset(settings.retrieval.groups) if caller.groups is None else caller.groups
            return await asyncio.to_thread(_read, documents, document_id, groups)

    return router


def _read(documents: DocumentSource, document_id: str, groups: AbstractSet[str]) -> DocumentBody:
    document = documents.document(document_id)
    if document is None or not may_see(document.metadata, groups):
        raise DocumentNotFoundError(
            f"the collection holds no document with id {document_id!r}: take one from a citation or a hit; "
            "a document's id changes with its text."
        )
    return DocumentBody.of(document, documents.chunks_of(document_id))
