"""Embed through sentence-transformers: any of its models, on a GPU when there is one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from ingest.embed import EmbedderSpec, Matrix, TokenCounter, Vector
from ingest.embedders.model_files import local_model_directory
from ingest.embedders.tokenizer import TokenizerCounter
from ingest.errors import IncompatibleSnapshotError, ModelNotFoundError


class SentenceTransformerEmbedder:
    """A sentence-transformers model with the prefixes and the window of its specification."""

    def __init__(self, spec: EmbedderSpec, batch_size: int) -> None:
        self._spec = spec
        self._batch_size = batch_size
        self._model = cast("Any", _open(spec.model))
        self._model.max_seq_length = spec.window
        dimension = self._model.get_embedding_dimension()
        if dimension != spec.dimension:
            raise IncompatibleSnapshotError(
                f"{spec.model} gives vectors of {dimension} dimensions where {spec.dimension} are recorded: "
                "use the model that the collection was built with."
            )
        self._tokens = _counter(self._model.tokenizer)

    @property
    def spec(self) -> EmbedderSpec:
        return self._spec

    @property
    def tokens(self) -> TokenCounter:
        return self._tokens

    @property
    def special_tokens(self) -> int:
        return int(self._model.tokenizer.num_special_tokens_to_add(False))

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        """Unit vectors; shape (len(texts), dimension), float32."""
        return self._encode([self._spec.passage_prefix + text for text in texts])

    def embed_query(self, text: str) -> Vector:
        """Unit vector of a question; shape (dimension,), float32."""
        return self._encode([self._spec.query_prefix + text])[0]

    def _encode(self, texts: list[str]) -> Matrix:
        vectors = self._model.encode(
            texts, batch_size=self._batch_size, normalize_embeddings=True, show_progress_bar=False, prompt=""
        )
        return np.asarray(vectors, dtype=np.float32)


def _counter(tokenizer: Any) -> TokenizerCounter:
    """A counter over a copy of the model's fast tokenizer, whose own limits on length would cut."""
    copy = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    return TokenizerCounter(copy)


def _open(model: str) -> SentenceTransformer:
    if model.startswith("package:") or Path(model).exists():
        return SentenceTransformer(str(local_model_directory(model)))
    try:
        return SentenceTransformer(model)
    except OSError as error:
        raise ModelNotFoundError(
            f"the model {model!r} is neither a folder nor in the local hub cache: fetch it beforehand "
            f"(hf download {model}) or set embedder.model to its folder."
        ) from error
