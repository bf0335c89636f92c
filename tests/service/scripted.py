"""Generators that say what a test tells them to, and passages to go with them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ingest.document import BlockKind, Chunk, chunk_id
from service.answer import Passage
from service.generate import Message, Piece, Sampling

ENGLISH = frozenset({"en"})


class ScriptedGenerator:
    """Says ``script`` piece by piece; an exception in it is raised at its place.

    ``asked`` holds the messages of every question, ``sampled`` how each was to be sampled; ``ended`` counts
    the streams that came to an end in any way; ``read`` counts the pieces that were taken.
    """

    def __init__(self, *script: str | Piece | Exception, languages: frozenset[str] = ENGLISH) -> None:
        self._script = script
        self._languages = languages
        self.asked: list[tuple[Message, ...]] = []
        self.sampled: list[Sampling] = []
        self.read = 0
        self.ended = 0
        self.closed = 0

    @property
    def name(self) -> str:
        return "scripted"

    @property
    def languages(self) -> frozenset[str]:
        return self._languages

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece]:
        self.asked.append(tuple(messages))
        self.sampled.append(sampling)
        try:
            for number, item in enumerate(self._script, start=1):
                await asyncio.sleep(0)
                if isinstance(item, Exception):
                    raise item
                self.read += 1
                said = item if isinstance(item, Piece) else Piece(item)
                yield replace(said, prompt_tokens=10, completion_tokens=number)
        finally:
            self.ended += 1

    async def aclose(self) -> None:
        self.closed += 1


class ScriptedEntailment:
    """Believes all but what holds one of the words ``doubted``.

    ``asked`` holds the pairs it judged, ``threads`` where it judged them.
    """

    def __init__(self, *doubted: str) -> None:
        self._doubted = doubted
        self.asked: list[tuple[str, str]] = []
        self.threads: set[int] = set()

    def probabilities(self, premises: Sequence[str], hypotheses: Sequence[str]) -> NDArray[np.float32]:
        self.threads.add(threading.get_ident())
        self.asked += zip(premises, hypotheses, strict=True)
        believed = [not any(word in claim for word in self._doubted) for claim in hypotheses]
        return np.array(believed, dtype=np.float32)


def chunk_of(text: str, *, title: str = "Guide", start: int = 0, language: str = "en") -> Chunk:
    """A chunk that stands at ``start`` in a document of its own."""
    return Chunk(
        id=chunk_id(title, start, start + len(text)),
        document_id=title,
        uri=f"file:///{title}",
        title=title,
        heading_path=(),
        text=text,
        start=start,
        end=start + len(text),
        page_start=None,
        page_end=None,
        kind=BlockKind.PARAGRAPH,
        language=language,
    )


def passages_of(*texts: str, language: str = "en") -> tuple[Passage, ...]:
    """One passage for each text, marked from 1, each from a document of its own, best first."""
    return tuple(
        Passage(marker, chunk_of(text, title=f"Guide {'ABCDEFG'[marker - 1]}", language=language), 1 / marker)
        for marker, text in enumerate(texts, start=1)
    )
