"""Pages of PDFs as pictures, and where their text stands on them: what citations are shown with."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as InPath

from ingest.settings import Settings
from service.access.admission import Gate, Work
from service.access.caller import Caller, Scope, allowed
from service.jobs.schemas import CollectionQuery
from service.routes.problems import PROBLEMS
from service.source_pages.drawing import draw_apart
from service.source_pages.messages import DrawTask
from service.source_pages.schemas import BoxesBody

if TYPE_CHECKING:
    from ingest.document import Document
    from service.source_pages.place import Place

_SECONDS = 10.0
_MEMORY_BYTES = 500_000_000
_MOST_PAGES = 1_000_000
_PNG = "image/png"

_PICTURE: dict[int | str, dict[str, Any]] = PROBLEMS | {
    HTTPStatus.OK.value: {"content": {_PNG: {}}, "description": "the page; `Link` names the last one"},
    HTTPStatus.NOT_MODIFIED.value: {"description": "as named by `If-None-Match`"},
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE.value: PROBLEMS[HTTPStatus.BAD_REQUEST.value]
    | {"description": "not a PDF"},
}

Offset = Annotated[int, Query(ge=0, description="in the document's text")]


class PngResponse(Response):
    """A picture."""

    media_type = _PNG


def source_pages_router(settings: Settings) -> APIRouter:
    """The routes for the pages of documents."""
    router = APIRouter(prefix="/v1", tags=["documents"])
    file_bytes = settings.ingest.max_file_megabytes * 1_000_000

    def groups_of(caller: Caller) -> frozenset[str]:
        return frozenset(settings.retrieval.groups) if caller.groups is None else caller.groups

    @router.get("/documents/{document_id}/pages/{number}", response_class=PngResponse, responses=_PICTURE)
    async def page(  # pyright: ignore[reportUnusedFunction]
        document_id: str,
        number: Annotated[int, InPath(ge=1, le=_MOST_PAGES)],
        request: Request,
        caller: Annotated[Caller, Depends(allowed(Scope.QUERY))],
        collection: Annotated[CollectionQuery, Query()] = None,
        width: Annotated[int, Query(ge=100, le=3000, description="in dots")] = 1000,
    ) -> Response:
        """A page of a PDF as a picture, drawn from the very bytes that were parsed.

        Where these are gone or have changed, 409 says so; the text stays.
        """
        target = collection or settings.collection
        document, place = await asyncio.to_thread(
            _placed, settings.home, target, document_id, groups_of(caller)
        )
        headers = {
            "cache-control": "private, no-cache",
            # Weak: another version of what draws gives other bytes for the same page.
            "etag": f'W/"{document.content_sha256[:32]}-{number}-{width}"',
        }
        if headers["etag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        gate: Gate = request.app.state.gates[Work.PAGE]
        async with gate.place():
            drawn = await draw_apart(_task(document, place, number, width, file_bytes))
        headers["link"] = f'<{drawn.pages}>; rel="last"'
        return PngResponse(drawn.png, headers=headers)

    @router.get("/documents/{document_id}/boxes", responses=PROBLEMS)
    async def boxes(  # pyright: ignore[reportUnusedFunction]
        document_id: str,
        caller: Annotated[Caller, Depends(allowed(Scope.QUERY))],
        start: Offset,
        end: Offset,
        collection: Annotated[CollectionQuery, Query()] = None,
    ) -> BoxesBody:
        """Where the span from `start` to before `end` stands, line by line, whatever pages it runs over."""
        target = collection or settings.collection
        return await asyncio.to_thread(
            _boxes, settings.home, target, document_id, groups_of(caller), (start, end)
        )

    return router


def _task(document: Document, place: Place, number: int, width: int, file_bytes: int) -> DrawTask:
    return DrawTask(
        document.uri,
        place.files,
        place.name,
        place.member,
        document.content_sha256,
        number,
        width,
        _SECONDS,
        file_bytes,
        _MEMORY_BYTES,
    )


# What reads snapshots takes long to load, and the application is to start at once.


def _placed(home: Path, collection: str, document_id: str, groups: frozenset[str]) -> tuple[Document, Place]:
    from service.jobs.holdings import visible_document
    from service.source_pages.place import place_of

    document, origin = visible_document(home, collection, document_id, groups)
    return document, place_of(home, collection, document, origin)


def _boxes(
    home: Path, collection: str, document_id: str, groups: frozenset[str], span: tuple[int, int]
) -> BoxesBody:
    from service.jobs.holdings import visible_document

    document, _ = visible_document(home, collection, document_id, groups)
    start, end = span
    return BoxesBody.of(document.id, (box for box in document.boxes if box.start < end and start < box.end))
