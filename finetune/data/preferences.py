"""Preference pairs for DPO, from training examples.

The rejected answers are the mistakes that a reader of cited answers is hurt by most: a citation of the
wrong source, a needless refusal, and an answer to what the sources don't tell.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from finetune.data.rows import ExampleKind, PreferencePair, TrainingExample
from finetune.data.targets import SENTENCE_END
from service.grounding.cite import free_of_markers, markers_of
from service.prompt import template_for

WRONG_CITATION = "wrong_citation"
NEEDLESS_REFUSAL = "needless_refusal"
UNSUPPORTED_ANSWER = "unsupported_answer"

_MARKERS = re.compile(r"(?:\[\d+\])+")
_FIRST_SENTENCE = re.compile(rf"\s*(.+?{SENTENCE_END})(?:\s|$|(?<=[。！？]))", re.DOTALL)


def pairs_from_examples(examples: Sequence[TrainingExample], *, seed: int = 0) -> tuple[PreferencePair, ...]:
    """One pair for each example with passages; the kinds of mistake alternate where both are possible."""
    chance = random.Random(seed)
    pairs: list[PreferencePair] = []
    for example in examples:
        rejected = None if example.kind is ExampleKind.REPLAY else _mistake(example, chance)
        if rejected is not None:
            reason, text = rejected
            pairs.append(_pair(example, text, reason))
    return tuple(pairs)


def _mistake(example: TrainingExample, chance: random.Random) -> tuple[str, str] | None:
    sources = dict(enumerate(example.sources, start=1))
    if example.kind is ExampleKind.REFUSAL:
        answers = [(n, sentence) for n, text in sources.items() if (sentence := _first_sentence(text))]
        if not answers:
            return None
        marker, sentence = chance.choice(answers)
        return UNSUPPORTED_ANSWER, f"{sentence} [{marker}]"
    cited = set(markers_of(example.target))
    others = sorted(set(sources) - cited)
    if others and chance.random() < 0.5:
        return WRONG_CITATION, _MARKERS.sub(f"[{chance.choice(others)}]", example.target)
    return NEEDLESS_REFUSAL, template_for(example.language).refusal


def _pair(example: TrainingExample, rejected: str, reason: str) -> PreferencePair:
    return PreferencePair(
        id=f"{example.id}:{reason}",
        messages=example.messages,
        chosen=example.target,
        rejected=rejected,
        reason=reason,
        language=example.language,
        prompt_id=example.prompt_id,
        dataset_sha256=example.dataset_sha256,
    )


def _first_sentence(text: str) -> str | None:
    found = _FIRST_SENTENCE.match(free_of_markers(text))
    return " ".join(found[1].split()) if found else None
