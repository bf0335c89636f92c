"""Questions with their answers, and a collection -> training examples.

Each answerable question gives one example: the passage that holds its answer, hidden among passages
that the retriever confuses with it. Questions that the collection cannot answer, and where they are too
few some answerable ones with the right passage taken away, teach to refuse. Distractors follow RAFT
(Zhang et al., 2024), with the retriever's own mistakes in place of random chunks.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.cases.case import Case
from eval.cases.read import read_cases
from finetune.data.passages import PassageSource, find_span, holds_answer
from finetune.data.rows import ExampleKind, TrainingExample
from ingest.document import Chunk
from ingest.errors import CasesError, TrainingDataError
from ingest.snapshots.durable import file_sha256
from ingest.words.language import detect_language
from service.answer import Passage
from service.prompt import PROMPT_ID, render, template_for

# Candidates looked at to find distractors that don't hold the answer themselves.
_DEPTH = 12
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")
_LONGEST_WORDS = 32
_LONGEST_CHARACTERS = 90
_NO_SPACES = frozenset({"zh", "ja"})


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How examples are made.

    Attributes:
        distractors: passages beside the right one; with it they make as many as the server gives.
        refusal_share: share of all examples that teach to refuse, made up from answerable questions
            where the file has too few others.
        gold_only_share: share of the answerable examples that get no distractor.
        shuffle_share: share of the answerable examples whose passages are shuffled, so that the number
            must be read and not guessed; the others keep the retriever's order, as they are served.
        languages: ISO 639-1 codes to keep; None keeps all.
        seed: of the choice and order of the passages.
    """

    distractors: int = 2
    refusal_share: float = 0.2
    gold_only_share: float = 0.1
    shuffle_share: float = 0.5
    languages: frozenset[str] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.distractors < 0:
            raise TrainingDataError(f"there are {self.distractors} distractors: expected 0 or more.")
        shares = (self.refusal_share, self.gold_only_share, self.shuffle_share)
        if not all(0 <= share <= 1 for share in shares) or self.refusal_share == 1:
            raise TrainingDataError(
                f"the shares of refusals, of gold alone and of shuffled passages are {shares}: expected "
                "fractions, the first below 1."
            )


@dataclass(frozen=True, slots=True)
class BuildReport:
    """The examples, and the questions that gave none, with the reason."""

    examples: tuple[TrainingExample, ...]
    skipped: Mapping[str, str]

    def count(self, kind: ExampleKind) -> int:
        """How many examples teach ``kind``."""
        return sum(example.kind is kind for example in self.examples)


def read_questions(path: Path) -> tuple[Case, ...]:
    """The questions of a JSON Lines file, in one of the forms that ``eval.cases`` reads.

    Raises:
        TrainingDataError: the file, or one of its lines, has none of these forms.
    """
    try:
        return read_cases(path)
    except CasesError as error:
        raise TrainingDataError(str(error)) from error


def build_examples(
    path: Path, source: PassageSource, options: BuildOptions, *, advance: Callable[[], None] = lambda: None
) -> BuildReport:
    """Make the training examples of the questions in ``path``; ``advance`` is called after each question.

    Raises:
        TrainingDataError: the file is not as expected, or no question gives an example.
    """
    cases = [
        case
        for case in read_questions(path)
        if options.languages is None or case.language in options.languages
    ]
    builder = _Builder(source, options, file_sha256(path))
    for case in cases:
        builder.add(case)
        advance()
    examples = builder.finish()
    if not examples:
        raise TrainingDataError(
            f"no question of {path} gives an example: expected questions about this collection."
        )
    return BuildReport(examples, builder.skipped)


