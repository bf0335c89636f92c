"""Preference pairs for DPO, from training examples and from what readers said of answers.

The rejected answers are the mistakes that a reader of cited answers is hurt by most: a citation of the
wrong source, a needless refusal, and an answer to what the sources don't tell.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterable, Sequence

from finetune.data.rows import ExampleKind, PreferencePair, TrainingExample
from service.history import StoredAnswer
from service.prompt import PROMPT_ID, render, template_for

WRONG_CITATION = "wrong_citation"
NEEDLESS_REFUSAL = "needless_refusal"
UNSUPPORTED_ANSWER = "unsupported_answer"
CORRECTED = "corrected_by_reader"

_MARKER = re.compile(r"\[(\d+)\]")
_FIRST_SENTENCE = re.compile(r"\s*(.+?[.!?。！？])(?:\s|$|(?<=[。！？]))", re.DOTALL)


def pairs_from_examples(examples: Sequence[TrainingExample], *, seed: int = 0) -> tuple[PreferencePair, ...]:
    """One pair for each example; the kinds of mistake alternate where both are possible."""
    chance = random.Random(seed)
    pairs: list[PreferencePair] = []
    for example in examples:
        rejected = _mistake(example, chance)
        if rejected is not None:
            reason, text = rejected
            pairs.append(_pair(example, text, reason))
    return tuple(pairs)


def pairs_from_feedback(answers: Iterable[StoredAnswer]) -> tuple[PreferencePair, ...]:
    """A pair for each answer that a reader corrected: the correction beats what was given.

    An answer given under another prompt than the present one is left out: it can't be rendered as it was.
    A correction without a citation takes over those of the answer.
    """
    pairs: list[PreferencePair] = []
    for stored in answers:
        answer = stored.answer
        correction = next((said.correction for said in reversed(stored.feedback) if said.correction), None)
        if correction is None or answer.prompt_id != PROMPT_ID or not answer.text.strip():
            continue
        chosen = _with_citation(correction, answer.text, template_for(answer.language).refusal)
        if chosen == answer.text:
            continue
        pairs.append(
            PreferencePair(
                id=f"feedback:{answer.id}",
                messages=render(answer.question, answer.passages, answer.language),
                chosen=chosen,
                rejected=answer.text,
                reason=CORRECTED,
                language=answer.language,
                prompt_id=PROMPT_ID,
                dataset_sha256=hashlib.sha256(f"{answer.id}\n{chosen}".encode()).hexdigest(),
            )
        )
    return tuple(pairs)


def _mistake(example: TrainingExample, chance: random.Random) -> tuple[str, str] | None:
    sources = dict(enumerate(example.sources, start=1))
    if example.kind is ExampleKind.REFUSAL:
        answers = [(n, sentence) for n, text in sources.items() if (sentence := _first_sentence(text))]
        if not answers:
            return None
        marker, sentence = chance.choice(answers)
        return UNSUPPORTED_ANSWER, f"{sentence} [{marker}]"
    cited = {int(marker) for marker in _MARKER.findall(example.target)}
    others = sorted(set(sources) - cited)
    if others and chance.random() < 0.5:
        return WRONG_CITATION, _MARKER.sub(f"[{chance.choice(others)}]", example.target)
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
    found = _FIRST_SENTENCE.match(text)
    return " ".join(found[1].split()) if found else None


def _with_citation(correction: str, given: str, refusal: str) -> str:
    if _MARKER.search(correction) or correction == refusal:
        return correction
    markers = dict.fromkeys(_MARKER.findall(given))
    return " ".join((correction, *(f"[{marker}]" for marker in markers)))
