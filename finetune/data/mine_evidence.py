"""Where a reader's correction stands: in the passages that its answer was made from, elsewhere, or nowhere.

This tells who is to blame for a bad answer. A generator that was not given the right passage must not be
taught to answer without it: what it lacked is the retriever's to learn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Protocol

from ingest.document import Chunk
from ingest.words.sentences import sentence_spans
from service.answer import Passage
from service.grounding.support import Grounding, Quote

DEPTH = 10
BETTER_BY = 0.2
"""Of coverage, 0 to 1, before an unseen passage outdoes a seen one that bears the correction out, too; a
judgement, not a measurement."""


class Collection(Protocol):
    """What is used of a collection: its word statistics, and its search."""

    @property
    def grounding(self) -> Grounding: ...

    def search(self, query: str, k: int) -> Sequence[Chunk]: ...


class NoCollection:
    """Stands for a collection that is gone: all words weigh the same, and nothing is found."""

    grounding = Grounding(lambda _: 0, 0)

    def search(self, query: str, k: int) -> Sequence[Chunk]:  # noqa: ARG002
        """Nothing."""
        return ()


Collections = Callable[[str], Collection]
"""Gives a collection by its name."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What bears a claim out.

    Attributes:
        sentences: each sentence of the claim with the marker of the passage that bears it out; empty where
            not every sentence has one.
        unseen: a passage of the collection that the answer was not made from and that bears the claim out
            better; None where there is none.
    """

    sentences: tuple[tuple[str, int], ...]
    unseen: Chunk | None

    @property
    def blames_retrieval(self) -> bool:
        """Whether the generator lacked what it needed."""
        return not self.sentences or self.unseen is not None


def find_evidence(claim: str, question: str, passages: Sequence[Passage], collection: Collection) -> Evidence:
    """Look for ``claim``, which answers ``question``, in the passages of its answer and beyond.

    A sentence is borne out as the service itself judges it when it answers (``service.grounding.support``).
    """
    sentences = [" ".join(claim[start:end].split()) for start, end in sentence_spans(claim)]
    chunks = {passage.chunk.id: passage for passage in passages}
    seen = _support(sentences, [passage.chunk for passage in passages], question, collection.grounding)
    found = collection.search(f"{question}\n{claim}", DEPTH)
    unseen = [chunk for chunk in found if not any(_overlap(chunk, p.chunk) for p in passages)]
    needed = _coverage(seen) + BETTER_BY if seen else 0.0
    best = _best(sentences, unseen, question, collection.grounding)
    return Evidence(
        sentences=tuple(
            (sentence, chunks[quote.chunk.id].marker)
            for sentence, quote in zip(sentences, seen or (), strict=bool(seen))
        ),
        unseen=best[1] if best is not None and best[0] >= needed else None,
    )


def _support(
    sentences: Sequence[str], chunks: Sequence[Chunk], question: str, grounding: Grounding
) -> list[Quote]:
    """The quotes that bear the sentences out; none at all where one sentence has none."""
    quotes = [grounding.best_quote(sentence, chunks, question) for sentence in sentences]
    supporting = [quote for quote in quotes if quote is not None and quote.supports]
    return supporting if len(supporting) == len(sentences) else []


def _best(
    sentences: Sequence[str], chunks: Iterable[Chunk], question: str, grounding: Grounding
) -> tuple[float, Chunk] | None:
    """The chunk that bears all sentences out by itself, and how far; None where no chunk does."""
    scored = [
        (_coverage(quotes), -rank, chunk)
        for rank, chunk in enumerate(chunks)
        if (quotes := _support(sentences, [chunk], question, grounding))
    ]
    if not scored:
        return None
    coverage, _, chunk = max(scored, key=lambda item: item[:2])
    return coverage, chunk


def _coverage(quotes: Iterable[Quote]) -> float:
    return fmean(quote.coverage for quote in quotes)


def _overlap(left: Chunk, right: Chunk) -> bool:
    return left.document_id == right.document_id and left.start < right.end and right.start < left.end
