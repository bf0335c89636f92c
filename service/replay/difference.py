"""What is different between two answers to the same question."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from ingest.words.language import HAN, HANGUL, KANA
from service.answer import Answer, Citation, Passage

SAME_SCORE = 1e-3
"""Scores from 0 to 1 that are no further apart are the same: an accelerator adds up in no fixed order."""

Change = Literal["same", "removed", "added"]


@dataclass(frozen=True, slots=True)
class TextPiece:
    """A stretch of both texts, of the old one alone, or of the new one alone."""

    change: Change
    text: str


@dataclass(frozen=True, slots=True)
class PassageChange:
    """Where a passage stood, by its marker, and with what score; None where it was not among them."""

    headline: str
    chunk_id: str
    marker_then: int | None
    marker_now: int | None
    score_then: float | None
    score_now: float | None

    @property
    def is_change(self) -> bool:
        """Whether its place or its score is another."""
        if self.score_then is None or self.score_now is None or self.marker_then != self.marker_now:
            return True
        return abs(self.score_then - self.score_now) > SAME_SCORE


@dataclass(frozen=True, slots=True)
class Difference:
    """An answer and what it was when it was made again; ``passages`` are those of either."""

    then: Answer
    now: Answer
    text: tuple[TextPiece, ...]
    lost_citations: tuple[Citation, ...]
    new_citations: tuple[Citation, ...]
    passages: tuple[PassageChange, ...]

    @property
    def equal(self) -> bool:
        """Whether a reader sees the same: text, citations, passages, and what is said of them."""
        return (
            self.then.text == self.now.text
            and not (self.lost_citations or self.new_citations)
            and not any(passage.is_change for passage in self.passages)
            and (self.then.abstained, self.then.degraded) == (self.now.abstained, self.now.degraded)
            and abs(self.then.groundedness - self.now.groundedness) <= SAME_SCORE
        )


def compare(then: Answer, now: Answer) -> Difference:
    """Hold ``now`` against ``then``."""
    old, new = map(_by_place, (then.citations, now.citations))
    return Difference(
        then=then,
        now=now,
        text=compare_texts(then.text, now.text),
        lost_citations=tuple(citation for place, citation in old.items() if place not in new),
        new_citations=tuple(citation for place, citation in new.items() if place not in old),
        passages=_compare_passages(then.passages, now.passages),
    )


def compare_texts(then: str, now: str) -> tuple[TextPiece, ...]:
    """Both texts in pieces: by words, and by characters where words are not set apart.

    The pieces that are not added make up ``then``, and those that are not removed ``now``.
    """
    old, new = _words(then), _words(now)
    pieces: list[TextPiece] = []
    for _, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        removed, added = "".join(old[start:end]), "".join(new[new_start:new_end])
        if removed == added:
            pieces.append(TextPiece("same", removed))
            continue
        if removed:
            pieces.append(TextPiece("removed", removed))
        if added:
            pieces.append(TextPiece("added", added))
    return tuple(pieces)


def _words(text: str) -> list[str]:
    single = f"{HAN}{KANA}{HANGUL}"
    return re.findall(rf"[{single}]|\s+|[^\s{single}]+", text)


def _by_place(citations: tuple[Citation, ...]) -> dict[Hashable, Citation]:
    return {
        (cited.marker, cited.chunk.document_id, cited.quote_start, cited.quote_end, cited.supported): cited
        for cited in citations
    }


def _compare_passages(then: tuple[Passage, ...], now: tuple[Passage, ...]) -> tuple[PassageChange, ...]:
    old, new = ({passage.chunk.id: passage for passage in passages} for passages in (then, now))
    return tuple(
        PassageChange(
            headline=found.chunk.headline,
            chunk_id=chunk_id,
            marker_then=old[chunk_id].marker if chunk_id in old else None,
            marker_now=new[chunk_id].marker if chunk_id in new else None,
            score_then=old[chunk_id].score if chunk_id in old else None,
            score_now=new[chunk_id].score if chunk_id in new else None,
        )
        for chunk_id, found in (old | new).items()
    )
