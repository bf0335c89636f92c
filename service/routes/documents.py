"""Adding documents to a collection, taking them out, and what it holds."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from ingest.errors import IdempotencyKeyError
from ingest.settings import Settings
from ingest.sources.metadata import Metadata
from service.access.caller import Caller, Scope, allowed
from service.jobs.job import Job
from service.jobs.ownership import require_writable
from service.jobs.receive import Addressed, Intake
from service.jobs.runner import JobRunner
from service.jobs.schemas import UPLOAD_BODY, CollectionQuery, DocumentsBody, JobBody, LimitQuery
from service.routes.problems import PROBLEMS
from service.schemas import Text

_MAX_KEY_CHARACTERS = 255


def documents_router(settings: Settings, runner: JobRunner) -> APIRouter:
    """The routes for the documents of a collection; those that change it give ``runner`` something to do."""
    router = APIRouter(prefix="/v1", tags=["documents"])
    intake = Intake(settings, runner.store)

    def groups_of(caller: Caller) -> frozenset[str]:
        return frozenset(settings.retrieval.groups) if caller.groups is None else caller.groups

    @router.post("/documents", status_code=HTTPStatus.ACCEPTED, responses=PROBLEMS, openapi_extra=UPLOAD_BODY)
    async def upload(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        response: Response,
        caller: Annotated[Caller, Depends(allowed(Scope.INGEST))],
        collection: Annotated[CollectionQuery, Query()] = None,
        idempotency_key: Annotated[str | None, Header(max_length=_MAX_KEY_CHARACTERS)] = None,
    ) -> JobBody:
        """Add documents: files in a form, or one text in JSON. A job ingests them, at `Location`.

        A file's address is `upload:///NAME`. One of the same name takes its place; one that cannot be read is
        dropped and listed, and what was known under its name stays. The same request under the same
        `Idempotency-Key` gives the same job; another one under that key gets 422.

        `acl` lists the groups that may see a document. A key with groups restricts documents to groups of its
        own only, and to all of them where no list is given; it replaces and deletes no others. A key without
        groups adds documents for everybody.
        """
        target = collection or settings.collection
        job = await intake.take(request, Addressed(target, caller, _key(idempotency_key)))
        return _accepted(job, response, runner, caller)

    @router.get("/documents", responses=PROBLEMS)
    async def documents(  # pyright: ignore[reportUnusedFunction]
        caller: Annotated[Caller, Depends(allowed(Scope.QUERY))],
        collection: Annotated[CollectionQuery, Query()] = None,
        after: Annotated[Text, Query(max_length=10_000, description="only those with a later URI")] = "",
        limit: Annotated[LimitQuery, Query()] = 100,
    ) -> DocumentsBody:
        """The documents of the current snapshot that the caller may see, ordered by URI."""
        target = collection or settings.collection
        return await asyncio.to_thread(_listed, settings.home, target, groups_of(caller), after, limit)

    @router.delete("/documents/{document_id}", status_code=HTTPStatus.ACCEPTED, responses=PROBLEMS)
    async def delete(  # pyright: ignore[reportUnusedFunction]
        document_id: str,
        response: Response,
        caller: Annotated[Caller, Depends(allowed(Scope.INGEST))],
        collection: Annotated[CollectionQuery, Query()] = None,
    ) -> JobBody:
        """Take an uploaded document out, with all versions that wait; a job does it, at `Location`."""
        target = collection or settings.collection
        name, metadata = await asyncio.to_thread(
            _uploaded_as, settings.home, target, document_id, groups_of(caller)
        )
        require_writable(name, metadata, caller)
        job = await intake.take_away(name, Addressed(target, caller))
        return _accepted(job, response, runner, caller)

    return router


def _key(header: str | None) -> str | None:
    """The key of the header (draft-ietf-httpapi-idempotency-key-header, section 2.1: a string in quotes), of
    which clients mostly leave the quotes out."""
    if header is None:
        return None
    key = header.strip().removeprefix('"').removesuffix('"')
    if not key or not key.isprintable():
        raise IdempotencyKeyError("the Idempotency-Key is empty or unprintable: send a UUID, say.")
    return key


def _accepted(job: Job, response: Response, runner: JobRunner, caller: Caller) -> JobBody:
    runner.wake()
    response.headers["location"] = f"/v1/jobs/{job.id}"
    return JobBody.of(job, counted=caller.may(Scope.ADMIN))


# What reads snapshots takes long to load, and the application is to start at once.


def _listed(home: Path, collection: str, groups: frozenset[str], after: str, limit: int) -> DocumentsBody:
    from service.jobs.holdings import list_documents

    return DocumentsBody.of(collection, list_documents(home, collection, groups, after, limit))


def _uploaded_as(
    home: Path, collection: str, document_id: str, groups: frozenset[str]
) -> tuple[str, Metadata]:
    from service.jobs.holdings import uploaded_as

    return uploaded_as(home, collection, document_id, groups)
