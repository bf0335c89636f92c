"""The forms that rows come in, and the rows that they are.

- alpaca: ``instruction``, ``input``, ``output`` (a list of outputs is a ranking);
- sharegpt: ``conversations`` of ``from`` and ``value``;
- trl: ``messages``; or ``prompt``, a text or turns, with ``completion``, or ``chosen`` and ``rejected``; or
  these two as whole conversations that begin alike;
- ranking: ``prompt`` with ``ranking``.

Each may have ``system`` and ``history``, a list of pairs of what was asked and answered before.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from eval.jsonl import Record
from finetune.data.choices import ImportForm
from finetune.data.imports.grounded import is_grounded
from finetune.data.imports.labelled import Source, is_judged, is_pair
from finetune.data.imports.turns import (
    answered_turns,
    checked_prompt,
    read_answer,
    read_history,
    read_turns,
)
from finetune.data.rows import Row
from service.generate import Message


def form_of(first: Record) -> ImportForm | None:
    """The form of a file whose first row is ``first``; None where no field tells."""
    keys = first.values.keys()
    if is_grounded(first):
        return ImportForm.GROUNDED
    if "ranking" in keys:
        return ImportForm.RANKING
    if "conversations" in keys:
        return ImportForm.SHAREGPT
    if "instruction" in keys:
        return ImportForm.ALPACA
    has_answer = not keys.isdisjoint({"completion", "chosen"})
    return ImportForm.TRL if "messages" in keys or has_answer else None


def alpaca_rows(record: Record, source: Source) -> Iterator[Row]:
    """The row of an instruction.

    Raises:
        CasesError: a field is missing or of another kind.
    """
    asked = "\n\n".join(
        part for part in (record.text("instruction"), record.optional_text("input")) if part is not None
    )
    prompt = (*read_history(record), Message("user", asked))
    if is_pair(record):
        yield source.pair(record, prompt)
    elif isinstance(record.values.get("output"), list):
        yield source.ranking(record, prompt, "output")
    elif is_judged(record):
        yield source.judged(record, prompt, record.text("output"))
    else:
        yield source.example(record, prompt, record.text("output"))


def sharegpt_rows(record: Record, source: Source) -> Iterator[Row]:
    """The rows of a conversation; the same errors as ``alpaca_rows``."""
    turns = (*read_history(record), *read_turns(record, "conversations"))
    yield from _conversation_rows(record, source, turns)


def trl_rows(record: Record, source: Source) -> Iterator[Row]:
    """The rows of TRL's data sets; the same errors as ``alpaca_rows``."""
    if "prompt" in record.values:
        prompt = _prompt(record)
        if is_pair(record):
            yield source.pair(record, prompt)
        elif is_judged(record):
            yield source.judged(record, prompt, read_answer(record, "completion"))
        else:
            yield source.example(record, prompt, read_answer(record, "completion"))
    elif "messages" in record.values:
        yield from _conversation_rows(record, source, read_turns(record, "messages"))
    else:
        yield _pair_of_conversations(record, source)


def ranking_rows(record: Record, source: Source) -> Iterator[Row]:
    """The row of a ranking; the same errors as ``alpaca_rows``."""
    yield source.ranking(record, _prompt(record), "ranking")


def _conversation_rows(record: Record, source: Source, turns: tuple[Message, ...]) -> Iterator[Row]:
    if is_pair(record):
        yield source.pair(record, checked_prompt(record, turns))
    elif is_judged(record):
        *_, (prompt, answer) = answered_turns(record, turns)
        yield source.judged(record, prompt, answer)
    else:
        for number, (prompt, answer) in enumerate(answered_turns(record, turns)):
            yield source.example(record, prompt, answer, number)


def _prompt(record: Record) -> tuple[Message, ...]:
    if isinstance(record.values.get("prompt"), list):
        return checked_prompt(record, read_turns(record, "prompt"))
    return (*read_history(record), Message("user", record.text("prompt")))


def _pair_of_conversations(record: Record, source: Source) -> Row:
    chosen, rejected = read_turns(record, "chosen"), read_turns(record, "rejected")
    alike = takewhile(lambda turns: turns[0] == turns[1], zip(chosen, rejected, strict=False))
    prompt = checked_prompt(record, [turn for turn, _ in alike])
    answers = {
        key: [{"role": turn.role, "content": turn.content} for turn in turns[len(prompt) :]]
        for key, turns in (("chosen", chosen), ("rejected", rejected))
    }
    return source.pair(Record(record.path, record.line, record.values | answers), prompt)
