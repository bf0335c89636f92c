"""From an answer to a chat completion, whole or as a stream of chunks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from service.answer import Answer, AnswerEvent, Citation, Cited, Delta, Finished, Retrieved
from service.http_errors import problem_of
from service.openai_api.chat_schemas import (
    Annotation,
    AnswerMessage,
    ChatChunk,
    ChatCompletion,
    ChatUsage,
    Choice,
    ChunkChoice,
    FinishReason,
    Provenance,
    UrlCitation,
)
from service.openai_api.errors import OpenAiErrorBody, openai_error

_DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class CompletionForm:
    """What a completion repeats of its request, and what the request decides about its form.

    ``created`` counts seconds since 1970. An answer in JSON is never begun before it is known to be one.
    """

    model: str
    warnings: tuple[str, ...] = ()
    is_json: bool = False
    includes_usage: bool = False
    created: int = field(default_factory=lambda: int(time.time()))


def completion_of(answer: Answer, form: CompletionForm) -> ChatCompletion:
    """The whole answer."""
    is_refused = form.is_json and not _holds_json(answer)
    message = AnswerMessage(
        content=None if is_refused else answer.text,
        refusal=answer.text if is_refused else None,
        annotations=_annotations(answer.citations),
    )
    return ChatCompletion(
        id=_completion_id(answer.id),
        created=form.created,
        model=form.model,
        choices=(Choice(message=message, finish_reason=_finish_reason(answer, form)),),
        usage=_usage(answer),
        troika=_provenance(answer, form.warnings),
    )


class ChunkFrames:
    """The events of one answer as the frames of its stream: role, content, annotations, end, usage, done."""

    def __init__(self, form: CompletionForm) -> None:
        self._form = form
        self._id = ""

    def of(self, event: AnswerEvent) -> bytes:
        """The frames of ``event``; none for what is told at the end."""
        match event:
            case Retrieved(answer_id, _):
                self._id = _completion_id(answer_id)
                return self._step({"role": "assistant", "content": ""})
            case Delta(text):
                return b"" if self._form.is_json else self._step({"content": text})
            case Cited():
                return b""
            case Finished(answer):
                return self._end(answer)

    def of_error(self, error: Exception) -> bytes:
        """The frame that ends a stream which cannot go on."""
        return _frame(openai_error_of(error))

    def _end(self, answer: Answer) -> bytes:
        frames = b""
        if self._form.is_json:
            frames = self._step({"content" if _holds_json(answer) else "refusal": answer.text})
        annotations = [annotation.model_dump() for annotation in _annotations(answer.citations)]
        frames += self._step({"annotations": annotations})
        end = ChunkChoice(delta={}, finish_reason=_finish_reason(answer, self._form))
        frames += _frame(self._chunk((end,), troika=_provenance(answer, self._form.warnings)))
        if self._form.includes_usage:
            frames += _frame(self._chunk((), usage=_usage(answer)))
        return frames + _DONE

    def _step(self, delta: dict[str, Any]) -> bytes:
        return _frame(self._chunk((ChunkChoice(delta=delta),)))

    def _chunk(
        self,
        choices: tuple[ChunkChoice, ...],
        usage: ChatUsage | None = None,
        troika: Provenance | None = None,
    ) -> ChatChunk:
        return ChatChunk(
            id=self._id,
            created=self._form.created,
            model=self._form.model,
            choices=choices,
            usage=usage,
            troika=troika,
        )


def _holds_json(answer: Answer) -> bool:
    """Whether an answer for which JSON was asked is JSON; it has no stand-in."""
    return not answer.abstained and answer.degraded is None


def openai_error_of(error: Exception) -> OpenAiErrorBody:
    """``error`` as OpenAI's clients read it; it is logged like every other."""
    found = problem_of(error)
    return openai_error(found.status, found.code, found.detail, found.instance)


def _frame(payload: ChatChunk | OpenAiErrorBody) -> bytes:
    return f"data: {payload.model_dump_json()}\n\n".encode()


def _completion_id(answer_id: str) -> str:
    return f"chatcmpl-{answer_id}"


def _finish_reason(answer: Answer, form: CompletionForm) -> FinishReason:
    # Text that others' words stand in for was cut off, too; JSON has no stand-in.
    is_the_generators = answer.degraded is None or form.is_json
    return "length" if answer.usage.truncated and is_the_generators else "stop"


def _usage(answer: Answer) -> ChatUsage:
    read, written = answer.usage.prompt_tokens, answer.usage.completion_tokens
    return ChatUsage(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)


def _annotations(citations: Sequence[Citation]) -> tuple[Annotation, ...]:
    return tuple(
        Annotation(
            url_citation=UrlCitation(
                start_index=citation.answer_start,
                end_index=citation.answer_end,
                url=citation.chunk.uri,
                title=citation.chunk.title,
            ),
            marker=citation.marker,
            quote=citation.quote,
            quote_start=citation.quote_start,
            quote_end=citation.quote_end,
            page=citation.page,
            document_id=citation.chunk.document_id,
            chunk_id=citation.chunk.id,
            supported=citation.supported,
        )
        for citation in citations
    )


def _provenance(answer: Answer, warnings: tuple[str, ...]) -> Provenance:
    return Provenance(
        answer_id=answer.id,
        abstained=answer.abstained,
        groundedness=answer.groundedness,
        degraded=None if answer.degraded is None else answer.degraded.value,
        cache=answer.cache,
        collection=answer.collection,
        snapshot=answer.snapshot_id,
        release=answer.release,
        passages=len(answer.passages),
        warnings=warnings,
    )
