"""What a generator adds to a search: a follow-up made standalone, other wordings, a supposed answer.

All of it only helps to find passages, so a generator that fails or takes too long costs the help, not the
search.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from contextlib import aclosing

from ingest.errors import GeneratorError
from ingest.words.terms import content_terms
from service.generate import Generator, Message, Sampling
from service.observe.failures import told_of
from service.prompt import render_hypothetical, render_paraphrases, render_standalone

logger = logging.getLogger(__name__)

_SECONDS = 4.0
_QUESTION_TOKENS = 64
_PASSAGE_TOKENS = 128
_LONGEST_QUESTION = 400
_LIST_MARK = re.compile(r"^\s*(?:[-*•]|\d+[.)、])\s*")


class QuestionWriter:
    """Writes questions and supposed answers with a generator, at temperature 0."""

    def __init__(self, generator: Generator, seconds: float = _SECONDS) -> None:
        self._generator = generator
        self._seconds = seconds

    async def standalone(self, question: str, history: Sequence[str], language: str) -> str | None:
        """``question`` as one who has not read ``history`` would have to ask it; None without an answer."""
        written = await self._write(render_standalone(question, history, language), _QUESTION_TOKENS)
        return next(iter(_questions(written)), None)

    async def paraphrases(self, question: str, count: int, language: str) -> tuple[str, ...]:
        """At most ``count`` other wordings of ``question``."""
        messages = render_paraphrases(question, count, language)
        written = await self._write(messages, _QUESTION_TOKENS * count)
        others = dict.fromkeys(text for text in _questions(written) if text != question)
        return tuple(others)[:count]

    async def hypothetical(self, question: str, language: str) -> str | None:
        """A passage that could answer ``question``, right or wrong (HyDE: Gao et al. 2022)."""
        written = await self._write(render_hypothetical(question, language), _PASSAGE_TOKENS)
        return " ".join(written.split()) if content_terms(written) else None

    async def _write(self, messages: Sequence[Message], max_tokens: int) -> str:
        text = ""
        try:
            async with asyncio.timeout(self._seconds):
                async with aclosing(self._generator.stream(messages, Sampling(max_tokens))) as pieces:
                    async for piece in pieces:
                        text += piece.text
        except (GeneratorError, TimeoutError) as error:
            logger.warning("the question could not be rewritten: %s", told_of(error))
            return ""
        return text


def _questions(written: str) -> list[str]:
    """The lines of ``written`` that can be searched for, without list marks and quotation marks."""
    lines = (_LIST_MARK.sub("", line).strip(' \t"“”「」') for line in written.splitlines())
    return [line for line in lines if content_terms(line) and len(line) <= _LONGEST_QUESTION]
