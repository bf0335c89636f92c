"""The spans of an answer: its retrieval with the embedding of the question, then the writing.

They are the children of the span that FastAPI makes of the request. While the writing goes on its span is the
current one, so that a model server that is asked over HTTP is told whose work it does.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Coroutine, Iterable, Sequence
from contextlib import AbstractContextManager, aclosing

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, use_span

from ingest.embed import Embedder, EmbedderSpec, Matrix, TokenCounter, Vector
from service.answer import Answer, AnswerEvent, Finished, Retrieved, SearchResult
from service.observe import conventions as names
from service.observe.metrics import stage_seconds
from service.question import Inquiry


class Spans:
    """Makes spans of answers and searches; ``with_text`` puts questions into them."""

    def __init__(self, tracer: Tracer, provider: str, *, with_text: bool) -> None:
        self._tracer = tracer
        self._provider = provider
        self._with_text = with_text

    async def of_answer(
        self, events: AsyncGenerator[AnswerEvent], inquiry: Inquiry, collection: str, model: str
    ) -> AsyncGenerator[AnswerEvent]:
        """``events`` as they come, each made within the span that it belongs to; ``model`` is asked."""
        span = self._retrieval(inquiry, collection)
        async with aclosing(events):
            try:
                while True:
                    # Around each step alone: a context that is left in another task cannot be taken back.
                    with _current(span):
                        event = await anext(events, None)
                    if event is None:
                        return
                    if isinstance(event, Retrieved):
                        _tell_passages(span, ((p.chunk.id, p.score) for p in event.passages))
                        span.end()
                        span = self._tracer.start_span(names.CHAT, kind=SpanKind.CLIENT)
                    elif isinstance(event, Finished):
                        self._tell_answer(span, event.answer)
                        self._tell_model(span, event.answer, model)
                    yield event
            except Exception as error:
                _tell_error(span, error)
                raise
            finally:
                span.end()

    async def of_search(
        self, searching: Coroutine[None, None, SearchResult], inquiry: Inquiry, collection: str
    ) -> SearchResult:
        """What ``searching`` finds, within a span."""
        span = self._retrieval(inquiry, collection)
        try:
            with _current(span):
                result = await searching
            _tell_passages(span, ((hit.chunk.id, hit.score) for hit in result.hits))
            return result
        except Exception as error:
            _tell_error(span, error)
            raise
        finally:
            span.end()

    def around_embedder(self, embedder: Embedder) -> Embedder:
        """``embedder`` with a span for each question."""
        return _TracedEmbedder(embedder, self._tracer)

    def _retrieval(self, inquiry: Inquiry, collection: str) -> Span:
        span = self._tracer.start_span(
            f"{names.RETRIEVAL} {collection}",
            attributes={names.OPERATION: names.RETRIEVAL, names.DATA_SOURCE: collection},
        )
        if self._with_text:
            span.set_attribute(names.QUERY_TEXT, inquiry.question)
        return span

    def _tell_answer(self, span: Span, answer: Answer) -> None:
        span.set_attributes(
            {
                names.RESPONSE_ID: answer.id,
                names.RELEASE: answer.release,
                names.SNAPSHOT: answer.snapshot_id,
                names.ABSTAINED: answer.abstained,
                names.GROUNDEDNESS: answer.groundedness,
                names.SUSPICIOUS: len(answer.suspicious),
            }
        )
        if answer.degraded is not None:
            span.set_attribute(names.DEGRADED, answer.degraded.value)
        if answer.cache is not None:
            span.set_attribute(names.CACHE, answer.cache.value)

    def _tell_model(self, span: Span, answer: Answer, model: str) -> None:
        if not answer.usage.completion_tokens:
            span.update_name("answer")  # No model was asked.
            return
        span.update_name(f"{names.CHAT} {model}")
        seconds = stage_seconds(answer)
        span.set_attributes(
            {
                names.OPERATION: names.CHAT,
                names.PROVIDER: self._provider,
                names.MODEL: model,
                names.INPUT_TOKENS: answer.usage.prompt_tokens,
                names.OUTPUT_TOKENS: answer.usage.completion_tokens,
            }
        )
        if "first_token" in seconds:
            span.set_attribute(names.FIRST_CHUNK_SECONDS, seconds["first_token"] - seconds["retrieval"])


class _TracedEmbedder:
    """Stands in for the embedder behind it."""

    def __init__(self, behind: Embedder, tracer: Tracer) -> None:
        self._behind = behind
        self._tracer = tracer

    @property
    def spec(self) -> EmbedderSpec:
        return self._behind.spec

    @property
    def tokens(self) -> TokenCounter:
        return self._behind.tokens

    @property
    def special_tokens(self) -> int:
        return self._behind.special_tokens

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        return self._behind.embed_passages(texts)

    def embed_query(self, text: str) -> Vector:
        spec = self._behind.spec
        attributes = {
            names.OPERATION: names.EMBEDDINGS,
            names.PROVIDER: spec.backend.value,
            names.MODEL: spec.model,
            names.DIMENSIONS: spec.dimension,
        }
        span = self._tracer.start_span(f"{names.EMBEDDINGS} {spec.model}", attributes=attributes)
        try:
            return self._behind.embed_query(text)
        finally:
            span.end()


def _current(span: Span) -> AbstractContextManager[Span]:
    # An exception's text may quote what was asked: its class is told instead, see _tell_error.
    return use_span(span, record_exception=False, set_status_on_exception=False)


def _tell_passages(span: Span, scored: Iterable[tuple[str, float]]) -> None:
    if span.is_recording():
        documents = [{"id": chunk_id, "score": round(score, 4)} for chunk_id, score in scored]
        span.set_attribute(names.DOCUMENTS, json.dumps(documents))


def _tell_error(span: Span, error: Exception) -> None:
    span.set_attribute(names.ERROR, type(error).__qualname__)
    span.set_status(Status(StatusCode.ERROR))
