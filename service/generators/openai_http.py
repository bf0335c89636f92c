"""Any server with an OpenAI-compatible ``/v1/chat/completions``: vLLM, llama.cpp's server, a cloud."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from ingest.errors import GeneratorError, SettingsError
from service.generate import Message, Piece, Sampling

_CONNECT_SECONDS = 2.0
_DATA = "data:"
_DONE = "[DONE]"
_DETAIL_CHARACTERS = 300


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
        """
        Raises:
            SettingsError: ``base_url`` is not a URL.
        """
        self._model = model
        self._languages = languages
        try:
            self._client = httpx.AsyncClient(
                base_url=base_url.rstrip("/"),
                headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
                timeout=httpx.Timeout(timeout_seconds, connect=_CONNECT_SECONDS),
            )
        except httpx.InvalidURL as error:
            raise SettingsError(
                f"generator.base_url is {base_url!r} ({error}): expected something like http://host:8000/v1."
            ) from error

    @property
    def name(self) -> str:
        return self._model

    @property
    def languages(self) -> frozenset[str]:
        return self._languages

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece]:
        """Yield the answer as the server sends it; closing early closes the connection.

        Raises:
            GeneratorError: the server cannot be reached, refuses, or ends before the answer is whole.
        """
        whole = False
        try:
            request = self._client.stream("POST", "/chat/completions", json=self._payload(messages, sampling))
            async with request as response:
                if not response.is_success:
                    raise await _refused(response)
                async for line in response.aiter_lines():
                    event = _event(line)
                    whole = whole or event.is_last
                    if event.piece is not None:
                        yield event.piece
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise GeneratorError(
                f"the generator at {self._client.base_url} failed ({error!r}): check generator.base_url."
            ) from error
        if not whole:
            raise GeneratorError(
                f"the generator at {self._client.base_url} ended in the middle of its answer: check its log."
            )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _payload(self, messages: Sequence[Message], sampling: Sampling) -> dict[str, Any]:
        return {
            "model": self._model,
            "messages": [asdict(message) for message in messages],
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            "stream": True,
            "stream_options": {"include_usage": True},
        }


@dataclass(frozen=True, slots=True)
class _Event:
    """What a line of the stream says. ``is_last``: the model's own end, or that of the stream."""

    piece: Piece | None = None
    is_last: bool = False


async def _refused(response: httpx.Response) -> GeneratorError:
    detail = (await response.aread()).decode(errors="replace")[:_DETAIL_CHARACTERS]
    return GeneratorError(
        f"the generator answered {response.status_code} ({detail}): "
        "check generator.model and generator.api_key."
    )


def _event(line: str) -> _Event:
    if not line.startswith(_DATA):
        return _Event()
    body = line.removeprefix(_DATA).strip()
    if body == _DONE:
        return _Event(is_last=True)
    data: dict[str, Any] = json.loads(body)
    if data.get("error"):
        raise GeneratorError(f"the generator failed: {data['error']}.")
    choices: list[dict[str, Any]] = data.get("choices") or []
    choice = choices[0] if choices else {}
    delta: dict[str, Any] = choice.get("delta") or {}
    text: str = delta.get("content") or ""
    is_last = choice.get("finish_reason") is not None
    usage: dict[str, Any] | None = data.get("usage")
    if usage is not None:
        return _Event(Piece(text, int(usage["prompt_tokens"]), int(usage["completion_tokens"])), is_last)
    return _Event(Piece(text) if text else None, is_last)
