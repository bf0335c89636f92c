"""What an answer takes: words to read, tokens of the generator, and their price."""

from __future__ import annotations

from dataclasses import dataclass

from eval.metrics.correctness import given_answer
from eval.metrics.normal_form import without_markers
from eval.runs.record import CaseRecord

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class TokenPrice:
    """The price of a million tokens read and of a million written, in one currency."""

    prompt: float
    completion: float


def answer_characters(record: CaseRecord) -> int:
    """Code points of the answer given, without its citation markers; 0 without one.

    Characters, because tokens of two generators are not the same, and words are no unit in Chinese.
    """
    answer = given_answer(record)
    return 0 if answer is None else len(without_markers(answer.text))


def prompt_tokens(record: CaseRecord) -> int:
    """Tokens that the generator read; 0 where it was not asked or the case failed."""
    return 0 if record.answer is None else record.answer.prompt_tokens


def completion_tokens(record: CaseRecord) -> int:
    """Tokens that the generator wrote; 0 where it was not asked or the case failed."""
    return 0 if record.answer is None else record.answer.completion_tokens


def cost(record: CaseRecord, price: TokenPrice) -> float:
    """tokens read · price / 10⁶ + tokens written · price / 10⁶, in the currency of the price."""
    read, written = prompt_tokens(record) * price.prompt, completion_tokens(record) * price.completion
    return (read + written) / _MILLION
