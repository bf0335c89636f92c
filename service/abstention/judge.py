"""Before an answer is written: which passages it may be made from, and whether they hold it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ingest.document import Hit
from ingest.embed import Embedder
from service.abstention.fitted import Answerability
from service.answer import Passage
from service.grounding.support import Grounding
from service.grounding.suspicion import suspicious_markers


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known of a question's passages.

    ``sources`` are those that the answer may be made from, ``suspicious`` the markers of those with
    instructions to a model in them. ``evidence`` and ``answerability`` are as in ``service.answer.Answer``.
    """

    sources: tuple[Passage, ...] = ()
    suspicious: tuple[int, ...] = ()
    evidence: float = 0.0
    answerability: float | None = None
    is_answered: bool = False


class Judge:
    """Judges the passages of one collection for one release."""

    def __init__(
        self,
        grounding: Grounding,
        embedder: Embedder,
        min_evidence: float,
        *,
        answerability: Answerability | None = None,
        withhold_suspicious: bool = True,
    ) -> None:
        """Where ``answerability`` was fitted, it decides in place of ``min_evidence``."""
        self._grounding = grounding
        self._embedder = embedder
        self._min_evidence = min_evidence
        self._answerability = answerability
        self._withholds = withhold_suspicious

    def judge(
        self, questions: Collection[str], passages: Sequence[Passage], hits: Sequence[Hit]
    ) -> Judgement:
        """See ``Judgement``.

        Args:
            questions: wordings of what is asked, of which the best counts.
            hits: what the passages were made from, under the same ids.
        """
        suspicious = suspicious_markers(passages)
        withheld = suspicious if self._withholds else ()
        sources = tuple(passage for passage in passages if passage.marker not in withheld)
        if not sources:
            return Judgement(suspicious=suspicious)
        read = {passage.chunk.id for passage in sources}
        found = [hit for hit in hits if hit.chunk.id in read]
        languages = self._embedder.spec.languages
        evidence = max(self._grounding.evidence(question, found, languages) for question in questions)
        if self._answerability is None:
            return Judgement(sources, suspicious, evidence, None, evidence >= self._min_evidence)
        chance = max(self._answerability.probability(question, sources, evidence) for question in questions)
        threshold = self._answerability.fitted.threshold
        return Judgement(sources, suspicious, evidence, round(chance, 4), chance >= threshold)

    def judge_given(self, question: str, passages: Sequence[Passage]) -> Judgement:
        """The judgement of passages that no search has found, by the cosines that a search would have."""
        if not passages:
            return Judgement()
        vectors = self._embedder.embed_passages([passage.chunk.text for passage in passages])
        cosines = vectors @ self._embedder.embed_query(question)
        hits = [
            Hit(passage.chunk, passage.score, cosine, None)
            for passage, cosine in zip(passages, cosines.tolist(), strict=True)
        ]
        return self.judge([question], passages, hits)
