"""Rows of training data in JSON Lines files; every complaint names the file and the line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeVar, cast

from eval.jsonl import Record, read_records
from finetune.data.rows import (
    ExampleKind,
    JudgedAnswer,
    PreferencePair,
    RankedAnswers,
    Row,
    TrainingExample,
    row_line,
)
from ingest.errors import CasesError, TrainingDataError
from ingest.snapshots.durable import replace_text
from service.generate import Message
from service.prompt import PROMPT_ID

Role = Literal["system", "user", "assistant"]
_ROLES: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant"}
AnyRow = TypeVar("AnyRow", TrainingExample, PreferencePair, JudgedAnswer, RankedAnswers)


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write ``path`` as JSON Lines, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_text(path, "".join(row_line(row) + "\n" for row in rows))


def read_examples(path: Path) -> tuple[TrainingExample, ...]:
    """Read examples.

    Raises:
        TrainingDataError: a line has another form, or was rendered with another prompt, or there is none.
    """
    return _read(path, _example)


def read_pairs(path: Path) -> tuple[PreferencePair, ...]:
    """Read preference pairs; the same errors as ``read_examples``."""
    return _read(path, _pair)


def read_judged(path: Path) -> tuple[JudgedAnswer, ...]:
    """Read judged answers; the same errors as ``read_examples``."""
    return _read(path, _judged)


def read_rankings(path: Path) -> tuple[RankedAnswers, ...]:
    """Read ranked answers; the same errors as ``read_examples``."""
    return _read(path, _ranking)


def row_of(record: Record) -> Row:
    """The row that a record states, of whatever kind and prompt.

    Raises:
        CasesError: it is of no kind, or a field is missing or wrong.
    """
    keys = record.values.keys()
    if "target" in keys:
        return _example(record)
    if "chosen" in keys:
        return _pair(record)
    if "ranks" in keys:
        return _ranking(record)
    if "good" in keys:
        return _judged(record)
    raise record.fail(
        "this is no row to train on: give what `troika finetune data build`, `import` or `mine` wrote."
    )


def _read(path: Path, convert: Callable[[Record], AnyRow]) -> tuple[AnyRow, ...]:
    rows: list[AnyRow] = []
    try:
        for record in read_records(path):
            row = convert(record)
            if row.prompt_id not in {PROMPT_ID, None}:
                raise record.fail(
                    f"rendered with the prompt {row.prompt_id}, but {PROMPT_ID} is served: "
                    "build the data again with `troika finetune data build`."
                )
            rows.append(row)
    except CasesError as error:
        raise TrainingDataError(str(error)) from error
    return tuple(rows)


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
        prompt_id=record.optional_text("prompt_id"),
        snapshot_id=record.optional_text("snapshot_id"),
        dataset_sha256=record.text("dataset_sha256"),
        answers=record.texts("answers"),
        documents=record.texts("documents"),
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
        prompt_id=record.optional_text("prompt_id"),
        dataset_sha256=record.text("dataset_sha256"),
    )


def _judged(record: Record) -> JudgedAnswer:
    return JudgedAnswer(
        id=record.text("id"),
        messages=_messages(record),
        answer=record.text("answer"),
        good=record.flag("good"),
        language=record.text("language"),
        prompt_id=record.optional_text("prompt_id"),
        dataset_sha256=record.text("dataset_sha256"),
    )


def _ranking(record: Record) -> RankedAnswers:
    answers = record.texts("answers")
    ranks = record.items("ranks")
    if len(answers) < 2 or len(ranks) != len(answers):
        raise record.fail(
            f"there are {len(answers)} answers and {len(ranks)} ranks: give two or more, and one for each."
        )
    if not all(isinstance(rank, int) and rank >= 0 for rank in ranks):
        raise record.fail("the ranks are not whole numbers from 0: number the answers, the best with 0.")
    numbers = cast("list[int]", ranks)
    if numbers != sorted(numbers) or numbers[0] == numbers[-1]:
        raise record.fail("the ranks fall, or are all the same: put the best answer first.")
    return RankedAnswers(
        id=record.text("id"),
        messages=_messages(record),
        answers=answers,
        ranks=tuple(numbers),
        language=record.text("language"),
        prompt_id=record.optional_text("prompt_id"),
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
