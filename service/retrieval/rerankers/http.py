"""Rerank through a server: Cohere, Jina, vLLM and others with their ``/rerank``, and TEI with its own."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, cast

import httpx
import numpy as np
from numpy.typing import NDArray

from ingest.errors import RerankerError, SettingsError

_CONNECT_SECONDS = 2.0


class HttpReranker:
    """A reranking model behind ``base_url``/rerank."""

    def __init__(self, model: str, base_url: str, api_key: str | None, timeout_seconds: float) -> None:
        """
        Raises:
            SettingsError: ``base_url`` is not a URL.
        """
        self._model = model
        try:
            self._client = httpx.Client(
                base_url=base_url.rstrip("/"),
                headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
                timeout=httpx.Timeout(timeout_seconds, connect=_CONNECT_SECONDS),
            )
        except httpx.InvalidURL as error:
            raise SettingsError(
                f"rerank.base_url is {base_url!r} ({error}): expected something like http://host:8000/v1."
            ) from error

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """The server's scores; shape (len(passages),), float32.

        Raises:
            RerankerError: the server cannot be reached, refuses, or does not score every passage.
        """
        try:
            response = self._post({"documents": list(passages), "top_n": len(passages)}, query)
            if response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY:  # so TEI, which wants other names
                response = self._post({"texts": list(passages), "truncate": True}, query)
            response.raise_for_status()
            return _read_scores(response.json(), len(passages))
        except (httpx.HTTPError, ValueError, KeyError, TypeError, IndexError) as error:
            raise RerankerError(
                f"the reranker at {self._client.base_url} gave no scores ({error!r}): "
                "check rerank.base_url and rerank.model."
            ) from error

    def _post(self, passages: dict[str, Any], query: str) -> httpx.Response:
        return self._client.post("/rerank", json={"model": self._model, "query": query, **passages})


def _read_scores(body: Any, count: int) -> NDArray[np.float32]:
    """The scores in ``{"results": [{"index", "relevance_score"}]}`` or ``[{"index", "score"}]``."""
    results = cast("list[dict[str, Any]]", body if isinstance(body, list) else body["results"])
    scores = np.full(count, np.nan, dtype=np.float32)
    for result in results:
        index = int(result["index"])
        if not 0 <= index < count:
            raise ValueError(f"it scored passage {index} of {count}")
        scores[index] = result["relevance_score"] if "relevance_score" in result else result["score"]
    if not np.isfinite(scores).all():
        raise ValueError(f"it scored {np.isfinite(scores).sum()} of {count} passages")
    return scores
