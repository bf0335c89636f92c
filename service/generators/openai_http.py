"""Any server with an OpenAI-compatible ``/v1/chat/completions``: vLLM, llama.cpp's server, a cloud."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Any

import httpx

from ingest.errors import GeneratorError
from service.generate import Message, Piece, Sampling

_DATA = "data:"
_DONE = "[DONE]"


class OpenAiGenerator:
    """A model behind a URL, streamed."""

    def __init__(
        self,
        model: str,
        base_url: str,
        api_key: str | None,
        languages: frozenset[str],
        timeout_seconds: float,
    ) -> None:
        self._model = model
        self._languages = languages
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.AsyncClient(
            base_url=base_url.rstrip("/"),
            headers=headers,
            timeout=httpx.Timeout(timeout_seconds, connect=2.0),
        )

    @property
    def name(self) -> str:
        return self._model

    @property
    def languages(self) -> frozenset[str]:
        return self._languages

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncIterator[Piece]:
        """Yield the answer as the server sends it."""
        payload = {
            "model": self._model,
            "messages": [asdict(message) for message in messages],
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        try:
            async with self._client.stream("POST", "/chat/completions", json=payload) as response:
                if response.is_error:
                    detail = (await response.aread()).decode(errors="replace")[:300]
                    raise GeneratorError(
                        f"the generator answered {response.status_code} ({detail}): check its model."
                    )
                async for line in response.aiter_lines():
                    piece = _piece(line)
                    if piece is not None:
                        yield piece
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise GeneratorError(
                f"the generator at {self._client.base_url} failed ({error!r}): check generator.base_url."
            ) from error

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _piece(line: str) -> Piece | None:
    if not line.startswith(_DATA):
        return None
    body = line.removeprefix(_DATA).strip()
    if body == _DONE:
        return None
    data: dict[str, Any] = json.loads(body)
    if "error" in data:
        raise GeneratorError(f"the generator failed: {data['error']}.")
    choices: list[dict[str, Any]] = data.get("choices") or []
    text = (choices[0].get("delta") or {}).get("content") or "" if choices else ""
    usage: dict[str, Any] | None = data.get("usage")
    if usage is not None:
        return Piece(text, int(usage["prompt_tokens"]), int(usage["completion_tokens"]))
    return Piece(text) if text else None
