"""Vectors of any texts, made as those of a collection are."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np

from ingest.embed import Embedder, Matrix
from ingest.errors import InputTooLongError, UnsupportedParameterError
from service.openai_api.embedding_schemas import (
    Embedding,
    EmbeddingRequest,
    Embeddings,
    EmbeddingUsage,
    EncodingFormat,
    InputType,
)


def embed(request: EmbeddingRequest, embedder: Embedder) -> Embeddings:
    """The vectors of ``request``; takes long.

    Raises:
        UnsupportedParameterError: the input is token ids, or other dimensions are wanted than there are.
        InputTooLongError: a text does not fit the embedder's window. It would be cut off without a word.
    """
    spec = embedder.spec
    if request.dimensions not in (None, spec.dimension):
        raise UnsupportedParameterError(
            f"dimensions is {request.dimensions}, and {spec.model} gives {spec.dimension}: leave it out.",
            "dimensions",
        )
    texts = _texts(request)
    tokens = _checked_tokens(texts, request.input_type, embedder)
    vectors = _vectors(texts, request.input_type, embedder)
    return Embeddings(
        data=tuple(
            Embedding(index=index, embedding=_written(vectors[index], request.encoding_format))
            for index in range(len(texts))
        ),
        model=spec.model,
        usage=EmbeddingUsage(prompt_tokens=tokens, total_tokens=tokens),
    )


def _texts(request: EmbeddingRequest) -> list[str]:
    if isinstance(request.input, str):
        return [request.input]
    texts = [text for text in request.input if isinstance(text, str)]
    if len(texts) < len(request.input):
        raise UnsupportedParameterError(
            "input is token ids, and every collection has a tokenizer of its own: send text "
            "(LangChain's OpenAIEmbeddings does with check_embedding_ctx_length=False).",
            "input",
        )
    return texts


def _checked_tokens(texts: Sequence[str], kind: InputType, embedder: Embedder) -> int:
    """The tokens of all ``texts``, each of which fits the window."""
    spec = embedder.spec
    prefix = spec.query_prefix if kind is InputType.QUERY else spec.passage_prefix
    counts = [
        count + embedder.special_tokens for count in embedder.tokens.counts([prefix + text for text in texts])
    ]
    for number, count in enumerate(counts):
        if count > spec.window:
            raise InputTooLongError(
                f"input {number} has {count} tokens, and {spec.model} reads {spec.window} at most: cut it."
            )
    return sum(counts)


def _vectors(texts: Sequence[str], kind: InputType, embedder: Embedder) -> Matrix:
    if kind is InputType.QUERY:
        return np.stack([embedder.embed_query(text) for text in texts])
    return embedder.embed_passages(texts)


def _written(vector: Matrix, form: EncodingFormat) -> tuple[float, ...] | str:
    if form is EncodingFormat.BASE64:
        return base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode()
    return tuple(vector.tolist())
