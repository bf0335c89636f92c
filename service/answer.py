"""What the service gives back: passages, citations, the answer, and the events of its stream.

Offsets count Unicode code points. ``answer_start``/``answer_end`` lie in ``Answer.text``;
``quote_start``/``quote_end`` lie in the source document's text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ingest.document import Chunk


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk as the generator saw it, under the number that a citation names."""

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


class Degradation(StrEnum):
    """Why an answer was made in a simpler way than configured."""

    LANGUAGE = "generator_lacks_language"
    GENERATOR = "generator_unavailable"
    UNSUPPORTED = "generator_unsupported"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written by the generator; zero when it was not asked, or stopped before it told."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. ``groundedness`` is the share of its sentences that a quote supports."""

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
