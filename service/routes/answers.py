"""Asking, and judging what was answered."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from ingest.filters.forms import read_filter
from ingest.settings import Settings
from service.access.caller import Caller, Scope, allowed
from service.answer import AnswerEvent, Finished
from service.answer_cache import AnswerCache
from service.event_stream import AnswerStream, EventStreamResponse
from service.feedback import check_feedback, new_feedback
from service.history import History
from service.pipelines import PipelineProvider
from service.question import Inquiry, check_question
from service.routes.problems import PROBLEMS
from service.schemas import AnswerBody, FeedbackBody, FeedbackRequest, QueryRequest, StoredAnswerBody

STREAM_DESCRIPTION = (
    "The answer; with `stream: true` as Server-Sent Events instead: `retrieval` (answer id and passages), "
    "`message.delta` (further text), `citation` (checked against its source), then `done` (the whole "
    "answer) or `error` (problem details). Closing the connection stops the answer."
)


def answers_router(
    settings: Settings, pipelines: PipelineProvider, history: History, answers: AnswerCache | None
) -> APIRouter:
    """The routes under which questions are answered and answers judged; a bad one leaves ``answers``."""
    router = APIRouter(prefix="/v1", tags=["answers"])

    @router.post(
        "/query",
        response_model=AnswerBody,
        response_description=STREAM_DESCRIPTION,
        responses=PROBLEMS | {200: {"content": {"text/event-stream": {}}}},
    )
    async def query(  # pyright: ignore[reportUnusedFunction]
        request: QueryRequest, caller: Annotated[Caller, Depends(allowed(Scope.QUERY))]
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
        stream = AnswerStream(pipelines, request.collection or settings.collection, inquiry)
        try:
            if not request.stream:
                return await _whole_answer(stream)
            # What goes wrong before the first event still gets a status of its own.
            first = await stream.next()
        except BaseException:
            stream.stop()
            raise
        return EventStreamResponse(first, stream)

    @router.get("/answers/{answer_id}", responses=PROBLEMS, dependencies=[Depends(allowed(Scope.QUERY))])
    async def answer(answer_id: str) -> StoredAnswerBody:  # pyright: ignore[reportUnusedFunction]
        """An earlier answer, as it was given, with its judgements."""
        return StoredAnswerBody.of_stored(await asyncio.to_thread(history.get, answer_id))

    @router.post(
        "/feedback",
        status_code=HTTPStatus.CREATED,
        responses=PROBLEMS,
        dependencies=[Depends(allowed(Scope.FEEDBACK))],
    )
    async def feedback(request: FeedbackRequest) -> FeedbackBody:  # pyright: ignore[reportUnusedFunction]
        """Judge an answer: thumbs up or down, a corrected answer, wrong citations, a comment."""
        judgement = new_feedback(
            request.answer_id,
            request.verdict,
            request.correction,
            request.comment,
            request.wrong_citations,
            request.preferred_over,
        )
        judged = await asyncio.to_thread(history.get, judgement.answer_id)
        other = judgement.preferred_over
        worse = None if other is None else (await asyncio.to_thread(history.get, other)).answer
        check_feedback(judgement, judged.answer, worse)
        await asyncio.to_thread(history.add_feedback, judgement)
        if answers is not None and judgement.verdict == "down":
            await asyncio.to_thread(answers.forget, judged.answer)
        return FeedbackBody.of(judgement)

    return router


async def _whole_answer(stream: AnswerStream) -> AnswerBody:
    event: AnswerEvent | None = await stream.next()
    while event is not None and not isinstance(event, Finished):
        event = await stream.next()
    if event is None:
        raise RuntimeError("the pipeline's stream ended without a Finished event")
    return AnswerBody.of(event.answer)
