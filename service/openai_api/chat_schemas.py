"""The JSON of ``POST /v1/chat/completions``, by OpenAI's API reference, with what Troika adds to it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictBool

from service.answer import Served
from service.schemas import CollectionField, FilterField, RequestBody, ResponseBody, Text

MAX_MESSAGES = 2000
_TokenLimit = Annotated[int, Field(strict=True, ge=1)] | None
_StopText = Annotated[Text, Field(min_length=1, max_length=200)]


class OpenRequestBody(BaseModel):
    """A request whose unknown keys are looked at one by one: clients send what only OpenAI has a use for."""

    model_config = ConfigDict(extra="allow")


class ContentPart(OpenRequestBody):
    """A part of a message; only text is read."""

    type: Text = Field(examples=["text"])
    text: Text | None = None


class ChatMessage(OpenRequestBody):
    """A turn of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Text | tuple[ContentPart, ...] | None = None


class StreamOptions(OpenRequestBody):
    """What a stream tells besides the answer."""

    include_usage: StrictBool = Field(
        default=False, description="a last chunk without choices counts the tokens"
    )


class JsonSchema(OpenRequestBody):
    """A schema under the name that the client gave it."""

    name: Text
    schema_: dict[Text, JsonValue] = Field(
        default_factory=lambda: {"type": "object"}, alias="schema", description="JSON Schema of the answer"
    )


class TextFormat(RequestBody):
    """An answer in prose."""

    type: Literal["text"]


class JsonObjectFormat(RequestBody):
    """An answer that is some JSON object."""

    type: Literal["json_object"]


class JsonSchemaFormat(RequestBody):
    """An answer in JSON of a schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchema


class ChatRequest(OpenRequestBody):
    """A conversation that ends with a question."""

    messages: tuple[ChatMessage, ...] = Field(
        min_length=1,
        max_length=MAX_MESSAGES,
        description="the last one is the user's question; system and developer messages are not read",
        examples=[[{"role": "user", "content": "What is LoRA?"}]],
    )
    model: Text = Field(
        default="troika", max_length=200, description="one of `GET /v1/models`, with `:COLLECTION` if wanted"
    )
    stream: StrictBool | None = Field(default=None, description="answer as Server-Sent Events")
    stream_options: StreamOptions | None = None
    max_tokens: _TokenLimit = Field(
        default=None, description="older name of `max_completion_tokens`, read where that one is left out"
    )
    max_completion_tokens: _TokenLimit = Field(
        default=None, description="the most tokens of the answer; never more than the server's own limit"
    )
    temperature: Annotated[float, Field(strict=True, ge=0, le=2)] | None = Field(
        default=None, description="0 takes the likeliest token"
    )
    top_p: Annotated[float, Field(strict=True, gt=0, le=1)] | None = Field(
        default=None, description="tokens are chosen among the likeliest that make up this probability"
    )
    seed: Annotated[int, Field(strict=True, ge=-(2**63), lt=2**63)] | None = None
    stop: _StopText | Annotated[tuple[_StopText, ...], Field(max_length=4)] | None = Field(
        default=None, description="texts before which the generator stops writing"
    )
    response_format: (
        Annotated[TextFormat | JsonObjectFormat | JsonSchemaFormat, Field(discriminator="type")] | None
    ) = None
    collection: CollectionField = None
    filter: FilterField
    passages: Annotated[int, Field(strict=True, ge=1, le=50)] | None = Field(
        default=None, description="how many passages the answer is made from"
    )
    cache: StrictBool = Field(default=True, description="false to have the answer made anew, and not kept")


class UrlCitation(ResponseBody):
    """Where in the content a source is cited; the span counts Unicode code points, the end is exclusive."""

    start_index: int
    end_index: int
    url: str
    title: str


class Annotation(ResponseBody):
    """A citation in OpenAI's form, and beside it the words of the source that bear the claim out."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation
    marker: int
    quote: str
    quote_start: int
    quote_end: int
    page: int | None
    document_id: str
    chunk_id: str
    supported: bool


class ChatUsage(ResponseBody):
    """Tokens read and written by the generator; zero when a kept answer was given again."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Provenance(ResponseBody):
    """What Troika tells of an answer besides; ``answer_id`` is what ``POST /v1/feedback`` asks for."""

    answer_id: str
    abstained: bool = Field(description="true when the sources do not tell")
    groundedness: float = Field(description="share of the answer's sentences that a quote supports")
    degraded: str | None = Field(description="why the answer was made in a simpler way, if it was")
    cache: Served | None = Field(description="kept or curated answer that was given again")
    collection: str
    snapshot: str
    release: str
    passages: int = Field(description="how many passages the answer was made from")
    warnings: tuple[str, ...] = Field(description="what of the request was not read, and why")


class AnswerMessage(ResponseBody):
    """The answer. Where JSON was asked for and none can be given, ``content`` is null and ``refusal`` set."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: str | None
    annotations: tuple[Annotation, ...]


FinishReason = Literal["stop", "length"]


class Choice(ResponseBody):
    """The only choice."""

    index: Literal[0] = 0
    message: AnswerMessage
    logprobs: None = None
    finish_reason: FinishReason = Field(description="`length` when the limit of tokens cut the answer off")


class ChatCompletion(ResponseBody):
    """A whole answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int = Field(description="seconds since 1970")
    model: str
    choices: tuple[Choice]
    usage: ChatUsage
    troika: Provenance


class ChunkChoice(ResponseBody):
    """A step of the only choice."""

    index: Literal[0] = 0
    delta: dict[str, Any]
    logprobs: None = None
    finish_reason: FinishReason | None = None


class ChatChunk(ResponseBody):
    """A step of a streamed answer; the one with the finish reason carries ``troika``."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: tuple[ChunkChoice, ...]
    usage: ChatUsage | None = None
    troika: Provenance | None = None
