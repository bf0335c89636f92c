"""Asking."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from ingest.filters.forms import read_filter
from ingest.settings import Settings
from service.access.admission import Work, admitted
from service.access.caller import Caller, Scope, allowed
from service.event_stream import AnswerStream, EventStreamResponse, NamedFrames
from service.pipelines import PipelineProvider
from service.question import Inquiry, check_question
from service.routes.problems import PROBLEMS
from service.schemas import AnswerBody, QueryRequest

STREAM_DESCRIPTION = (
    "The answer; with `stream: true` as Server-Sent Events instead: `retrieval` (answer id and passages), "
    "`message.delta` (further text), `citation` (checked against its source), then `done` (the whole "
    "answer) or `error` (problem details). Closing the connection stops the answer."
)


def answers_router(settings: Settings, pipelines: PipelineProvider) -> APIRouter:
    """The route under which questions are answered."""
    router = APIRouter(prefix="/v1", tags=["answers"])

    @router.post(
        "/query",
        response_model=AnswerBody,
        response_description=STREAM_DESCRIPTION,
        responses=PROBLEMS | {200: {"content": {"text/event-stream": {}}}},
    )
    async def query(  # pyright: ignore[reportUnusedFunction]
        request: QueryRequest,
        caller: Annotated[Caller, Depends(allowed(Scope.QUERY))],
        _place: Annotated[None, Depends(admitted(Work.ANSWER))],
    ) -> AnswerBody | Response:
        """Answer a question from the documents of a collection."""
        inquiry = Inquiry(
            check_question(request.question, settings.server.max_question_characters),
            passages=request.passages,
            history=request.history,
            wanted=read_filter(request.filter),
            groups=caller.groups,
            asker=caller.name,
            cache=request.cache,
        )
        collection = request.collection or settings.collection
        stream = AnswerStream(pipelines, collection, inquiry, request.release)
        try:
            if not request.stream:
                return AnswerBody.of(await stream.whole())
            # What goes wrong before the first event still gets a status of its own.
            first = await stream.next()
        except BaseException:
            stream.stop()
            raise
        return EventStreamResponse(first, stream, NamedFrames())

    return router
