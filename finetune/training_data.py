"""The two kinds of training data, and their JSON Lines form.

An example carries the rendered messages, the answer to learn, and what it was made with, so that a
data set for another prompt can be refused before an hour is spent on it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal, TypeVar, cast

from eval.jsonl import Record, read_records
from ingest.errors import CasesError, TrainingDataError
from ingest.snapshots.durable import replace_text
from service.generate import Message
from service.prompt import PROMPT_ID

Role = Literal["system", "user", "assistant"]
_ROLES: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant"}
Row = TypeVar("Row", "TrainingExample", "PreferencePair")


class ExampleKind(StrEnum):
    """What an example teaches."""

    GOLD = "gold"
    """Answer from the passage that holds the answer, among distractors."""
    REFUSAL = "refusal"
    """Say that the sources don't tell: the answer is in none of them."""


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """A prompt, exactly as the server renders it, and the answer to learn.

    ``sources`` are the texts of its passages, in the order of their markers. ``snapshot_id`` names the
    index that they came from; None when they came with the question. ``dataset_sha256`` is of the
    questions file.
    """

    id: str
    messages: tuple[Message, ...]
    sources: tuple[str, ...]
    target: str
    kind: ExampleKind
    language: str
    prompt_id: str
    snapshot_id: str | None
    dataset_sha256: str


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """A prompt with a better and a worse answer. ``reason`` says what is wrong with the worse one."""

    id: str
    messages: tuple[Message, ...]
    chosen: str
    rejected: str
    reason: str
    language: str
    prompt_id: str
    dataset_sha256: str


def write_rows(path: Path, rows: Sequence[TrainingExample] | Sequence[PreferencePair]) -> None:
    """Write ``path`` as JSON Lines, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_text(path, "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows))


def read_examples(path: Path) -> tuple[TrainingExample, ...]:
    """Read what ``write_rows`` wrote.

    Raises:
        TrainingDataError: a line has another form, or was rendered with another prompt.
    """
    return tuple(_read(path, _example))


def read_pairs(path: Path) -> tuple[PreferencePair, ...]:
    """Read what ``write_rows`` wrote; the same errors as ``read_examples``."""
    return tuple(_read(path, _pair))


def rows_sha256(rows: Sequence[TrainingExample] | Sequence[PreferencePair]) -> str:
    """The identity of a data set: its rows, in their order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(asdict(row), ensure_ascii=False, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()


def _read(path: Path, convert: Callable[[Record], Row]) -> Iterator[Row]:
    try:
        for record in read_records(path):
            row = convert(record)
            if row.prompt_id != PROMPT_ID:
                raise record.fail(
                    f"rendered with the prompt {row.prompt_id}, but {PROMPT_ID} is served: "
                    "build the data again with `troika finetune data build`."
                )
            yield row
    except CasesError as error:
        raise TrainingDataError(str(error)) from error


def _example(record: Record) -> TrainingExample:
    kind = record.text("kind")
    if kind not in set(ExampleKind):
        raise record.fail(f"the kind is {kind!r}: it must be one of {', '.join(ExampleKind)}.")
    return TrainingExample(
        id=record.text("id"),
        messages=_messages(record),
        sources=record.texts("sources"),
        target=record.text("target"),
        kind=ExampleKind(kind),
        language=record.text("language"),
        prompt_id=record.text("prompt_id"),
        snapshot_id=record.optional_text("snapshot_id"),
        dataset_sha256=record.text("dataset_sha256"),
    )


def _pair(record: Record) -> PreferencePair:
    chosen, rejected = record.text("chosen"), record.text("rejected")
    if chosen == rejected:
        raise record.fail("the chosen and the rejected answer are the same: leave the pair out.")
    return PreferencePair(
        id=record.text("id"),
        messages=_messages(record),
        chosen=chosen,
        rejected=rejected,
        reason=record.text("reason"),
        language=record.text("language"),
        prompt_id=record.text("prompt_id"),
        dataset_sha256=record.text("dataset_sha256"),
    )


def _messages(record: Record) -> tuple[Message, ...]:
    value = record.values.get("messages")
    if not isinstance(value, list) or not value:
        raise record.fail("the field 'messages' is missing or empty: give a list of role and content.")
    messages: list[Message] = []
    for item in cast("list[object]", value):
        turn = cast("Mapping[str, object]", item if isinstance(item, dict) else {})
        role, content = turn.get("role"), turn.get("content")
        if not isinstance(role, str) or role not in _ROLES or not isinstance(content, str):
            raise record.fail("a message is not {role: system|user|assistant, content: text}: correct it.")
        messages.append(Message(_ROLES[role], content))
    if messages[-1].role != "user":
        raise record.fail(f"the last message is of the {messages[-1].role}: it must be of the user.")
    return tuple(messages)
