"""Embed through any server with an OpenAI-compatible ``/v1/embeddings`` (vLLM, TEI, a cloud)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import httpx
import numpy as np

from ingest.embed import EmbedderSpec, Matrix, TokenCounter, Vector
from ingest.errors import IncompatibleSnapshotError, ModelNotFoundError, SettingsError
from ingest.settings import EmbedderSettings

_TOKEN = re.compile(r"[A-Za-z]{1,3}|[^A-Za-z\s]")


class OpenAiEmbedder:
    """Vectors from a server. Tokens are estimated high, since the server keeps its tokenizer to itself."""

    def __init__(self, spec: EmbedderSpec, settings: EmbedderSettings) -> None:
        if settings.base_url is None:
            raise SettingsError(
                "embedder.backend is openai and embedder.base_url is not set: give the server's URL."
            )
        key = settings.api_key.get_secret_value() if settings.api_key else "none"
        self._spec = spec
        self._batch_size = settings.batch_size
        self._client = httpx.Client(
            base_url=settings.base_url.rstrip("/"), headers={"Authorization": f"Bearer {key}"}, timeout=60.0
        )
        self._tokens = _CautiousCounter()

    @property
    def spec(self) -> EmbedderSpec:
        return self._spec

    @property
    def tokens(self) -> TokenCounter:
        return self._tokens

    @property
    def special_tokens(self) -> int:
        return 4

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        """Unit vectors; shape (len(texts), dimension), float32."""
        rows = [
            self._request(
                [self._spec.passage_prefix + text for text in texts[start : start + self._batch_size]]
            )
            for start in range(0, len(texts), self._batch_size)
        ]
        return np.concatenate(rows) if rows else np.empty((0, self._spec.dimension), dtype=np.float32)

    def embed_query(self, text: str) -> Vector:
        """Unit vector of a question; shape (dimension,), float32."""
        return self._request([self._spec.query_prefix + text])[0]

    def _request(self, texts: list[str]) -> Matrix:
        try:
            response = self._client.post("/embeddings", json={"model": self._spec.model, "input": texts})
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise ModelNotFoundError(
                f"the embedding server gave no vectors ({error}): check embedder.base_url and embedder.model."
            ) from error
        vectors = _read_vectors(response)
        if vectors.shape != (len(texts), self._spec.dimension):
            raise IncompatibleSnapshotError(
                f"{self._spec.model} gave vectors of shape {vectors.shape} where ({len(texts)}, "
                f"{self._spec.dimension}) was expected: use the model that the collection was built with."
            )
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _read_vectors(response: httpx.Response) -> Matrix:
    try:
        data = sorted(response.json()["data"], key=lambda item: item["index"])
        return np.asarray([item["embedding"] for item in data], dtype=np.float32)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelNotFoundError(
            f"the embedding server's answer is not of the OpenAI form ({error!r}): check embedder.base_url."
        ) from error


class _CautiousCounter:
    """One token for each three letters of a word, each digit, each sign and each character beyond ASCII.

    Tokenizers of embedding models give fewer for prose of any language.
    """

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in _TOKEN.finditer(text)]

    def count(self, text: str) -> int:
        return len(_TOKEN.findall(text))

    def counts(self, texts: Sequence[str]) -> list[int]:
        return [self.count(text) for text in texts]

    def known_share(self, text: str) -> float:  # noqa: ARG002 - only the server knows what its model reads
        return 1.0
