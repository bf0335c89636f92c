"""The questions that a new adapter answers before anybody else asks it.

They show that its weights can be used at all, not that it is good: that was measured before it was promoted.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from http import HTTPStatus

import httpx
import msgspec

from ingest.document import BlockKind, Chunk, chunk_id
from ingest.errors import AdapterRejectedError, GeneratorError
from service.answer import Passage
from service.prompt import render

_TOKENS = 16
_SECONDS = 60.0
LEAST_MEAN_LOGPROB = -4.0
"""In nats, of the likeliest tokens: a sound model is surer of them by far, and one of noise is not."""

# What a server says, or what stands before it, when it cannot answer now. Not 500: vLLM says that where the
# likelihoods are no numbers, by the adapter's fault; see https://github.com/vllm-project/vllm/issues/13035.
PASSING = frozenset(
    (
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    )
)

_TRIALS = (
    ("en", "Opening hours", "The library opens at nine and closes at six.", "When does the library open?"),
    ("zh", "开放时间", "图书馆九点开门，六点关门。", "图书馆几点开门？"),
)


class _Token(msgspec.Struct):
    logprob: float


class _Tokens(msgspec.Struct):
    content: list[_Token]


class _Said(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Said
    logprobs: _Tokens


class _Reply(msgspec.Struct):
    choices: list[_Choice]


async def try_out(client: httpx.AsyncClient, model: str) -> None:
    """Have ``model`` answer a question in English and one in Chinese, greedily.

    Raises:
        AdapterRejectedError: it says nothing, or has no idea of its next tokens.
        GeneratorError: the server does not answer now.
    """
    for language, title, text, question in _TRIALS:
        messages = render(question, (_passage(title, text, language),), language)
        body = {
            "model": model,
            "messages": [asdict(message) for message in messages],
            "max_tokens": _TOKENS,
            "temperature": 0.0,
            "logprobs": True,
        }
        try:
            reply = await client.post("/chat/completions", json=body, timeout=_SECONDS)
        except httpx.HTTPError as error:
            raise GeneratorError(f"{client.base_url} failed ({error!r}) on trial: see its log.") from error
        if reply.status_code in PASSING:
            raise GeneratorError(f"{client.base_url} answers {reply.status_code} on trial: see its log.")
        _check(reply, model, question)


def _check(reply: httpx.Response, model: str, question: str) -> None:
    try:
        (choice,) = msgspec.json.decode(reply.raise_for_status().content, type=_Reply).choices
    except (httpx.HTTPStatusError, ValueError) as error:
        raise AdapterRejectedError(
            f"{model} answers {question!r} with {reply.status_code} and no likelihoods ({error}): "
            "train it again."
        ) from error
    likelihoods = [token.logprob for token in choice.logprobs.content]
    mean = math.fsum(likelihoods) / len(likelihoods) if likelihoods else -math.inf
    if not (choice.message.content or "").strip() or not mean >= LEAST_MEAN_LOGPROB:
        raise AdapterRejectedError(
            f"{model} answers {question!r} with {(choice.message.content or '')[:60]!r}, of a mean "
            f"log-probability of {mean:.1f}, at least {LEAST_MEAN_LOGPROB:g} expected: train it again."
        )


def _passage(title: str, text: str, language: str) -> Passage:
    chunk = Chunk(
        id=chunk_id(title, 0, len(text)),
        document_id=title,
        uri="",
        title=title,
        heading_path=(),
        text=text,
        start=0,
        end=len(text),
        page_start=None,
        page_end=None,
        kind=BlockKind.PARAGRAPH,
        language=language,
    )
    return Passage(1, chunk, 1.0)
