"""The turns of a conversation as other projects write them, as messages.

A turn is ``{"role": …, "content": …}`` (OpenAI, TRL) or ``{"from": …, "value": …}`` (ShareGPT). Tools are
refused: the service has none, and a model that asks for one would wait for an answer that never comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, cast

from eval.jsonl import Record
from service.generate import Message

Role = Literal["system", "user", "assistant"]
_ROLES: dict[str, Role] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
}


def read_turns(record: Record, key: str) -> tuple[Message, ...]:
    """The turns of the list ``key``.

    Raises:
        CasesError: it is no such list, it is empty, or it uses tools.
    """
    _refuse_tools(record)
    turns = tuple(_turn(record, value, key) for value in record.items(key))
    if not turns:
        raise record.fail(f"the field {key!r} is missing or empty: give it at least one turn.")
    return turns


def read_answer(record: Record, key: str) -> str:
    """The answer under ``key``: a text, a turn of the assistant, or a list of this one turn.

    Raises:
        CasesError: it is empty, or something else.
    """
    return answer_of(record, record.values.get(key), key)


def answer_of(record: Record, value: object, key: str) -> str:
    """As ``read_answer``, of a ``value`` that stands somewhere in ``key``."""
    if isinstance(value, list):
        items = cast("list[object]", value)
        if len(items) != 1:
            raise record.fail(f"the field {key!r} holds {len(items)} turns: expected a single answer.")
        (value,) = items
    if isinstance(value, dict):
        turn = _turn(record, cast("object", value), key)
        if turn.role != "assistant":
            raise record.fail(f"the field {key!r} holds a turn of the {turn.role}: expected an answer.")
        return turn.content
    return Record(record.path, record.line, {key: value}).text(key)


def read_history(record: Record) -> tuple[Message, ...]:
    """The field ``system``, and the turns of ``history``: pairs of what was asked and what was answered."""
    system = record.optional_text("system")
    messages = [Message("system", system)] if system else []
    for value in record.items("history"):
        pair = Record(record.path, record.line, {"history": value}).texts("history")
        if len(pair) != 2:
            raise record.fail("a turn of 'history' is no pair of a question and its answer: write both.")
        messages += [Message("user", pair[0]), Message("assistant", pair[1])]
    return tuple(messages)


def checked_prompt(record: Record, messages: Sequence[Message]) -> tuple[Message, ...]:
    """``messages``, which must end with what the user says."""
    if not messages or messages[-1].role != "user":
        last = messages[-1].role if messages else "nobody"
        raise record.fail(f"the last turn before the answer is of {last}: it must be of the user.")
    return tuple(messages)


def answered_turns(record: Record, messages: Sequence[Message]) -> Iterator[tuple[tuple[Message, ...], str]]:
    """Every answer of the assistant, with the turns before it as its prompt.

    Raises:
        CasesError: there is none, or one that does not answer the user.
    """
    places = [place for place, message in enumerate(messages) if message.role == "assistant"]
    if not places:
        raise record.fail("no turn is of the assistant: there is no answer to learn.")
    for place in places:
        yield checked_prompt(record, messages[:place]), messages[place].content


def _turn(record: Record, value: object, key: str) -> Message:
    turn = record.within(value, f"a turn of {key!r}")
    _refuse_tools(turn)
    named = turn.optional_text("role") or turn.text("from")
    role = _ROLES.get(named)
    if role is None:
        raise turn.fail(
            f"a turn of {key!r} is of {named!r}: expected {', '.join(_ROLES)}; leave out rows that use tools."
        )
    return Message(role, turn.text("content" if "content" in turn.values else "value"))


def _refuse_tools(record: Record) -> None:
    used = next((key for key in ("tools", "tool_calls", "function_call") if record.values.get(key)), None)
    if used is not None:
        raise record.fail(
            f"the field {used!r} uses tools, which the service does not have: leave the row out."
        )
