"""Any server with an OpenAI-compatible ``/v1/chat/completions``: vLLM, llama.cpp's server, a cloud."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, replace
from http import HTTPStatus
from typing import Annotated, Any

import httpx
import msgspec

from ingest.errors import GeneratorError, GeneratorRefusedError, SettingsError
from service.generate import Message, Piece, Sampling
from service.generators.openai_events import event_of, lines_of
from service.generators.silence import Listener, Taken
from service.observe.propagation import outgoing_headers

# Hundreds who ask at once keep the event loop from seeing for seconds that a connection is there.
_CONNECT_SECONDS = 5.0
# Every stream holds a connection of its own. Idle ones are closed before vLLM's server does it, after 5 s: a
# request sent at that moment would be lost.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=3.0)
_DETAIL_CHARACTERS = 300
# What a server says of the request; all else it says of itself.
_REFUSALS = frozenset(
    (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY)
)
# httpx and its parts raise RuntimeError for streams and clients that are closed, msgspec ValueError.
_FAILURES = (httpx.HTTPError, RuntimeError, ValueError)
_COUNTED_AT_THE_END = {"include_usage": True}
# A stream that is closed early, at the last sentence that is shown, never comes to the count at its end.
_COUNTED_ALONG = {**_COUNTED_AT_THE_END, "continuous_usage_stats": True}


class OpenAiGenerator:
    """A model behind a URL, streamed."""

    def __init__(
        self,
        model: str,
        base_url: str,
        api_key: str | None,
        languages: frozenset[str],
        timeout_seconds: float,
        silent_seconds: float | None = None,
    ) -> None:
        """A server that was heard from before is given up after ``silent_seconds`` without a byte.

        Raises:
            SettingsError: ``base_url`` is not a URL.
        """
        longest = timeout_seconds if silent_seconds is None else max(timeout_seconds, silent_seconds)
        self._listener = Listener(base_url, silent_seconds or longest, longest)
        self._model = model
        self._languages = languages
        self._first_tokens: dict[str, int] = {}
        self._counts_along = True
        try:
            self._client = httpx.AsyncClient(
                base_url=base_url.rstrip("/"),
                headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
                timeout=httpx.Timeout(timeout_seconds, connect=_CONNECT_SECONDS),
                limits=_LIMITS,
                # Reading the certificates takes 70 ms, which plain HTTP has no use for.
                verify=not base_url.startswith("http:"),
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

    @property
    def client(self) -> httpx.AsyncClient:
        """The connections to the server, for what else it is asked; closed with this generator."""
        return self._client

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece]:
        """Yield the answer as the server sends it; closing early closes the connection.

        Until the server tells how many tokens it wrote, the pieces that hold text stand for them.

        Raises:
            GeneratorRefusedError: the server is well, and will not answer this request.
            GeneratorError: it cannot be reached, fails, ends before the answer is whole, or writes on after
                the most tokens that were asked for.
        """
        payload = self._payload(messages, sampling)
        if sampling.less_likely:
            payload["logit_bias"] = await self._logit_bias(sampling.less_likely)
        whole, written, is_counted = False, 0, False
        with self._failing():
            async with self._asked(payload) as taken:
                if not taken.response.is_success:
                    raise await _refused(taken.response) from _status_error(taken.response)
                async for line in lines_of(taken.response):
                    self._listener.heard()
                    event = event_of(line)
                    whole = whole or event.is_last
                    if (piece := event.piece) is not None:
                        if piece.text and not written:
                            self._listener.wrote(taken)
                        written += bool(piece.text)
                        if written > sampling.max_tokens:
                            raise self._failed("wrote more than it was asked for")
                        is_counted = is_counted or piece.completion_tokens is not None
                        yield piece if is_counted else replace(piece, completion_tokens=written)
        if not whole:
            raise self._failed("ended in the middle of its answer")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    @asynccontextmanager
    async def _asked(self, payload: dict[str, Any]) -> AsyncGenerator[Taken]:
        """What the server says to ``payload``, once it is known whether it takes vLLM's own way to count."""
        if self._counts_along:
            counting = payload | {"stream_options": _COUNTED_ALONG}
            async with self._sent(counting) as taken:
                if taken.response.status_code not in _REFUSALS:
                    yield taken
                    return
        async with self._sent(payload) as taken:
            # What is refused without it, too, was not refused for its sake.
            self._counts_along = self._counts_along and not taken.response.is_success
            yield taken

    @asynccontextmanager
    async def _sent(self, payload: Mapping[str, Any]) -> AsyncGenerator[Taken]:
        headers = {"content-type": "application/json", **outgoing_headers()}
        with _sendable():
            body = msgspec.json.encode(payload)
        request = self._client.build_request("POST", "/chat/completions", content=body, headers=headers)
        taken = await self._listener.until_taken(self._client.send(request, stream=True))
        try:
            yield taken
        finally:
            await taken.response.aclose()

    @contextmanager
    def _failing(self) -> Generator[None]:
        """Around what the server does: whatever goes wrong there is its failure, and no request's."""
        try:
            yield
        except _FAILURES as error:
            raise self._failed(f"failed ({error!r})") from error

    def _failed(self, how: str) -> GeneratorError:
        return GeneratorError(
            f"the generator at {self._client.base_url} {how}: check its log and generator.base_url."
        )

    def _payload(self, messages: Sequence[Message], sampling: Sampling) -> dict[str, Any]:
        """
        Raises:
            GeneratorRefusedError: the schema is no JSON.
        """
        payload: dict[str, Any] = {
            "model": self._model,
            "messages": [asdict(message) for message in messages],
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            "stream": True,
            "stream_options": _COUNTED_AT_THE_END,
        }
        if sampling.top_p is not None:
            payload["top_p"] = sampling.top_p
        if sampling.stop:
            payload["stop"] = list(sampling.stop)
        if sampling.json_schema is not None:
            with _sendable():
                schema = msgspec.json.decode(sampling.json_schema)
            named = {"name": "answer", "schema": schema, "strict": True}
            payload["response_format"] = {"type": "json_schema", "json_schema": named}
        return payload

    async def _logit_bias(self, less_likely: Sequence[tuple[str, float]]) -> dict[str, float]:
        """OpenAI's ``logit_bias``, by the ids of the tokens that the server begins the texts with."""
        return {str(await self._first_token(text)): -logits for text, logits in less_likely}

    async def _first_token(self, text: str) -> int:
        if text not in self._first_tokens:
            with self._failing():
                self._first_tokens[text] = await self._tokenized(text)
        return self._first_tokens[text]

    async def _tokenized(self, text: str) -> int:
        response = await self._client.post(
            self._client.base_url.join("../tokenize"),
            json={"model": self._model, "prompt": text, "add_special_tokens": False},
        )
        if response.is_server_error or response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            raise await _refused(response) from _status_error(response)
        if not response.is_success:
            raise GeneratorRefusedError(
                f"the generator answered {response.status_code} when it was asked for tokens, which a "
                "refusal's bias needs: only vLLM tells them, so set answer.refusal_bias to 0."
            )
        return msgspec.json.decode(response.content, type=_Tokenized).tokens[0]


class _Tokenized(msgspec.Struct):
    tokens: Annotated[tuple[int, ...], msgspec.Meta(min_length=1)]


@contextmanager
def _sendable() -> Generator[None]:
    """Around what makes the request: no server is at fault for one that cannot be made."""
    try:
        yield
    except (ValueError, RecursionError) as error:
        raise GeneratorRefusedError(
            f"the request cannot be put into JSON ({error}): ask without what JSON does not hold, such as "
            "half a surrogate pair."
        ) from error


async def _refused(response: httpx.Response) -> GeneratorError:
    detail = (await response.aread()).decode(errors="replace")[:_DETAIL_CHARACTERS]
    message = (
        f"the generator answered {response.status_code} ({detail}): "
        "check generator.model and generator.api_key."
    )
    return GeneratorRefusedError(message) if response.status_code in _REFUSALS else GeneratorError(message)


def _status_error(response: httpx.Response) -> httpx.HTTPStatusError:
    """The cause of a refusal, from which a log tells the status without what the server said."""
    return httpx.HTTPStatusError(str(response.status_code), request=response.request, response=response)
