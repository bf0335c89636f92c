"""The JSON of the HTTP interface, and of ``troika ask --json``; that of a search is in ``search_schemas``,
that of judgements in ``feedback_schemas``.

Every offset counts Unicode code points: ``answer_*`` in the answer's text, all others in the text of
the source document. JavaScript and Java count UTF-16 units and must convert.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StrictBool

from service.answer import Answer, Citation, Passage, Reranking, Sentence, Served

MAX_TURNS_SENT = 100


def _encodable(text: str) -> str:
    """JSON can escape half of a surrogate pair; no text that holds one could ever be sent back."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("expected Unicode text, found half of a surrogate pair") from error
    return text


Text = Annotated[str, AfterValidator(_encodable)]
CollectionField = Annotated[
    Text | None,
    Field(max_length=200, description="the collection to search; the server's default if left out"),
]
HistoryField = Annotated[
    tuple[Text, ...],
    Field(
        max_length=MAX_TURNS_SENT,
        description="the texts of the conversation's earlier turns, questions and answers, oldest first; "
        "what a follow-up leaves to them is put back before it is searched for",
        examples=[["What is LoRA?", "LoRA trains small matrices beside frozen weights."]],
    ),
]
FilterField = Annotated[
    dict[Text, JsonValue],
    Field(
        default_factory=dict[str, JsonValue],
        max_length=64,
        description="only what meets every condition is looked at: a key of the documents' metadata, or "
        "`uri`, `title`, `language`, `document_id`, `page`, with a value, a list of alternatives, or an "
        "object of `in`, `not`, `gte`, `gt`, `lte`, `lt` and `prefix`",
        examples=[{"language": ["en", "zh"], "year": {"gte": 2024}, "uri": {"prefix": "file:///handbook/"}}],
    ),
]


class RequestBody(BaseModel):
    """A request: closed to keys that it does not know."""

    model_config = ConfigDict(extra="forbid")


class ResponseBody(BaseModel):
    """A part of a response."""

    model_config = ConfigDict(frozen=True)


class QueryRequest(RequestBody):
    """A question."""

    question: Text = Field(description="in any language; answered in the same", examples=["What is LoRA?"])
    collection: CollectionField = None
    passages: Annotated[int, Field(strict=True, ge=1, le=50)] | None = Field(
        default=None, description="how many passages the answer is made from"
    )
    history: HistoryField = ()
    filter: FilterField
    release: Annotated[Text, Field(min_length=1, max_length=200)] | None = Field(
        default=None,
        description="what answers: an adapter's name, an alias, or `base`; what is served if left out",
    )
    cache: StrictBool = Field(default=True, description="false to have the answer made anew, and not kept")
    stream: StrictBool = Field(default=False, description="answer as Server-Sent Events")


class CitationBody(ResponseBody):
    """A claim of the answer, and the exact words of the source that bear it out."""

    marker: int
    uri: str
    title: str
    page: int | None
    quote: str
    quote_start: int
    quote_end: int
    answer_start: int
    answer_end: int
    chunk_id: str
    document_id: str
    supported: bool

    @classmethod
    def of(cls, citation: Citation) -> CitationBody:
        return cls(
            marker=citation.marker,
            uri=citation.chunk.uri,
            title=citation.chunk.title,
            page=citation.page,
            quote=citation.quote,
            quote_start=citation.quote_start,
            quote_end=citation.quote_end,
            answer_start=citation.answer_start,
            answer_end=citation.answer_end,
            chunk_id=citation.chunk.id,
            document_id=citation.chunk.document_id,
            supported=citation.supported,
        )


class PassageBody(ResponseBody):
    """A passage that the answer was made from, under the number that citations name."""

    marker: int
    chunk_id: str
    document_id: str
    uri: str
    title: str
    heading_path: tuple[str, ...]
    page: int | None
    start: int
    end: int
    text: str
    score: float

    @classmethod
    def of(cls, passage: Passage) -> PassageBody:
        chunk = passage.chunk
        return cls(
            marker=passage.marker,
            chunk_id=chunk.id,
            document_id=chunk.document_id,
            uri=chunk.uri,
            title=chunk.title,
            heading_path=chunk.heading_path,
            page=chunk.page_start,
            start=chunk.start,
            end=chunk.end,
            text=chunk.text,
            score=passage.score,
        )


