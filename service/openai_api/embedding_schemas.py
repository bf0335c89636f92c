"""The JSON of ``POST /v1/embeddings`` and ``GET /v1/models``, by OpenAI's API reference."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from service.openai_api.chat_schemas import OpenRequestBody
from service.schemas import CollectionField, ResponseBody, Text

MAX_INPUTS = 2048
_Input = Annotated[Text, Field(min_length=1)]
_Tokens = Annotated[tuple[int, ...], Field(min_length=1)]


class EncodingFormat(StrEnum):
    """How a vector is written: as numbers, or as base64 of little-endian float32."""

    FLOAT = "float"
    BASE64 = "base64"


class InputType(StrEnum):
    """What a text is: retrieval embedders read questions and passages in different ways."""

    QUERY = "query"
    PASSAGE = "passage"


class EmbeddingRequest(OpenRequestBody):
    """Texts to embed as a collection's own are."""

    input: (
        _Input
        | Annotated[tuple[_Input, ...], Field(min_length=1, max_length=MAX_INPUTS)]
        | _Tokens
        | Annotated[tuple[_Tokens, ...], Field(min_length=1)]
    ) = Field(description="texts; token ids are refused, because every collection has its own tokenizer")
    model: Text = Field(
        default="troika",
        max_length=200,
        description="`troika` for the default collection's embedder, `troika:COLLECTION` for another's",
    )
    encoding_format: EncodingFormat = EncodingFormat.FLOAT
    dimensions: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="nothing but the embedder's own number is accepted"
    )
    input_type: InputType = Field(
        default=InputType.PASSAGE, description="`query` for questions that are compared with passages"
    )
    collection: CollectionField = None


class Embedding(ResponseBody):
    """The unit vector of one input."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: tuple[float, ...] | str


class EmbeddingUsage(ResponseBody):
    """Tokens of all inputs, by the embedder's tokenizer and with those that it adds."""

    prompt_tokens: int
    total_tokens: int


class Embeddings(ResponseBody):
    """The vectors, in the order of the inputs."""

    object: Literal["list"] = "list"
    data: tuple[Embedding, ...]
    model: str = Field(description="the embedder, by its own name")
    usage: EmbeddingUsage


class Model(ResponseBody):
    """A name that ``model`` may have."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="seconds since 1970; 0 where nothing was recorded")
    owned_by: Literal["troika"] = "troika"


class Models(ResponseBody):
    """All names; each may be followed by ``:COLLECTION``."""

    object: Literal["list"] = "list"
    data: tuple[Model, ...]
