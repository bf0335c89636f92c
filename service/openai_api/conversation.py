"""From a chat request to an inquiry: what is asked, what was said before, and how it is to be answered.

What cannot be done is refused rather than passed over, but for two things: keys that only OpenAI has a use
for (``user``, ``store``, ``service_tier`` …), and system messages. The instructions are those that the checks
of an answer and the trained adapters count on, so a client's own are not read, and the answer says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from ingest.errors import UnsupportedParameterError
from ingest.filters.forms import read_filter
from ingest.settings import Settings
from service.access.caller import Caller
from service.openai_api.chat_schemas import ChatMessage, ChatRequest, JsonObjectFormat, JsonSchemaFormat
from service.openai_api.models import read_model_name
from service.question import Inquiry, SamplingWish, check_question
from service.schemas import MAX_TURNS_SENT

_MAX_SCHEMA_CHARACTERS = 10_000
_INSTRUCTIONS = ("system", "developer")
_TURNS = ("user", "assistant")

_HARMLESS: dict[str, tuple[object, ...]] = {
    "audio": (None,),
    "frequency_penalty": (None, 0),
    "function_call": (None, "none"),
    "functions": (None, []),
    "logit_bias": (None, {}),
    "logprobs": (None, False),
    "modalities": (None, ["text"]),
    "n": (None, 1),
    "prediction": (None,),
    "presence_penalty": (None, 0),
    "tool_choice": (None, "none", "auto"),
    "tools": (None, []),
    "top_logprobs": (None, 0),
    "web_search_options": (None,),
}
"""Parameters that would change the answer, each with the values by which it asks for nothing."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A chat request, read. ``release`` is None for what is served; ``warnings`` tell what was not read."""

    collection: str
    release: str | None
    inquiry: Inquiry
    warnings: tuple[str, ...]


def read_chat(request: ChatRequest, caller: Caller, settings: Settings) -> Asked:
    """What ``request`` asks for.

    Raises:
        UnsupportedParameterError: something that Troika does not do.
        UnknownModelError, EmptyQuestionError, QuestionTooLongError, FilterError: about its parts.
    """
    _check_supported(request)
    model = read_model_name(request.model)
    question, turns = _conversation(request.messages)
    has_instructions = any(message.role in _INSTRUCTIONS for message in request.messages)
    return Asked(
        collection=model.collection or request.collection or settings.collection,
        release=model.release,
        inquiry=Inquiry(
            check_question(question, settings.server.max_question_characters),
            passages=request.passages,
            history=_latest(turns),
            wanted=read_filter(request.filter),
            groups=caller.groups,
            asker=caller.name,
            sampling=_wish(request),
            cache=request.cache,
        ),
        warnings=("system_message_ignored",) if has_instructions else (),
    )


def _check_supported(request: ChatRequest) -> None:
    for name, value in (request.model_extra or {}).items():
        if name in _HARMLESS and value not in _HARMLESS[name]:
            raise UnsupportedParameterError(
                f"{name} is set, and it is not supported: answers are one text with citations; leave it out.",
                name,
            )


def _conversation(messages: Sequence[ChatMessage]) -> tuple[str, list[str]]:
    """The question, and the texts of the turns before it."""
    turns: list[tuple[str, str]] = []
    for number, message in enumerate(messages):
        place = f"messages.{number}"
        if message.role not in (*_INSTRUCTIONS, *_TURNS) or (message.model_extra or {}).get("tool_calls"):
            raise UnsupportedParameterError(
                f"{place} calls a tool or gives its result, and tools are not supported: "
                "send messages of user and assistant.",
                place,
            )
        if message.role in _TURNS:
            turns.append((message.role, _text_of(message, place)))
    if not turns or turns[-1][0] != "user":
        raise UnsupportedParameterError(
            "the last message is not the user's, and an answer that was begun is not written on: "
            "end with the user's question.",
            "messages",
        )
    return turns[-1][1], [text for _, text in turns[:-1] if text.strip()]


def _text_of(message: ChatMessage, place: str) -> str:
    content = message.content
    if content is None or isinstance(content, str):
        return content or ""
    for number, part in enumerate(content):
        if part.type != "text":
            raise UnsupportedParameterError(
                f"{place}.content.{number} is of the type {part.type[:40]!r}, and only text is read: "
                "send text.",
                f"{place}.content.{number}",
            )
    return "\n".join(part.text or "" for part in content)


def _latest(turns: Sequence[str]) -> tuple[str, ...]:
    """As many turns as ``POST /v1/query`` takes: the first, which tells conversations apart, and the last."""
    return (*turns[:1], *turns[1:][-(MAX_TURNS_SENT - 1) :])


def _wish(request: ChatRequest) -> SamplingWish | None:
    wish = SamplingWish(
        max_tokens=request.max_completion_tokens or request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        stop=(request.stop,) if isinstance(request.stop, str) else request.stop or (),
        seed=request.seed,
        json_schema=_schema(request),
    )
    return None if wish == SamplingWish() else wish


def _schema(request: ChatRequest) -> str | None:
    match request.response_format:
        case JsonSchemaFormat(json_schema=asked):
            schema = _as_json(asked.schema_)
        case JsonObjectFormat():
            schema = '{"type": "object"}'
        case _:
            return None
    if len(schema) > _MAX_SCHEMA_CHARACTERS:
        raise UnsupportedParameterError(
            f"the schema has {len(schema)} characters, and at most {_MAX_SCHEMA_CHARACTERS} are accepted: "
            "send a smaller one.",
            "response_format",
        )
    return schema


def _as_json(schema: Mapping[str, object]) -> str:
    """``schema`` as JSON that any reader takes: Python's own takes NaN and half a surrogate pair, too."""
    try:
        written = json.dumps(schema, sort_keys=True, allow_nan=False)
        msgspec.json.decode(written)
    except (ValueError, RecursionError):
        raise UnsupportedParameterError(
            "the schema holds what JSON cannot: NaN, Infinity, a number that is too large, half a surrogate "
            "pair or too many levels; send it without them.",
            "response_format",
        ) from None
    return written
