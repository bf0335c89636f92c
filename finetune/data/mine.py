"""What readers said of answers -> rows to train the generator on where it is to blame, else the retriever.

Corrections become examples and, beside the answer that they correct, preference pairs; preferred answers
become pairs, rankings ranked answers, thumbs judged answers, and citations that were called wrong hard
negatives. Every row names the answer that it comes from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime

from finetune.data.mine_evidence import Collections, Evidence, find_evidence
from finetune.data.mine_judgement import Judgement, final_judgement
from finetune.data.mine_rows import Blame, LeftOut, Mined, RetrievalRow
from finetune.data.rows import ExampleKind, JudgedAnswer, PreferencePair, RankedAnswers, TrainingExample
from ingest.document import Chunk
from ingest.errors import AnswerNotFoundError
from service.answer import Answer, Served
from service.generate import Message
from service.grounding.cite import MarkerFilter, markers_of, without_markers
from service.history.history import History
from service.history.stored import StoredAnswer
from service.prompt import PROMPT_ID, is_refusal, render, template_for

CORRECTED = "corrected_by_reader"
PREFERRED = "preferred_by_reader"

_NO_MODEL = frozenset({"curated", "extractive", "none"})


def mine(history: History, collections: Collections, since: datetime | None = None) -> Mined:
    """The rows of all answers that were judged at ``since`` or later; all that was said of them counts."""
    miner = _Miner(history, collections)
    for answer_id in dict.fromkeys(feedback.answer_id for feedback in history.feedback(since)):
        miner.add(history.get(answer_id))
    miner.mined.settle()
    return miner.mined


class _Miner:
    """Collects the rows of one history."""

    def __init__(self, history: History, collections: Collections) -> None:
        self._history = history
        self._collections = collections
        self.mined = Mined()

    def add(self, stored: StoredAnswer) -> None:
        answer, said = stored.answer, final_judgement(stored.answer, stored.feedback)
        if said.unclear:
            self._leave(LeftOut.UNCLEAR_CITATION)
        if said.correction is None:
            self._blame(answer, Blame.WRONG_CITATION, None, said.wrong)
            self._judge(answer, said)
        else:
            self._correct(answer, said, said.correction)
        for other in self._kept(said.preferred_over):
            self._prefer(answer, other, said)
        self._rank(answer, self._kept(said.ranking), said)

    def _correct(self, answer: Answer, said: Judgement, correction: str) -> None:
        if is_refusal(without_markers(correction), answer.language):
            self._blame(answer, Blame.WRONG_CITATION, None, said.wrong)
            self._learn(answer, said, template_for(answer.language).refusal, ())
            return
        cited = MarkerFilter({passage.marker for passage in answer.passages})
        target = (cited.feed(correction) + cited.finish()).strip()
        markers = frozenset(markers_of(target))
        if markers:
            others = _cited_by(answer) if markers - _cited_by(answer) else frozenset[int]()
            wrong = (said.wrong | others) - markers
        else:
            wrong = said.wrong
            evidence = self._evidence(answer, target, wrong)
            if evidence.blames_retrieval:
                found = Blame.NOT_FOUND if evidence.unseen is None else Blame.NOT_RETRIEVED
                self._blame(answer, found, evidence.unseen, wrong | _cited_by(answer))
                self._leave(LeftOut.RETRIEVAL)
                return
            target = " ".join(f"{sentence} [{marker}]" for sentence, marker in evidence.sentences)
            markers = frozenset(markers_of(target))
        right = next(p.chunk for p in answer.passages if p.marker in markers)
        self._blame(answer, Blame.WRONG_CITATION, right, wrong)
        self._learn(answer, said, target, (without_markers(target),))

    def _evidence(self, answer: Answer, claim: str, wrong: frozenset[int]) -> Evidence:
        passages = [passage for passage in answer.passages if passage.marker not in wrong]
        return find_evidence(claim, _asked(answer), passages, self._collections(answer.collection))

    def _learn(self, answer: Answer, said: Judgement, target: str, answers: tuple[str, ...]) -> None:
        """Teach the generator ``target``, and that it is better than what it wrote."""
        self.mined.examples.append(
            TrainingExample(
                id=f"feedback:{answer.id}",
                messages=_prompt(answer),
                sources=tuple(passage.chunk.text for passage in answer.passages),
                target=target,
                kind=ExampleKind.GOLD if answers else ExampleKind.REFUSAL,
                language=answer.language,
                prompt_id=PROMPT_ID,
                snapshot_id=answer.snapshot_id,
                dataset_sha256=_digest(said),
                answers=answers,
                documents=tuple(passage.chunk.uri for passage in answer.passages),
            )
        )
        is_verdict = self._judge(answer, said)
        if target == answer.text:
            self._leave(LeftOut.SAME_TEXT)
        elif is_verdict:
            self._pair(answer, said, CORRECTED, target, answer.text)

    def _prefer(self, answer: Answer, other: Answer, said: Judgement) -> None:
        if not (self._is_own(answer) and self._is_own(other)):
            return
        if _prompt(answer) != _prompt(other):
            self._leave(LeftOut.OTHER_PASSAGES)
        elif answer.text != other.text:
            self._pair(answer, said, PREFERRED, answer.text, other.text)

    def _rank(self, answer: Answer, ranked: Iterable[Answer], said: Judgement) -> None:
        """Keep the order of what the generator wrote to the same prompt; an equal text where it is best."""
        texts: dict[str, None] = {}
        for other in filter(self._is_own, ranked):
            if _prompt(other) == _prompt(answer):
                texts.setdefault(other.text)
            else:
                self._leave(LeftOut.OTHER_PASSAGES)
        if len(texts) > 1:
            self.mined.ranked.append(
                RankedAnswers(
                    id=f"feedback:{answer.id}",
                    messages=_prompt(answer),
                    answers=tuple(texts),
                    ranks=tuple(range(len(texts))),
                    language=answer.language,
                    prompt_id=PROMPT_ID,
                    dataset_sha256=_digest(said),
                )
            )

    def _kept(self, answer_ids: Sequence[str]) -> Iterator[Answer]:
        """The answers of these that are still kept."""
        for answer_id in answer_ids:
            with suppress(AnswerNotFoundError):
                yield self._history.get(answer_id).answer

    def _judge(self, answer: Answer, said: Judgement) -> bool:
        """Keep the verdict on what the generator wrote; whether it is one on the generator."""
        if said.verdict is None or not self._is_own(answer):
            return False
        good = said.verdict == "up"
        if answer.abstained and not good and said.correction is None:
            self._leave(LeftOut.REFUSAL)  # the passages may have lacked the answer
            return False
        self.mined.judged.append(
            JudgedAnswer(
                id=f"feedback:{answer.id}",
                messages=_prompt(answer),
                answer=answer.text,
                good=good,
                language=answer.language,
                prompt_id=PROMPT_ID,
                dataset_sha256=_digest(said),
            )
        )
        return True

    def _pair(self, answer: Answer, said: Judgement, reason: str, chosen: str, rejected: str) -> None:
        self.mined.pairs.append(
            PreferencePair(
                id=f"feedback:{answer.id}:{reason}",
                messages=_prompt(answer),
                chosen=chosen,
                rejected=rejected,
                reason=reason,
                language=answer.language,
                prompt_id=PROMPT_ID,
                dataset_sha256=_digest(said),
            )
        )

    def _blame(self, answer: Answer, reason: Blame, positive: Chunk | None, wrong: frozenset[int]) -> None:
        """Teach the retriever, where it is to blame for something."""
        if reason is Blame.WRONG_CITATION and not wrong:
            return
        self.mined.retrieval.append(
            RetrievalRow(
                id=f"feedback:{answer.id}",
                query=answer.standalone_question or answer.question,
                positive=None if positive is None else positive.text,
                negatives=tuple(p.chunk.text for p in answer.passages if p.marker in wrong),
                reason=reason,
                language=answer.language,
            )
        )

    def _is_own(self, answer: Answer) -> bool:
        """Whether the generator wrote the text itself, to this question and the prompt that is served."""
        if answer.prompt_id != PROMPT_ID:
            self._leave(LeftOut.OTHER_PROMPT)
            return False
        is_other = answer.generator in _NO_MODEL or answer.degraded is not None
        if is_other or answer.cache not in {None, Served.EXACT}:
            self._leave(LeftOut.NOT_GENERATED)
            return False
        return True

    def _leave(self, reason: LeftOut) -> None:
        self.mined.left_out[reason] += 1


def _asked(answer: Answer) -> str:
    """The question that the generator was asked.

    That is a follow-up as it was written anew, but not one with words of the conversation behind it, which is
    only searched for (``service.retrieval.conversation``).
    """
    rewritten = answer.standalone_question
    is_question = rewritten is not None and not rewritten.startswith(f"{answer.question} (")
    return rewritten if rewritten is not None and is_question else answer.question


def _prompt(answer: Answer) -> tuple[Message, ...]:
    return render(_asked(answer), answer.passages, answer.language)


def _cited_by(answer: Answer) -> frozenset[int]:
    return frozenset(citation.marker for citation in answer.citations)


def _digest(said: Judgement) -> str:
    return hashlib.sha256("\n".join(said.ids).encode()).hexdigest()
