"""What a model is trained on, as far as evaluation cases could be found in it again.

Beside every form of ``eval.cases.read``, rows of chats are read: ``messages`` or ``prompt`` as a list of
``role, content`` (TRL), ``conversations`` of ``from, value`` (ShareGPT), ``prompt`` as a text, and
``instruction, input`` (Alpaca); ``question``, ``sources`` and ``contexts`` beside them are looked at, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eval.cases.case import Case
from eval.cases.forms.queries import queries_of
from eval.cases.read import Form, form_of
from eval.cases.rows import read_rows
from eval.jsonl import Record

_CHAT = frozenset({"messages", "conversations", "prompt", "instruction"})
_READERS = frozenset({"user", "human", "system"})
_LABEL = re.compile(r"^.{0,20}?(?:question|query|问题|提问)\s*[:：]\s*", re.IGNORECASE)
_ASKS = re.compile(r"[?？]\W*$")
_LONGEST_QUESTION = 400


@dataclass(frozen=True, slots=True)
class TrainingText:
    """A row: ``place`` is its file and line; ``documents`` are named as cases name them, where that is known.

    ``questions`` are all texts in it that may be one.
    """

    place: str
    questions: tuple[str, ...]
    passages: tuple[str, ...]
    documents: tuple[str, ...] = ()


def read_training(path: Path) -> Iterator[TrainingText]:
    """Yield the rows of a file or a folder; those of another fold than ``train`` are left out.

    Raises:
        CasesError: a row has none of the documented forms.
    """
    if path.is_dir():
        path = queries_of(path)
    form: Form | None = None
    for record in read_rows(path):
        if record.values.get("fold") not in (None, "train"):
            continue
        if _CHAT & record.values.keys():
            yield chat_text(record)
            continue
        form = form or form_of(record)
        for case in form(record):
            yield case_text(case, _place(record))


def case_text(case: Case, place: str) -> TrainingText:
    """A case that a model is trained on, from the row at ``place``."""
    evidence = (place.evidence for place in case.relevant if place.evidence)
    return TrainingText(
        place,
        (case.question,),
        (*(passage.text for passage in case.passages), *evidence),
        case.documents,
    )


def chat_text(record: Record) -> TrainingText:
    """A chat that a model is trained on.

    Raises:
        CasesError: a turn is no object of texts.
    """
    shown = tuple(_shown(record))
    lines = (line.strip() for text in shown for line in text.splitlines())
    stated = record.optional_text("question")
    asked = [*((stated,) if stated else ()), *(line for line in lines if _may_ask(line))]
    asked += [text for text in shown if len(text) <= _LONGEST_QUESTION]
    return TrainingText(
        _place(record),
        tuple(dict.fromkeys(_LABEL.sub("", text) for text in asked)),
        (*record.texts("sources"), *record.texts("contexts")) or shown,
    )


def _shown(record: Record) -> Iterator[str]:
    """What the model reads before it answers."""
    for key in ("instruction", "input", "prompt"):
        if isinstance(record.values.get(key), str):
            yield record.optional_text(key) or ""
    for key in ("messages", "conversations", "prompt"):
        turns = [] if isinstance(record.values.get(key), str) else record.items(key)
        for turn in turns:
            message = record.within(turn, f"a turn of {key!r}")
            role = message.optional_text("role") or message.text("from")
            if role in _READERS:
                yield message.optional_text("content") or message.optional_text("value") or ""


def _may_ask(line: str) -> bool:
    return len(line) <= _LONGEST_QUESTION and bool(_ASKS.search(line) or _LABEL.match(line))


def _place(record: Record) -> str:
    return f"{record.path}, line {record.line}"
