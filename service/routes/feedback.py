"""What was answered, and judging it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends

from service.access.caller import Caller, Scope, allowed
from service.cache.answer_cache import AnswerCache
from service.history.feedback import check_feedback
from service.history.feedback_schemas import FeedbackBody, FeedbackRequest, StoredAnswerBody
from service.history.history import History, answer_not_found
from service.history.stored import StoredAnswer
from service.routes.problems import PROBLEMS


def feedback_router(history: History, answers: AnswerCache | None) -> APIRouter:
    """The routes under which kept answers are read and judged; a bad one leaves ``answers``."""
    router = APIRouter(prefix="/v1", tags=["answers"])

    @router.get("/answers/{answer_id}", responses=PROBLEMS)
    async def answer(  # pyright: ignore[reportUnusedFunction]
        answer_id: str, caller: Annotated[Caller, Depends(allowed(Scope.QUERY))]
    ) -> StoredAnswerBody:
        """An earlier answer to the same asker, as it was given, with its judgements.

        It is not found by an asker who is no longer in all the groups that it was given to.
        """
        return StoredAnswerBody.of_stored(await kept(answer_id, caller))

    @router.post("/feedback", status_code=HTTPStatus.CREATED, responses=PROBLEMS)
    async def feedback(  # pyright: ignore[reportUnusedFunction]
        request: FeedbackRequest, caller: Annotated[Caller, Depends(allowed(Scope.FEEDBACK))]
    ) -> FeedbackBody:
        """Judge an answer: thumbs, its citations, a corrected answer, a better one, a ranking of several."""
        judgement = request.judgement()
        judged = (await kept(judgement.answer_id, caller)).answer
        others = {other: (await kept(other, caller)).answer for other in judgement.others}
        check_feedback(judgement, judged, others)
        await asyncio.to_thread(history.add_feedback, judgement)
        if answers is not None and judgement.finds_fault:
            await asyncio.to_thread(answers.forget, judged)
        return FeedbackBody.of(judgement)

    async def kept(answer_id: str, caller: Caller) -> StoredAnswer:
        stored = await asyncio.to_thread(history.get, answer_id)
        # A group may have been taken away since: what it saw is in the passages.
        groups = None if stored.inquiry is None else stored.inquiry.groups
        if not (caller.owns(stored.answer.asker) and caller.is_in(groups)):
            raise answer_not_found(answer_id)
        return stored

    return router
