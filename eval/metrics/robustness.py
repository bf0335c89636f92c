"""The four abilities of RGB (Chen et al. 2023, arXiv:2309.01431), read off the tags of the cases.

- noise robustness (``noise:0.4``: the share of passages without the answer): accuracy by level;
- negative rejection (``rejection``): the share refused where no passage holds the answer;
- information integration (``integration``): accuracy where several passages are needed;
- counterfactual robustness (``counterfactual``): the passages are altered. RGB counts as detected an
  answer that says so ("factual errors", 事实性错误), as its prompt asks for, and corrected a detected one
  that is right. Beside it stands what holds for any prompt: accuracy, and the share that gives the
  altered claim in place of the truth.

Accuracy is that of RGB: the answer holds a reference, or one for each part of the answer. A refusal or
failure is wrong. A case that is also tagged for another ability than noise counts towards that one alone.
"""

from __future__ import annotations

from enum import StrEnum

from eval.metrics.correctness import given_answer, says_answer
from eval.metrics.normal_form import without_markers
from eval.metrics.words import contains_answer
from eval.runs.record import CaseRecord

_NOISE = "noise:"
_ERROR_NAMED = ("factual error", "事实性错误", "事實性錯誤")


class Ability(StrEnum):
    """The tags of the abilities that are not graded by a level."""

    REJECTION = "rejection"
    INTEGRATION = "integration"
    COUNTERFACTUAL = "counterfactual"


def concerns(record: CaseRecord, ability: Ability) -> bool:
    """Whether the case tests this ability."""
    return ability.value in record.case.tags


def noise_level(record: CaseRecord) -> str | None:
    """The level of noise, as its tag states it; None where the case does not test robustness to it."""
    if any(concerns(record, ability) for ability in Ability):
        return None
    return next((tag.removeprefix(_NOISE) for tag in record.case.tags if tag.startswith(_NOISE)), None)


def detects_error(record: CaseRecord) -> bool:
    """Whether the answer says that the passages hold factual errors."""
    text = "" if record.answer is None else record.answer.text.lower()
    return any(name in text for name in _ERROR_NAMED)


def repeats_error(record: CaseRecord) -> bool:
    """Whether the answer given holds what the altered passages claim, and not the truth."""
    answer = given_answer(record)
    said = "" if answer is None else without_markers(answer.text)
    return contains_answer(said, record.case.false_answers) > 0 and not says_answer(record)


def knows_claim(record: CaseRecord) -> bool:
    """Whether the case's passages are altered and it says what they claim."""
    return concerns(record, Ability.COUNTERFACTUAL) and bool(record.case.false_answers)
