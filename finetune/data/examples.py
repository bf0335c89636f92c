"""Questions with their answers, and a collection -> training examples.

Each answerable question gives one example: the passages that hold its answer, hidden among passages
that the retriever confuses with them. Questions that the collection cannot answer, and where they are too
few some answerable ones with the right passages taken away, teach to refuse. Distractors follow RAFT
(Zhang et al., 2024), with the retriever's own mistakes in place of random chunks.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from eval.cases.case import Case, Relevant
from eval.cases.choices import SplitBy
from eval.cases.split import split_cases
from finetune.data.choices import TargetForm
from finetune.data.passages import Found, PassageSource, holds_answer
from finetune.data.questions import questions_file, read_questions
from finetune.data.rows import ExampleKind, TrainingExample
from finetune.data.targets import target_text
from ingest.document import Chunk
from ingest.errors import CasesError, TrainingDataError
from ingest.snapshots.durable import file_sha256
from ingest.words.language import detect_language
from service.answer import Passage
from service.prompt import PROMPT_ID, render, template_for


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How examples are made.

    Attributes:
        distractors: passages beside the right ones, as far as there are so many; None takes all.
        refusal_share: share of all examples that teach to refuse, made up from answerable questions
            where the file has too few others.
        refusal_most: largest share of them, of those questions that cannot be answered.
        alone_share: share of the examples that get no distractor: the right passages alone, or to refuse one
            that is not.
        shuffle_share: share of the answerable examples whose passages are shuffled, so that the number
            must be read and not guessed; the others keep the retriever's order, as they are served.
        replay_share: share of all examples that are general instructions, as far as there are any.
        valid_share: share of the questions that is held out: no document that answers a question of one side
            is shown on the other.
        target: how a target answers.
        languages: ISO 639-1 codes to keep; None keeps all.
        seed: of the choice and order of the passages.
    """

    distractors: int | None = 4
    refusal_share: float = 0.2
    refusal_most: float = 1.0
    alone_share: float = 0.1
    shuffle_share: float = 1.0
    replay_share: float = 0.1
    valid_share: float = 0.0
    target: TargetForm = TargetForm.ANSWER
    languages: frozenset[str] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.distractors is not None and self.distractors < 0:
            raise TrainingDataError(f"there are {self.distractors} distractors: expected 0 or more.")
        below_one = (self.refusal_share, self.replay_share, self.valid_share)
        shares = (*below_one, self.alone_share, self.shuffle_share)
        if not all(0 <= share <= 1 for share in shares) or 1 in below_one:
            raise TrainingDataError(
                "the shares of refusals, of replay, held out, alone and of shuffled passages are "
                f"{shares}: expected fractions, the first three below 1."
            )
        if not self.refusal_share <= self.refusal_most <= 1:
            raise TrainingDataError(
                f"at most {self.refusal_most} of the examples refuse and at least {self.refusal_share}: "
                "expected the largest share between the least and 1."
            )


