"""The routes that OpenAI's clients call: chat completions, embeddings, and the models to choose from."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from ingest.settings import Settings
from service.access.admission import Work, admitted
from service.access.caller import Caller, Scope, allowed
from service.event_stream import AnswerStream, EventStreamResponse
from service.openai_api.chat_schemas import ChatCompletion, ChatRequest
from service.openai_api.completion import ChunkFrames, CompletionForm, completion_of
from service.openai_api.conversation import read_chat
from service.openai_api.embedding import embed
from service.openai_api.embedding_schemas import EmbeddingRequest, Embeddings, Model, Models
from service.openai_api.errors import OpenAiErrorBody
from service.openai_api.models import find_model, list_models, read_model_name, unknown_model
from service.pipelines import PipelineProvider

_CHAT = """Answer the last message from the documents of a collection, in the form of OpenAI's API.

- **Citations** are `annotations` of the message: OpenAI's `url_citation`, and beside it the exact words of
  the source. `troika` tells what else is known of the answer; feedback asks for its `answer_id`.
- **Instructions** are the server's own, because checks and adapters count on them: system and developer
  messages are not read, and `troika.warnings` says so.
- **JSON** (`response_format`) is checked like prose: every sentence of a string and every number, but not the
  choices that the schema itself lists. It is sent whole or not at all: where the sources do not tell, it was
  cut off, the generator fails (`troika.degraded`), or strict grounding finds a claim that no source bears
  out, `content` is null and `refusal` is set.
- `max_tokens` only lowers the server's limit; `stop` ends what the generator writes, while curated and quoted
  answers are given whole.
- **Refused** with `unsupported_parameter`: more than one choice, tools and functions, images and audio, log
  probabilities, penalties and biases. Keys that only OpenAI has a use for are passed over.
"""
_STREAM = (
    "The completion; with `stream: true` its chunks as Server-Sent Events: the role, the content, the "
    "annotations, the reason of the end with `troika`, with `stream_options.include_usage` the usage, and "
    "`[DONE]`. An error in the middle is one event with `error`. Closing the connection stops the answer."
)
_ERROR = {"model": OpenAiErrorBody, "description": "What went wrong"}
_ERRORS: dict[int | str, dict[str, Any]] = {"4XX": _ERROR, "5XX": _ERROR}


def openai_router(settings: Settings, pipelines: PipelineProvider) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1", tags=["openai"], responses=_ERRORS)

    @router.post(
        "/chat/completions",
        response_model=ChatCompletion,
        description=_CHAT,
        response_description=_STREAM,
        responses={200: {"content": {"text/event-stream": {}}}},
    )
    async def chat(  # pyright: ignore[reportUnusedFunction]
        request: ChatRequest,
        caller: Annotated[Caller, Depends(allowed(Scope.QUERY))],
        _place: Annotated[None, Depends(admitted(Work.ANSWER))],
    ) -> Response:
        asked = read_chat(request, caller, settings)
        form = CompletionForm(
            model=request.model,
            warnings=asked.warnings,
            is_json=asked.inquiry.json_schema is not None,
            includes_usage=request.stream_options is not None and request.stream_options.include_usage,
        )
        stream = AnswerStream(pipelines, asked.collection, asked.inquiry, asked.release)
        try:
            return await (_streamed(stream, form) if request.stream else _whole(stream, form))
        except BaseException:
            stream.stop()
            raise

    @router.post(
        "/embeddings",
        response_model=Embeddings,
        dependencies=[Depends(allowed(Scope.QUERY)), Depends(admitted(Work.EMBEDDING))],
    )
    async def embeddings(request: EmbeddingRequest) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Embed texts as those of a collection are; a text that does not fit the model is an error."""
        model = read_model_name(request.model)
        if model.release is not None:
            raise unknown_model(request.model)
        collection = model.collection or request.collection or settings.collection
        async with pipelines.lease(collection) as pipeline:
            found = await asyncio.to_thread(embed, request, pipeline.embedder)
        return Response(found.model_dump_json(), media_type="application/json")

    @router.get("/models", dependencies=[Depends(allowed(Scope.QUERY))])
    async def models() -> Models:  # pyright: ignore[reportUnusedFunction]
        """What `model` may name; any release may be followed by `:COLLECTION`."""
        collections = await asyncio.to_thread(pipelines.collections)
        return Models(data=tuple(await asyncio.to_thread(list_models, settings, collections)))

    @router.get("/models/{name}", dependencies=[Depends(allowed(Scope.QUERY))])
    async def model(name: str) -> Model:  # pyright: ignore[reportUnusedFunction]
        """A model by its name."""
        collections = await asyncio.to_thread(pipelines.collections)
        return await asyncio.to_thread(find_model, name, settings, collections)

    return router


async def _whole(stream: AnswerStream, form: CompletionForm) -> Response:
    completion = completion_of(await stream.whole(), form)
    return Response(completion.model_dump_json(), media_type="application/json")


async def _streamed(stream: AnswerStream, form: CompletionForm) -> Response:
    # What goes wrong before the first event still gets a status of its own.
    return EventStreamResponse(await stream.next(), stream, ChunkFrames(form))
