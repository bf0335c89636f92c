"""From hits to the passages that the generator reads.

The best hits are taken, each at least as it was found, as far as the model's budget of tokens goes. What
repeats another is left out. Then each is widened while the budget lasts: to the section or the sentences
that its chunk was cut to stand for, to the whole of its table, and by its neighbours in the same section.
A widened passage is still one span of its document, so a quote from it is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ingest.document import BlockKind, Chunk, Document, Hit
from ingest.words.terms import content_terms
from service.answer import Passage

_SAME_WORDS = 0.9
"""Passages that share this part of their words say the same."""

_CANDIDATES = 4
"""Hits to choose from for each passage: some repeat others, and diversity needs a choice."""


class Documents(Protocol):
    """The documents of a snapshot."""

    def document(self, document_id: str) -> Document | None: ...

    def chunks_of(self, document_id: str) -> Sequence[Chunk]: ...


@dataclass(frozen=True, slots=True)
class ContextPolicy:
    """How much is read: the most passages, the most tokens of all together, ``neighbours`` on each side.

    ``diversity`` is the part that newness has beside the score in the choice of passages, 0 to 1. Passages
    whose scores are within ``same_score`` of each other, as a share, stand in an order that hangs on nothing
    but themselves, so that a server that has read them before for another question knows how a prompt begins.
    """

    passages: int
    tokens: int
    neighbours: int = 0
    diversity: float = 0.0
    same_score: float = 0.0


@dataclass(frozen=True, slots=True)
class Context:
    """The passages, best first, and the hits that they were made from; see ``ContextPolicy`` for ties."""

    passages: tuple[Passage, ...]
    hits: tuple[Hit, ...]


@dataclass(slots=True, eq=False)
class _Window:
    """A hit and the span of its document that is read in its place."""

    hit: Hit
    start: int
    end: int
    tokens: int

    def overlaps(self, document_id: str, start: int, end: int) -> bool:
        return self.hit.chunk.document_id == document_id and self.start < end and start < self.end


class ContextBuilder:
    """Chooses and widens the passages of one snapshot."""

    def __init__(
        self, documents: Documents, count_tokens: Callable[[str], int], policy: ContextPolicy
    ) -> None:
        self._documents = documents
        self._count_tokens = count_tokens
        self._policy = policy

    def candidates(self, passages: int | None = None) -> int:
        """How many hits ``build`` wants to choose from."""
        return _CANDIDATES * (passages or self._policy.passages)

    def build(self, hits: Sequence[Hit], passages: int | None = None) -> Context:
        """At most ``passages`` passages (the policy's number for None); the best hit always has its place."""
        assembly = _Assembly(self._documents, self._count_tokens, self._policy.tokens)
        assembly.admit(_by_newness(hits, self._policy.diversity), passages or self._policy.passages)
        assembly.widen_to_tables()
        for _ in range(self._policy.neighbours):
            assembly.widen_by_neighbours()
        hits = tuple(window.hit for window in assembly.windows)
        assembly.windows = _in_fixed_order(assembly.windows, self._policy.same_score)
        return Context(assembly.passages(), hits)


@dataclass(slots=True)
class _Assembly:
    """The passages of one question in the making; ``room`` is what is left of the budget, in tokens."""

    documents: Documents
    count_tokens: Callable[[str], int]
    room: int
    windows: list[_Window] = field(default_factory=list[_Window])
    _read: dict[str, tuple[Document | None, Sequence[Chunk]]] = field(
        default_factory=dict[str, tuple[Document | None, Sequence[Chunk]]]
    )

    def admit(self, hits: Iterator[Hit], limit: int) -> None:
        """Take hits until there are ``limit`` windows or the next one has no room."""
        for hit in hits:
            if len(self.windows) == limit:
                return
            chunk = hit.chunk
            twin = next(
                (w for w in self.windows if w.overlaps(chunk.document_id, chunk.start, chunk.end)), None
            )
            if twin is not None:
                self._widen(twin, chunk.start, chunk.end)
            elif not any(_likeness(hit, window.hit) >= _SAME_WORDS for window in self.windows):
                tokens = self._tokens(chunk)
                if self.windows and tokens > self.room:
                    return
                self.room -= tokens
                window = _Window(hit, chunk.start, chunk.end, tokens)
                self.windows.append(window)
                if chunk.parent_start is not None and chunk.parent_end is not None:
                    self._widen(window, chunk.parent_start, chunk.parent_end)

    def widen_to_tables(self) -> None:
        """Read a table whole instead of some of its rows."""
        for window in tuple(self.windows):
            if window.hit.chunk.kind is BlockKind.TABLE and window in self.windows:
                document, _ = self._document(window)
                for block in document.blocks if document is not None else ():
                    if block.kind is BlockKind.TABLE and block.start <= window.hit.chunk.start < block.end:
                        self._widen(window, block.start, block.end)

    def widen_by_neighbours(self) -> None:
        """Read one more chunk of the same section after each window, and one before it."""
        for window in tuple(self.windows):
            _, chunks = self._document(window)
            section = [c for c in chunks if c.heading_path == window.hit.chunk.heading_path]
            after = next((c for c in section if c.end > window.end), None)
            if after is not None and window in self.windows:
                self._widen(window, window.start, after.end)
            before = next((c for c in reversed(section) if c.start < window.start), None)
            if before is not None and window in self.windows:
                self._widen(window, before.start, window.end)

    def passages(self) -> tuple[Passage, ...]:
        """The windows under their markers."""
        return tuple(
            Passage(marker, self._chunk(window, window.start, window.end), window.hit.score)
            for marker, window in enumerate(self.windows, start=1)
        )

    def _widen(self, window: _Window, start: int, end: int) -> None:
        """Read ``[start, end)`` as well where ``window`` is read, if there is room for it.

        Windows that meet become one, in the place of the best of them.
        """
        document_id = window.hit.chunk.document_id
        met = [w for w in self.windows if w is window or w.overlaps(document_id, start, end)]
        start, end = min([start, *(w.start for w in met)]), max([end, *(w.end for w in met)])
        best, *absorbed = met
        tokens = self._tokens(self._chunk(best, start, end))
        more = tokens - sum(w.tokens for w in met)
        if more <= self.room:
            self.room -= more
            best.start, best.end, best.tokens = start, end, tokens
            self.windows = [w for w in self.windows if w not in absorbed]

    def _chunk(self, window: _Window, start: int, end: int) -> Chunk:
        """The chunk of ``window`` with the text and pages of ``[start, end)``."""
        chunk = window.hit.chunk
        document, _ = self._document(window) if (start, end) != (chunk.start, chunk.end) else (None, ())
        if document is None:
            return chunk
        text = document.text[start:end]
        return replace(
            chunk,
            text=text,
            start=start,
            end=end,
            page_start=document.page_at(start),
            page_end=document.page_at(end - 1),
            table_header="" if chunk.table_header in text else chunk.table_header,
        )

    def _document(self, window: _Window) -> tuple[Document | None, Sequence[Chunk]]:
        document_id = window.hit.chunk.document_id
        if document_id not in self._read:
            self._read[document_id] = (
                self.documents.document(document_id),
                self.documents.chunks_of(document_id),
            )
        return self._read[document_id]

    def _tokens(self, chunk: Chunk) -> int:
        parts = (chunk.headline, chunk.table_header, chunk.text)
        return self.count_tokens("\n".join(part for part in parts if part))


def _by_newness(hits: Sequence[Hit], diversity: float) -> Iterator[Hit]:
    """``hits`` by maximal marginal relevance (Carbonell & Goldstein 1998), from their words in common::

    (1 - diversity) * score(d) / best score - diversity * max over the chosen c of likeness(d, c)
    """
    if diversity == 0:
        yield from hits
        return
    best = max((hit.score for hit in hits), default=0.0) or 1.0
    left, chosen = list(hits), list[Hit]()
    while left:
        next_hit = max(
            left,
            key=lambda hit: (
                (1 - diversity) * hit.score / best
                - diversity * max((_likeness(hit, other) for other in chosen), default=0.0)
            ),
        )
        left.remove(next_hit)
        chosen.append(next_hit)
        yield next_hit


def _in_fixed_order(windows: Sequence[_Window], same_score: float) -> list[_Window]:
    """``windows`` with those that score much the same as the first of them by the ids of their chunks."""
    if same_score == 0:
        return list(windows)
    ordered, alike = list[_Window](), list[_Window]()
    for window in windows:
        if alike and abs(alike[0].hit.score - window.hit.score) > same_score * alike[0].hit.score:
            ordered += sorted(alike, key=lambda window: window.hit.chunk.id)
            alike = []
        alike.append(window)
    return ordered + sorted(alike, key=lambda window: window.hit.chunk.id)


def _likeness(hit: Hit, other: Hit) -> float:
    """The share of the words of both that they have in common (Jaccard), 0 to 1."""
    words, others = set(content_terms(hit.chunk.text)), set(content_terms(other.chunk.text))
    return len(words & others) / len(words | others) if words and others else 0.0