AS_THEY_COME = BuildOptions(distractors=None, refusal_share=0, alone_share=0, shuffle_share=0)
"""For questions with contexts of their own: whoever chose these mixed them already."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """The examples, those held out, and the questions that gave none, with the reason."""

    examples: tuple[TrainingExample, ...]
    held_out: tuple[TrainingExample, ...]
    skipped: Mapping[str, str]

    def count(self, kind: ExampleKind) -> int:
        """How many examples teach ``kind``, of those that are not held out."""
        return sum(example.kind is kind for example in self.examples)


def build_examples(
    path: Path,
    source: PassageSource,
    options: BuildOptions,
    *,
    replay: Sequence[TrainingExample] = (),
    fits: Callable[[TrainingExample], bool] | None = None,
    advance: Callable[[], None] = lambda: None,
) -> BuildReport:
    """Make the training examples of the questions in ``path``.

    Args:
        path: questions in a form that ``finetune.data.questions`` reads.
        source: gives their passages.
        options: the mixture.
        replay: general instructions to mix in.
        fits: tells which examples are not too long; the others are left out.
        advance: called after each question.

    Raises:
        TrainingDataError: the file is not as expected, no question gives an example, or none can be held out.
    """
    file = questions_file(path)
    found: list[tuple[Case, Found]] = []
    skipped: dict[str, str] = {}
    for case in read_questions(file):
        if options.languages is not None and case.language not in options.languages:
            continue
        passages = source.find(case)
        reason = _why_not(case, passages)
        if reason is None:
            found.append((case, passages))
        else:
            skipped[case.id] = reason
        advance()
    if not found:
        raise TrainingDataError(
            f"no question of {path} gives an example: expected questions about this collection."
        )
    train, held_out = _split(found, options)
    maker = _ExampleMaker(options.target, source.snapshot_id, file_sha256(file))
    mixture = _Mixture(maker, options, fits or (lambda _: True), skipped)
    examples = mixture.of(train, hidden=_answering(held_out))
    kept_out = mixture.of(held_out, hidden=_answering(train))
    if not examples:
        raise TrainingDataError(f"all examples of {path} are too long: allow more, or give fewer passages.")
    return BuildReport(mixture.with_replay(examples, replay), kept_out, skipped)


def _why_not(case: Case, passages: Found) -> str | None:
    """Why a question gives no example; None when it gives one."""
    if case.history:
        return "it is asked in a conversation: ask it in words that stand alone"
    if case.answerable and not passages.gold:
        return "no passage holds its evidence and its answer"
    return None if passages.ranking else "there is no passage to show"


def _split(
    found: Sequence[tuple[Case, Found]], options: BuildOptions
) -> tuple[Sequence[tuple[Case, Found]], Sequence[tuple[Case, Found]]]:
    if options.valid_share == 0:
        return found, ()
    located = [
        replace(case, relevant=tuple(Relevant(chunk.uri) for chunk in passages.gold))
        for case, passages in found
    ]
    try:
        split = split_cases(located, SplitBy.DOCUMENT, options.valid_share, options.seed)
    except CasesError as error:
        raise TrainingDataError(str(error)) from error
    held_out = {case.id for case in split.held_out}
    return (
        [pair for pair in found if pair[0].id not in held_out],
        [pair for pair in found if pair[0].id in held_out],
    )


def _answering(found: Sequence[tuple[Case, Found]]) -> frozenset[str]:
    """The documents that answer a question, by their ids, and the texts of those passages."""
    gold = [chunk for _, passages in found for chunk in passages.gold]
    return frozenset((*(chunk.document_id for chunk in gold), *(chunk.text for chunk in gold)))


@dataclass(frozen=True, slots=True)
class _ExampleMaker:
    """Renders an example as the server renders a question."""

    target: TargetForm
    snapshot_id: str | None
    dataset_sha256: str

    def make(self, case: Case, chunks: Sequence[Chunk], gold: Sequence[Chunk]) -> TrainingExample:
        """An example that shows ``chunks``; it teaches to refuse where none of them is ``gold``."""
        passages = [Passage(marker, chunk, 0.0) for marker, chunk in enumerate(chunks, start=1)]
        names = {chunk.id for chunk in gold}
        holding = {p.marker: p.chunk.text for p in passages if p.chunk.id in names}
        # The server goes by what it detects, not by what a file says.
        language = detect_language(case.question)
        kind = ExampleKind.GOLD if holding else ExampleKind.REFUSAL
        return TrainingExample(
            id=f"{case.id}:{kind.value}",
            messages=render(case.question.strip(), passages, language),
            sources=tuple(chunk.text for chunk in chunks),
            target=target_text(case, holding, self.target) if holding else template_for(language).refusal,
            kind=kind,
            language=language,
            prompt_id=PROMPT_ID,
            snapshot_id=self.snapshot_id,
            dataset_sha256=self.dataset_sha256,
            answers=case.answers if holding else (),
            documents=tuple(chunk.uri for chunk in chunks),
        )


@dataclass(frozen=True, slots=True)
class _Mixture:
    """Chooses what each example shows; a question whose example does not fit is added to ``skipped``."""

    maker: _ExampleMaker
    options: BuildOptions
    fits: Callable[[TrainingExample], bool]
    skipped: dict[str, str]

    def of(
        self, found: Sequence[tuple[Case, Found]], *, hidden: frozenset[str]
    ) -> tuple[TrainingExample, ...]:
        """The examples of one side; documents in ``hidden`` answer questions of the other."""
        gold: list[TrainingExample] = []
        refusals: list[TrainingExample] = []
        spare: list[tuple[Case, Found, Sequence[Chunk]]] = []
        for case, passages in found:
            others = [c for c in passages.others if hidden.isdisjoint((c.document_id, c.text))]
            if passages.gold:
                gold.extend(self._kept(case, self._gold(case, passages, others)))
                spare.append((case, passages, [c for c in others if not holds_answer(c.text, case)]))
            elif others:
                refusals.extend(self._kept(case, self._refusal(case, passages, others)))
        missing = max(0, _beside(len(gold), self.options.refusal_share) - len(refusals))
        if gold and self.options.refusal_most < 1:
            self._chance("too many refusals").shuffle(refusals)
            del refusals[_beside(len(gold), self.options.refusal_most) :]
        usable = [row for row in spare if row[-1]]
        self._chance("refusals").shuffle(usable)
        made_up = filter(self.fits, (self._refusal(*row) for row in usable))
        examples = [*gold, *refusals, *islice(made_up, missing)]
        self._chance("order").shuffle(examples)
        return tuple(examples)

    def with_replay(
        self, examples: Sequence[TrainingExample], replay: Sequence[TrainingExample]
    ) -> tuple[TrainingExample, ...]:
        """``examples`` with their share of general instructions, of those that are not too long."""
        usable = [*filter(self.fits, replay)]
        count = min(len(usable), _beside(len(examples), self.options.replay_share))
        mixed = [*examples, *self._chance("replay").sample(usable, count)]
        self._chance("order with replay").shuffle(mixed)
        return tuple(mixed)

    def _kept(self, case: Case, example: TrainingExample) -> tuple[TrainingExample, ...]:
        if self.fits(example):
            return (example,)
        self.skipped[case.id] = "its example is too long"
        return ()

    def _gold(self, case: Case, passages: Found, others: Sequence[Chunk]) -> TrainingExample:
        chance = self._chance(case.id)
        is_alone = chance.random() < self.options.alone_share
        kept = () if is_alone else others[: self.options.distractors]
        shown = _in_order(passages, (*passages.gold, *kept))
        if chance.random() < self.options.shuffle_share:
            chance.shuffle(shown)
        return self.maker.make(case, shown, passages.gold)

    def _refusal(self, case: Case, passages: Found, others: Sequence[Chunk]) -> TrainingExample:
        # As often alone as the right passages are: else the number of passages would tell whether to refuse.
        is_alone = self._chance(f"refusal of {case.id}").random() < self.options.alone_share
        distractors = 0 if is_alone else self.options.distractors
        most = None if distractors is None else distractors + 1
        return self.maker.make(case, _in_order(passages, others[:most]), ())

    def _chance(self, purpose: str) -> random.Random:
        # One generator for each question: adding a question leaves the examples of the others as they are.
        return random.Random(f"{self.options.seed}:{purpose}")


def _beside(count: int, share: float) -> int:
    """How many, beside ``count`` others, are ``share`` of all."""
    return round(share / (1 - share) * count)


def _in_order(passages: Found, chosen: Sequence[Chunk]) -> list[Chunk]:
    """The ``chosen`` passages in the order that they are served in."""
    wanted = {chunk.id for chunk in chosen}
    return [chunk for chunk in passages.ranking if chunk.id in wanted]
