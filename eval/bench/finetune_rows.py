"""Rows to train on, made up: prompts as the service renders them, around prose that says nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

from eval.answering.in_process import whole_chunk
from eval.bench.ingest_corpus import Prose
from eval.bench.peers.trl_task import Method
from service.answer import Passage
from service.prompt import PROMPT_ID, render

_PASSAGES = 3
_SPREAD = 0.25
_OTHER_TOKENS = 118  # that are no passage: instructions, headings, the question, the answer
_TOKENS_PER_WORD = 1.31  # of this prose, with the embedded model's vocabulary
_ANSWER_WORDS = 18


def write_rows(folder: Path, prose: Prose, rows: int, tokens: int, seed: int) -> dict[Method, Path]:
    """As many examples and as many pairs, in files as ``troika finetune data build`` writes them.

    A row is of about ``tokens`` tokens, up to a quarter more or less, as rows of real data differ too.
    """
    folder.mkdir(parents=True)
    chance = random.Random(seed)
    prompts = [
        _passages(prose, round(tokens * chance.uniform(1 - _SPREAD, 1 + _SPREAD))) for _ in range(rows)
    ]
    examples, pairs = folder / "sft.jsonl", folder / "dpo.jsonl"
    examples.write_text("".join(map(_line, _examples(prompts, prose))), "utf-8")
    pairs.write_text("".join(map(_line, _pairs(prompts, prose))), "utf-8")
    return {"sft": examples, "dpo": pairs}


def _passages(prose: Prose, tokens: int) -> list[Passage]:
    words = max(_PASSAGES, round((tokens - _OTHER_TOKENS) / _TOKENS_PER_WORD))
    texts = [prose.paragraph(words // _PASSAGES) for _ in range(_PASSAGES)]
    return [
        Passage(marker, whole_chunk("notes.md", "Notes", text, "en"), 0.0)
        for marker, text in enumerate(texts, start=1)
    ]


def _examples(prompts: list[list[Passage]], prose: Prose) -> Iterator[dict[str, object]]:
    for number, passages in enumerate(prompts):
        yield _row(number, passages) | {
            "sources": [passage.chunk.text for passage in passages],
            "target": f"{prose.paragraph(_ANSWER_WORDS)} [1]",
            "kind": "gold",
            "snapshot_id": None,
            "answers": [],
            "documents": [],
        }


def _pairs(prompts: list[list[Passage]], prose: Prose) -> Iterator[dict[str, object]]:
    for number, passages in enumerate(prompts):
        yield _row(number, passages) | {
            "chosen": f"{prose.paragraph(_ANSWER_WORDS)} [1]",
            "rejected": f"{prose.paragraph(_ANSWER_WORDS)} [2]",
            "reason": "made up",
        }


def _row(number: int, passages: list[Passage]) -> dict[str, object]:
    messages = render(f"What do note {number} and the others say?", passages, "en")
    return {
        "id": str(number),
        "messages": [{"role": message.role, "content": message.content} for message in messages],
        "language": "en",
        "prompt_id": PROMPT_ID,
        "dataset_sha256": "made up",
    }


def _line(row: dict[str, object]) -> str:
    return json.dumps(row) + "\n"
