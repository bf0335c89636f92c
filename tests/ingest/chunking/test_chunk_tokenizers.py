"""Chunks hold what they promise with tokenizers of other kinds, which look across words and count bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from ingest.chunking.chunk import ChunkingSpec
from ingest.document import Document
from ingest.embed import PRESETS, EmbedderSpec, Matrix, TokenCounter, Vector
from ingest.embedders.openai_http import OpenAiEmbedder
from ingest.embedders.tokenizer import TokenizerCounter
from ingest.settings import ChunkingStrategy, EmbedderSettings
from tests.ingest.chunk_checks import check, documents, specs
from tests.small_handbook import CHINESE_TEXT, LORA_TEXT, small_handbook


class CountingOnly:
    """An embedder without a model."""

    special_tokens = 2

    def __init__(self, tokens: TokenCounter) -> None:
        self.spec: EmbedderSpec = replace(PRESETS["minilm"], passage_prefix="passage: ")
        self.tokens = tokens

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        raise AssertionError("nothing is embedded here")

    def embed_query(self, text: str) -> Vector:
        raise AssertionError("nothing is embedded here")


def pieces_of_bytes() -> TokenCounter:
    """A byte-level BPE tokenizer of 400 pieces: a rare character is up to four tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.decoder = decoders.ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)  # pyright: ignore[reportCallIssue]
    tokenizer.train_from_iterator([LORA_TEXT, CHINESE_TEXT], trainer)
    return TokenizerCounter(tokenizer)


def letters_of_a_server() -> TokenCounter:
    settings = EmbedderSettings(base_url="http://localhost:1")
    return OpenAiEmbedder(PRESETS["minilm"], settings).tokens


@pytest.fixture(scope="module", params=[pieces_of_bytes, letters_of_a_server])
def other_embedder(request: pytest.FixtureRequest) -> CountingOnly:
    return CountingOnly(request.param())


@pytest.mark.parametrize("strategy", ChunkingStrategy)
def test_chunks_of_a_handbook_fit(strategy: ChunkingStrategy, other_embedder: CountingOnly) -> None:
    spec = ChunkingSpec(96, 48, 16, strategy, window_sentences=1, parent_tokens=200)
    for document in small_handbook():
        assert check(document, other_embedder, spec)


@given(document=documents(), spec=st.sampled_from(list(ChunkingStrategy)).flatmap(specs))
def test_chunks_of_arbitrary_documents_fit(
    other_embedder: CountingOnly, document: Document, spec: ChunkingSpec
) -> None:
    check(document, other_embedder, spec)
