"""What readers finally said of an answer, out of everything that they said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from service.answer import Answer
from service.grounding.cite import markers_of, without_markers
from service.history.feedback import Feedback, Verdict

_SOURCE = r"(?:citation|cite|source|reference|passage)s?"
_SAYS_WRONG = re.compile(
    rf"""\b(?:wrong|incorrect|bad|false|irrelevant|unrelated)[ ]{_SOURCE}\b
       | \b{_SOURCE}\b [^.!?\n]{{0,40}} \b(?: wrong | incorrect | irrelevant | unrelated
         | (?:no|do(?:es)?n.t|do(?:es)?[ ]not)[ ](?:support|say|mention))
       | (?:引用|引文|来源|出处|资料) [^。！？\n]{{0,12}} (?:错|不对|有误|不符|无关|不支持|没有提)
       | (?:错误|不对|无关)的?(?:引用|引文|来源|出处)""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What counts of an answer's feedback; ``ids`` are of the judgements that it is put together from.

    ``verdict`` is None where none was given and nothing was corrected. ``correction`` has words: a marker
    alone corrects nothing. ``wrong`` are the markers of citations that were called wrong; ``unclear`` says
    that some were, and it cannot be told which. ``preferred_over`` are the answers that this one is better
    than; ``ranking`` is the last that was given of it and others, the best first.
    """

    ids: tuple[str, ...]
    verdict: Verdict | None
    correction: str | None
    wrong: frozenset[int]
    unclear: bool
    preferred_over: tuple[str, ...]
    ranking: tuple[str, ...]


def final_judgement(answer: Answer, feedback: Sequence[Feedback]) -> Judgement:
    """Fold the judgements of ``answer``, oldest first, of which there is one at least.

    The last verdict counts, with what was added to it since it was the verdict: a thumb, then a correction,
    are one judgement, and a thumb up after a correction takes it back. What comes without a verdict changes
    none, but a correction alone is one: the answer was not right.
    """
    verdict: Verdict | None = None
    for judgement in feedback:
        verdict = _thumb(judgement) or verdict
    said: list[Feedback] = []
    for judgement in reversed(feedback):
        if _thumb(judgement) not in (verdict, None):
            break
        said.insert(0, judgement)
    called = [_called_wrong(answer, judgement) for judgement in said]
    return Judgement(
        ids=tuple(judgement.id for judgement in said),
        verdict=verdict,
        correction=next((text for j in reversed(said) if without_markers(text := j.correction or "")), None),
        wrong=frozenset(marker for markers in called if markers for marker in markers),
        unclear=None in called,
        preferred_over=tuple(dict.fromkeys(j.preferred_over for j in said if j.preferred_over)),
        ranking=next((j.ranking for j in reversed(said) if j.ranking), ()),
    )


def _thumb(judgement: Feedback) -> Verdict | None:
    return "down" if judgement.finds_fault else judgement.verdict


def _called_wrong(answer: Answer, judgement: Feedback) -> frozenset[int] | None:
    """The citations that a judgement calls wrong; None where its comment does without saying which."""
    if judgement.wrong_citations or not _SAYS_WRONG.search(judgement.comment or ""):
        return frozenset(judgement.wrong_citations)
    cited = {citation.marker for citation in answer.citations}
    named = cited.intersection(markers_of(judgement.comment or ""))
    if named:
        return frozenset(named)
    return frozenset(cited) if len(cited) == 1 else None
