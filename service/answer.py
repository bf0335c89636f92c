"""What the service gives back: passages, citations, the answer, and the events of its stream.

Offsets count Unicode code points. ``answer_start``/``answer_end`` lie in ``Answer.text``;
``quote_start``/``quote_end`` lie in the source document's text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ingest.document import Chunk, Hit


@dataclass(frozen=True, slots=True)
class Passage:
    """What the generator saw under the number that a citation names.

    ``chunk`` is the chunk that was found, under its id, widened by what stands around it: its text and span
    may be those of several chunks, and its text is always the document's text at its span.
    """

    marker: int
    chunk: Chunk
    score: float


@dataclass(frozen=True, slots=True)
class Citation:
    """A sentence of the answer with the exact words of the source that bear it out."""

    marker: int
    chunk: Chunk
    answer_start: int
    answer_end: int
    quote: str
    quote_start: int
    quote_end: int
    page: int | None
    supported: bool


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the answer and what its sources say of it.

    ``score`` is how far the best of its quotes bears it out, 0 to 1; ``supported`` whether that is enough.
    ``markers`` are those that it cites, as it was written.
    """

    start: int
    end: int
    supported: bool
    score: float
    markers: tuple[int, ...]


class Degradation(StrEnum):
    """Why an answer was made in a simpler way than configured."""

    LANGUAGE = "generator_lacks_language"
    GENERATOR = "generator_unavailable"
    UNSUPPORTED = "generator_unsupported"


class Reranking(StrEnum):
    """What the reranker did: ordered the best hits anew, was not needed, or could not be reached."""

    APPLIED = "applied"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits of a search, best first, with the snapshot they come from.

    ``queries`` are all texts that were searched for, the question itself first; ``standalone_question`` is
    the one among them that says what a follow-up leaves to the conversation. ``reranking`` is None where no
    reranker is configured.
    """

    query: str
    snapshot_id: str
    hits: tuple[Hit, ...]
    timings_ms: Mapping[str, float]
    queries: tuple[str, ...] = ()
    standalone_question: str | None = None
    reranking: Reranking | None = None


class Served(StrEnum):
    """What an answer that was not made anew is: one to the same question, to one that means the same, or a
    curated one."""

    EXACT = "exact"
    SEMANTIC = "semantic"
    FAQ = "faq"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written by the generator; zero when it was not asked, or stopped before it told.

    ``truncated``: the limit of tokens cut its text off.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. ``groundedness`` is the share of its sentences that a quote supports.

    ``standalone_question``, ``queries`` and ``reranking`` tell how its passages were found; see
    ``SearchResult``. ``cache`` is None for an answer that was made anew; ``matched_question`` is the other
    question that a kept or curated answer was given to. ``asker`` is who asked, where askers are told apart.
    ``answerability`` is the chance that the passages hold the answer, where it was fitted for the collection;
    ``suspicious`` are the markers of passages with instructions to a model in them.
    """

    id: str
    question: str
    text: str
    language: str
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    abstained: bool
    groundedness: float
    evidence: float
    invented_markers: int
    degraded: Degradation | None
    generator: str
    prompt_id: str
    release: str
    collection: str
    snapshot_id: str
    timings_ms: Mapping[str, float]
    usage: Usage
    created_at: str
    standalone_question: str | None = None
    queries: tuple[str, ...] = ()
    reranking: Reranking | None = None
    cache: Served | None = None
    matched_question: str | None = None
    asker: str | None = None
    sentences: tuple[Sentence, ...] = ()
    answerability: float | None = None
    suspicious: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Retrieved:
    """First event of a stream: the passages that the answer will be made from."""

    answer_id: str
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Delta:
    """A further piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation, checked against its source."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class Finished:
    """Last event of a stream: the whole answer."""

    answer: Answer


AnswerEvent = Retrieved | Delta | Cited | Finished
