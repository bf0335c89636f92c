"""From a question and its passages to the text of the answer, as much of it as may be shown.

generate -> drop invented markers -> show what is borne out -> else the sources' own sentences

A question in a language that the generator cannot write, or one asked while the generator fails before its
first sentence is whole, is answered with the sources' own sentences, and the answer says so. An answer in
JSON is shown whole or not at all: where the generator gives none that holds, it is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from ingest.errors import GeneratorError, GeneratorRefusedError
from service.answer import Degradation, Delta, Usage
from service.draft import Draft
from service.generate import Generator
from service.grounding.cite import MarkerFilter, answer_sentences
from service.grounding.json_answer import JsonClaims, with_known_markers
from service.grounding.sentence_gate import OpenGate, SentenceGate, SupportGate
from service.grounding.support import Grounding
from service.prompt import template_for
from service.write import ExtractiveWriter, Writer


class Generation:
    """Has answers written, and quotes where none can be."""

    def __init__(
        self,
        generator: Generator,
        writer: Writer,
        grounding: Grounding,
        *,
        max_sentences: int,
        withhold_unsupported: bool,
        is_trained: bool,
    ) -> None:
        """``is_trained``: the generator has an adapter that learned to answer in its sources' bare words."""
        self._generator = generator
        self._writer = writer
        self._fallback = ExtractiveWriter(grounding)
        self._grounding = grounding
        self._max_sentences = max_sentences
        self._withholds = withhold_unsupported
        self._is_trained = is_trained

    async def write(self, draft: Draft) -> AsyncGenerator[Delta]:
        """Yield what is shown of the answer as it is written into ``draft``, which says how it came about.

        Raises:
            GeneratorRefusedError: the schema is none that the generator can write by.
            EntailmentError: the model that judges entailment failed.
        """
        if draft.language not in self._generator.languages:
            draft.degraded = Degradation.LANGUAGE
        else:
            schema = draft.inquiry.json_schema
            try:
                written = (
                    self._write_with(self._writer, draft)
                    if schema is None
                    else self._write_json(draft, schema)
                )
                async with aclosing(written) as deltas:
                    async for delta in deltas:
                        yield delta
                if not draft.text:
                    draft.degraded = Degradation.UNSUPPORTED
            except GeneratorError as error:
                if schema is not None and isinstance(error, GeneratorRefusedError):
                    raise  # the schema is the asker's own
                draft.degraded = Degradation.GENERATOR
        if draft.inquiry.json_schema is None and (not draft.text or _was_cut_short(draft)):
            for delta in draft.emit("\n"):
                yield delta
            async with aclosing(self._write_with(self._fallback, draft)) as deltas:
                async for delta in deltas:
                    yield delta

    async def _write_with(self, writer: Writer, draft: Draft) -> AsyncGenerator[Delta]:
        markers = MarkerFilter(draft.markers)
        gate = self._gate(writer, draft)
        try:
            async with aclosing(_written(writer, draft)) as texts:
                async for text in texts:
                    for delta in draft.emit(await _fed(gate, markers.feed(text))):
                        yield delta
                    if gate.full:
                        return
            for delta in draft.emit(await _finished(gate, markers.finish())):
                yield delta
        finally:
            draft.invented += markers.invented

    async def _write_json(self, draft: Draft, schema: str) -> AsyncGenerator[Delta]:
        async with aclosing(_written(self._writer, draft)) as texts:
            written = "".join([text async for text in texts])
        read = with_known_markers(written, draft.markers)
        if read is None:
            return
        text, invented = read
        draft.invented += invented
        claims = JsonClaims(text, schema)
        if claims.say_nothing(draft.language):
            text = template_for(draft.language).refusal
        elif self._withholds and not await asyncio.to_thread(
            claims.are_borne_out, draft.citer(self._grounding), draft.entailment
        ):
            return
        for delta in draft.emit(text):
            yield delta

    def _gate(self, writer: Writer, draft: Draft) -> SentenceGate:
        if self._withholds and writer is self._writer:
            headlines = [passage.chunk.headline for passage in draft.judgement.sources]
            return SupportGate(
                draft.citer(self._grounding),
                headlines,
                draft.language,
                self._max_sentences,
                trained=self._is_trained,
                entailment=draft.entailment,
            )
        return OpenGate(draft.language, self._max_sentences)


async def _fed(gate: SentenceGate, text: str) -> str:
    """What ``gate`` shows of ``text``; a model that it asks does not hold up other answers meanwhile."""
    return await asyncio.to_thread(gate.feed, text) if gate.asks_model(text) else gate.feed(text)


async def _finished(gate: SentenceGate, text: str) -> str:
    """What ``gate`` shows of the last ``text``, behind which nothing comes, and of what it holds back."""
    if not gate.asks_model(None):
        return gate.feed(text) + gate.finish()
    return await asyncio.to_thread(lambda: gate.feed(text) + gate.finish())


def _was_cut_short(draft: Draft) -> bool:
    """Whether the generator broke off within its first sentence, which stands there now."""
    if draft.degraded is not Degradation.GENERATOR:
        return False
    return len(answer_sentences(f"{draft.text.rstrip()} X")) == 1


async def _written(writer: Writer, draft: Draft) -> AsyncGenerator[str]:
    """The text that ``writer`` writes, in pieces; who wrote and how many tokens is noted."""
    draft.writer = writer.name
    pieces = writer.write(draft.meant, draft.judgement.sources, draft.language, draft.inquiry.sampling)
    async with aclosing(pieces):
        async for piece in pieces:
            truncated = draft.usage.truncated or piece.truncated
            draft.usage = replace(draft.usage, truncated=truncated)
            if piece.completion_tokens is not None:
                draft.usage = Usage(piece.prompt_tokens or 0, piece.completion_tokens, truncated)
            yield piece.text
