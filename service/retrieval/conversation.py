"""What a follow-up means without the conversation before it.

"Do they have parking?" is answered only by who knows which hotel was spoken of. A generator that can
rewrites the follow-up into a standalone question; without one, the rare words of the last turns are carried
over. Either is searched beside the follow-up itself, so a change of subject is not lost.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ingest.words.terms import content_terms
from service.grounding.support import idf
from service.retrieval.question_writer import QuestionWriter

MAX_TURNS = 8
"""Older turns are not looked at."""

_CARRIED_WORDS = 8
_DECAY = 0.8
_RARE_SHARE = 0.1
_RARE_CHUNKS = 10
_NAME_WEIGHT = 2.0
_HAN = "\u3400-\u9fff"
_WORD = re.compile(rf"(?=([{_HAN}]{{2}}))|([^\W_{_HAN}]+(?:[-_.'][^\W_{_HAN}]+)*)")


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A follow-up as it is searched without its conversation. ``is_question`` tells that it reads as one."""

    text: str
    is_question: bool


class DocumentFrequency(Protocol):
    """Counts the chunks of a collection."""

    def __call__(self, term: str, groups: frozenset[str] | None, /) -> int:
        """How many hold ``term``; 0 where someone in ``groups`` may see none of them."""
        ...


class Conversation:
    """Makes the follow-ups of conversations about one collection stand alone."""

    def __init__(
        self, document_frequency: DocumentFrequency, chunk_count: int, writer: QuestionWriter | None
    ) -> None:
        self._document_frequency = document_frequency
        self._chunk_count = chunk_count
        self._writer = writer

    async def standalone(
        self, question: str, history: Sequence[str], language: str, groups: frozenset[str] | None = None
    ) -> FollowUp | None:
        """``question`` with what ``history``, the texts of earlier turns, oldest first, adds to it.

        None when it adds nothing. ``groups`` are those of the asker, by default those of the settings.
        """
        turns = [turn for turn in history if turn.strip()][-MAX_TURNS:]
        if not turns:
            return None
        written = await self._writer.standalone(question, turns, language) if self._writer else None
        if written is not None:
            return None if written == question else FollowUp(written, is_question=True)
        carried = await asyncio.to_thread(self.carried_words, question, turns, groups)
        return FollowUp(f"{question} ({carried})", is_question=False) if carried else None

    def carried_words(self, question: str, turns: Sequence[str], groups: frozenset[str] | None = None) -> str:
        """The words of ``turns`` that tell most about what ``question`` is about, in the order of the turns.

        A word weighs idf(t) * 0.8^age, with age 0 for the last turn, and twice that when it opens with a
        capital letter, as names do. Numbers, words of the question, words of no chunk that someone in
        ``groups`` may see and words of more than a tenth of all chunks (but of ten at least) tell nothing.
        """
        weights: dict[str, float] = {}
        known = set(content_terms(question))
        for age, turn in enumerate(reversed(turns)):
            for word, term in _words(turn):
                if term not in known:
                    name_weight = _NAME_WEIGHT if word[0].isupper() else 1.0
                    weight = self._rarity(term, groups) * _DECAY**age * name_weight
                    weights[word] = max(weights.get(word, 0.0), weight)
        best = sorted((word for word in weights if weights[word] > 0), key=lambda word: -weights[word])
        return _joined(best[:_CARRIED_WORDS], turns)

    def _rarity(self, term: str, groups: frozenset[str] | None) -> float:
        frequency = self._document_frequency(term, groups)
        if not 0 < frequency <= max(_RARE_CHUNKS, _RARE_SHARE * self._chunk_count):
            return 0.0
        return idf(frequency, self._chunk_count)


def _words(text: str) -> list[tuple[str, str]]:
    """The words of ``text`` that carry meaning, with their terms; of Chinese text its pairs of characters."""
    found: list[tuple[str, str]] = []
    for match in _WORD.finditer(text):
        word = match[1] or match[2]
        term = max(content_terms(word), key=len, default="")
        if (match[1] and len(term) == 2) or (match[2] and term and not word.isdecimal()):
            found.append((word, term))
    return found


def _joined(words: Sequence[str], turns: Sequence[str]) -> str:
    """``words`` once each, as they follow each other in ``turns``; overlapping pairs grow together."""
    kept = set(words)
    joined: list[str] = []
    seen: set[str] = set()
    for turn in reversed(turns):
        end = -1
        for match in _WORD.finditer(turn):
            word = match[1] or match[2]
            if word not in kept or word in seen:
                continue
            seen.add(word)
            start = match.start()
            if start < end:
                joined[-1] += turn[end : start + len(word)]
            else:
                joined.append(word)
            end = start + len(word)
    return " ".join(joined)