class SentenceBody(ResponseBody):
    """A sentence of the answer, by its span in the answer's text."""

    start: int
    end: int
    supported: bool = Field(description="whether a quote bears it out")
    score: float = Field(description="how far the best of its quotes bears it out, 0 to 1")
    markers: tuple[int, ...]

    @classmethod
    def of(cls, sentence: Sentence) -> SentenceBody:
        return cls(
            start=sentence.start,
            end=sentence.end,
            supported=sentence.supported,
            score=sentence.score,
            markers=sentence.markers,
        )


class UsageBody(ResponseBody):
    """Tokens read and written by the generator."""

    prompt_tokens: int
    completion_tokens: int


class AnswerBody(ResponseBody):
    """A whole answer, with everything needed to check and to reproduce it."""

    id: str
    question: str
    text: str
    language: str
    citations: tuple[CitationBody, ...]
    passages: tuple[PassageBody, ...]
    abstained: bool = Field(description="true when the sources do not tell")
    groundedness: float = Field(description="share of the answer's sentences that a quote supports")
    evidence: float = Field(description="how strongly the best passages speak to the question, 0 to 1")
    invented_markers: int = Field(description="citations of the model that named no passage, dropped")
    degraded: str | None = Field(description="why the answer was made in a simpler way, if it was")
    generator: str
    prompt_id: str
    release: str
    collection: str
    snapshot_id: str
    timings_ms: dict[str, float]
    usage: UsageBody
    created_at: str
    standalone_question: str | None = Field(description="a follow-up with what its conversation adds to it")
    queries: tuple[str, ...] = Field(description="all texts that were searched for")
    reranking: Reranking | None = Field(description="what the reranker did; null when none is configured")
    cache: Served | None = Field(description="kept or curated answer that was given again; null if made anew")
    matched_question: str | None = Field(description="the other question that such an answer was given to")
    sentences: tuple[SentenceBody, ...] = Field(description="the answer's sentences, each checked")
    answerability: float | None = Field(
        description="chance that the passages hold the answer; null where it was not fitted"
    )
    suspicious: tuple[int, ...] = Field(
        description="markers of passages that hold instructions to a model; nobody follows them"
    )

    @classmethod
    def of(cls, answer: Answer) -> AnswerBody:
        return cls(
            id=answer.id,
            question=answer.question,
            text=answer.text,
            language=answer.language,
            citations=tuple(CitationBody.of(citation) for citation in answer.citations),
            passages=tuple(PassageBody.of(passage) for passage in answer.passages),
            abstained=answer.abstained,
            groundedness=answer.groundedness,
            evidence=answer.evidence,
            invented_markers=answer.invented_markers,
            degraded=None if answer.degraded is None else answer.degraded.value,
            generator=answer.generator,
            prompt_id=answer.prompt_id,
            release=answer.release,
            collection=answer.collection,
            snapshot_id=answer.snapshot_id,
            timings_ms=dict(answer.timings_ms),
            usage=UsageBody(
                prompt_tokens=answer.usage.prompt_tokens, completion_tokens=answer.usage.completion_tokens
            ),
            created_at=answer.created_at,
            standalone_question=answer.standalone_question,
            queries=answer.queries,
            reranking=answer.reranking,
            cache=answer.cache,
            matched_question=answer.matched_question,
            sentences=tuple(SentenceBody.of(sentence) for sentence in answer.sentences),
            answerability=answer.answerability,
            suspicious=answer.suspicious,
        )


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """``answer`` as ``POST /v1/query`` and ``troika ask --json`` give it."""
    return AnswerBody.of(answer).model_dump(mode="json")
