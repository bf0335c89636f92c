from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from ingest.choices import EmbedderBackend
from ingest.embed import EmbedderSpec
from ingest.errors import InputTooLongError, UnsupportedParameterError
from service.openai_api.embedding import embed
from service.openai_api.embedding_schemas import EmbeddingRequest, Embeddings
from tests.ingest.crash.word_embedder import WordEmbedder

SPEC = EmbedderSpec(
    EmbedderBackend.OPENVINO, "words", 8, window=8, query_prefix="query: ", passage_prefix="passage: "
)
EMBEDDER = WordEmbedder(SPEC)


def embedded(text: Any, **parameters: Any) -> Embeddings:
    return embed(EmbeddingRequest.model_validate({"input": text} | parameters), EMBEDDER)


def vector_of(item: tuple[float, ...] | str) -> list[float]:
    assert not isinstance(item, str)
    return list(item)


def test_vectors_come_in_the_order_of_the_inputs_with_their_tokens() -> None:
    found = embedded(["one two", "three"])
    assert [item.index for item in found.data] == [0, 1]
    expected = EMBEDDER.embed_passages(["one two", "three"])
    assert np.array([vector_of(item.embedding) for item in found.data]) == pytest.approx(expected)
    # two words of each prefix ("passage" and ":") and two tokens that the model adds
    assert found.usage.prompt_tokens == found.usage.total_tokens == (2 + 2 + 2) + (1 + 2 + 2)
    assert found.model == "words"


def test_base64_holds_the_same_numbers() -> None:
    (item,) = embedded("one", encoding_format="base64").data
    assert isinstance(item.embedding, str)
    numbers = np.frombuffer(base64.b64decode(item.embedding), dtype="<f4")
    assert numbers == pytest.approx(EMBEDDER.embed_passages(["one"])[0])


def test_a_query_is_embedded_as_questions_are() -> None:
    (item,) = embedded("one", input_type="query").data
    assert vector_of(item.embedding) == pytest.approx(EMBEDDER.embed_query("one").tolist())


def test_a_text_that_does_not_fit_is_an_error() -> None:
    embedded("w " * 4)
    with pytest.raises(InputTooLongError, match=r"input 1 has 9 tokens"):
        embedded(["w", "w " * 5])


@pytest.mark.parametrize("tokens", [[1, 2], [[1], [2, 3]]])
def test_token_ids_are_refused(tokens: object) -> None:
    with pytest.raises(UnsupportedParameterError, match="token ids") as caught:
        embedded(tokens)
    assert caught.value.parameter == "input"


def test_only_the_embedders_own_dimensions_are_given() -> None:
    assert embedded("one", dimensions=8).data
    with pytest.raises(UnsupportedParameterError, match="gives 8"):
        embedded("one", dimensions=4)


@pytest.mark.parametrize("text", ["", [], [""], ["a", ""], None, {"a": 1}, ["a"] * 2049])
def test_an_input_is_text(text: object) -> None:
    with pytest.raises(ValidationError):
        embedded(text)