class _Builder:
    """Collects the examples of one file."""

    def __init__(self, source: PassageSource, options: BuildOptions, dataset_sha256: str) -> None:
        self._source = source
        self._options = options
        self._dataset_sha256 = dataset_sha256
        self._gold: list[TrainingExample] = []
        self._refusals: list[TrainingExample] = []
        self._answerable: list[tuple[Case, list[Chunk]]] = []
        self.skipped: dict[str, str] = {}

    def add(self, case: Case) -> None:
        candidates = self._source.candidates(case, _DEPTH)
        if not case.answerable:
            self._refusals.append(
                self._example(case, list(candidates[: self._options.distractors + 1]), None)
            )
            return
        gold = self._source.gold(case)
        if gold is None:
            self.skipped[case.id] = "no single chunk holds the evidence and the answer"
            return
        others = [chunk for chunk in candidates if chunk.id != gold.id and not holds_answer(chunk.text, case)]
        chance = self._chance(case.id)
        kept = [] if chance.random() < self._options.gold_only_share else others[: self._options.distractors]
        wanted = {chunk.id for chunk in (gold, *kept)}
        passages = [chunk for chunk in candidates if chunk.id in wanted]
        if gold not in passages:
            passages.append(gold)
        if chance.random() < self._options.shuffle_share:
            chance.shuffle(passages)
        self._gold.append(self._example(case, passages, gold))
        self._answerable.append((case, others))

    def finish(self) -> tuple[TrainingExample, ...]:
        share = self._options.refusal_share
        missing = round(share / (1 - share) * len(self._gold)) - len(self._refusals)
        usable = [(case, others) for case, others in self._answerable if others]
        chosen = self._chance("refusals").sample(usable, min(max(missing, 0), len(usable)))
        for case, others in chosen:
            self._refusals.append(self._example(case, others[: self._options.distractors + 1], None))
        examples = [*self._gold, *self._refusals]
        self._chance("order").shuffle(examples)
        return tuple(examples)

    def _example(self, case: Case, chunks: Sequence[Chunk], gold: Chunk | None) -> TrainingExample:
        passages = [Passage(marker, chunk, 0.0) for marker, chunk in enumerate(chunks, start=1)]
        # The server goes by what it detects, not by what a file says.
        language = detect_language(case.question)
        if gold is None:
            kind, target = ExampleKind.REFUSAL, template_for(language).refusal
        else:
            marker = next(passage.marker for passage in passages if passage.chunk.id == gold.id)
            kind, target = ExampleKind.GOLD, f"{answer_sentence(case, gold.text)} [{marker}]"
        return TrainingExample(
            id=f"{case.id}:{kind.value}",
            messages=render(case.question.strip(), passages, language),
            sources=tuple(chunk.text for chunk in chunks),
            target=target,
            kind=kind,
            language=language,
            prompt_id=PROMPT_ID,
            snapshot_id=self._source.snapshot_id,
            dataset_sha256=self._dataset_sha256,
            answers=() if gold is None else case.answers,
            documents=tuple(chunk.uri for chunk in chunks),
        )

    def _chance(self, purpose: str) -> random.Random:
        # One generator for each question: adding a question leaves the examples of the others as they are.
        return random.Random(f"{self._options.seed}:{purpose}")


def answer_sentence(case: Case, gold_text: str) -> str:
    """A short answer in the source's own words: the evidence, its sentence with the answer, or the answer.

    Copying keeps a small model honest, and lets the citation be checked word for word.
    """
    evidence = case.evidence if case.evidence and find_span(gold_text, case.evidence) else ""
    sentences = [sentence.strip() for sentence in _SENTENCE_END.split(evidence)]
    telling = [s for s in sentences if any(find_span(s, answer) for answer in case.answers)]
    for text in (" ".join(evidence.split()), *telling):
        if text and _is_short(text, case.language):
            return _ended(text, case.language)
    return _ended(case.answers[0].strip(), case.language)


def _is_short(text: str, language: str) -> bool:
    return len(text) <= _LONGEST_CHARACTERS if language in _NO_SPACES else len(text.split()) <= _LONGEST_WORDS


def _ended(text: str, language: str) -> str:
    if text[-1] in ".!?。！？":
        return text
    return text.rstrip(",;:，；：") + ("。" if language in _NO_SPACES else ".")
