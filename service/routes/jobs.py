"""What is being done to collections: watching jobs, and cancelling them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from ingest.errors import JobNotFoundError
from service.access.caller import Caller, Scope, allowed
from service.event_stream import HEARTBEAT, HEARTBEAT_SECONDS, frame
from service.jobs.job import Job, JobState
from service.jobs.runner import JobRunner
from service.jobs.schemas import CollectionQuery, JobBody, JobsBody, LimitQuery
from service.jobs.store import JobStore
from service.lifecycle.shutdown import Shutdown
from service.routes.problems import PROBLEMS
from service.schemas import Text

_EVENTS = "text/event-stream"
_LOOK_SECONDS = 0.2
_STREAM_HEADERS = {"cache-control": "no-store, no-transform", "x-accel-buffering": "no"}


def jobs_router(runner: JobRunner, shutdown: Shutdown) -> APIRouter:
    """The routes for jobs. A caller sees their own; one with the scope ``admin`` sees all."""
    router = APIRouter(prefix="/v1", tags=["jobs"])
    store = runner.store

    async def job_of(job_id: str, caller: Caller) -> Job:
        job = await asyncio.to_thread(store.get, job_id)
        if not caller.owns(job.asker):
            raise JobNotFoundError(f"there is no job {job_id!r} of yours: GET /v1/jobs lists those.")
        return job

    @router.get("/jobs", responses=PROBLEMS)
    async def jobs(  # pyright: ignore[reportUnusedFunction]
        caller: Annotated[Caller, Depends(allowed(Scope.INGEST))],
        collection: Annotated[CollectionQuery, Query()] = None,
        state: JobState | None = None,
        before: Annotated[Text | None, Query(max_length=200, description="only older ones")] = None,
        limit: Annotated[LimitQuery, Query()] = 100,
    ) -> JobsBody:
        """The caller's jobs, the newest first; all jobs for the scope `admin`."""
        asker = None if caller.may(Scope.ADMIN) else caller.name or ""
        found = await asyncio.to_thread(
            lambda: store.newest(limit, collection=collection, state=state, asker=asker, before=before)
        )
        return JobsBody.of(found, limit, counted=caller.may(Scope.ADMIN))

    @router.get(
        "/jobs/{job_id}", response_model=JobBody, responses=PROBLEMS | {200: {"content": {_EVENTS: {}}}}
    )
    async def job(  # pyright: ignore[reportUnusedFunction]
        job_id: str, request: Request, caller: Annotated[Caller, Depends(allowed(Scope.INGEST))]
    ) -> JobBody | Response:
        """How far a job is; with `Accept: text/event-stream`, `progress` when that changes, then `done`."""
        found, counted = await job_of(job_id, caller), caller.may(Scope.ADMIN)
        if _EVENTS not in request.headers.get("accept", ""):
            return JobBody.of(found, counted=counted)
        watched = _watch(store, found, shutdown, counted=counted)
        return StreamingResponse(watched, headers=_STREAM_HEADERS, media_type=_EVENTS)

    @router.delete("/jobs/{job_id}", status_code=HTTPStatus.ACCEPTED, responses=PROBLEMS)
    async def cancel(  # pyright: ignore[reportUnusedFunction]
        job_id: str, caller: Annotated[Caller, Depends(allowed(Scope.INGEST))]
    ) -> JobBody:
        """Cancel a job: what it did is undone. One that has ended, or ends before it is heard, stays done."""
        await job_of(job_id, caller)
        return JobBody.of(await runner.cancel(job_id), counted=caller.may(Scope.ADMIN))

    return router


async def _watch(store: JobStore, job: Job, shutdown: Shutdown, *, counted: bool) -> AsyncIterator[bytes]:
    """A frame for each change that shows. A server that stops ends the stream, and the client asks again."""
    shown = JobBody.of(job, counted=counted)
    yield frame("progress", shown.model_dump(mode="json"))
    silent = 0.0
    while not job.state.is_end and not shutdown.begun:
        await asyncio.sleep(_LOOK_SECONDS)
        job = await asyncio.to_thread(store.get, job.id)
        before, shown = shown, JobBody.of(job, counted=counted)
        silent += _LOOK_SECONDS
        if shown != before:
            yield frame("progress", shown.model_dump(mode="json"))
        elif silent >= HEARTBEAT_SECONDS:
            yield HEARTBEAT
        else:
            continue
        silent = 0.0
    if job.state.is_end:
        yield frame("done", shown.model_dump(mode="json"))
