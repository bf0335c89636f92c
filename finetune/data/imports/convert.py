"""Rows of one kind as another, as far as they say what it takes.

A pair becomes two thumbs, or its better answer an example. Pairs that share a prompt and an answer become one
ranking, in which an answer's rank is the length of the longest chain of answers that are better.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from itertools import chain, combinations

from finetune.data.choices import RowKind
from finetune.data.imports.labelled import PREFERRED
from finetune.data.rows import (
    ExampleKind,
    JudgedAnswer,
    PreferencePair,
    RankedAnswers,
    Row,
    TrainingExample,
)
from ingest.errors import TrainingDataError


def kind_of(row: Row) -> RowKind:
    """What ``row`` is for as it is."""
    match row:
        case TrainingExample():
            return RowKind.SFT
        case PreferencePair():
            return RowKind.DPO
        case JudgedAnswer():
            return RowKind.KTO
        case RankedAnswers():
            return RowKind.RM


def as_kind(row: Row, kind: RowKind) -> Sequence[Row] | None:
    """The rows of ``kind`` that ``row`` gives; None where it does not say enough for that kind."""
    match row, kind:
        case (TrainingExample(), RowKind.SFT) | (PreferencePair(), RowKind.DPO):
            return [row]
        case (JudgedAnswer(), RowKind.KTO) | (RankedAnswers(), RowKind.RM):
            return [row]
        case PreferencePair(), RowKind.SFT:
            return [_example(row, row.chosen)]
        case JudgedAnswer(), RowKind.SFT:
            return [_example(row, row.answer)] if row.good else []
        case RankedAnswers(), RowKind.SFT:
            return [_example(row, row.answers[0])]
        case RankedAnswers(), RowKind.DPO:
            return _pairs(row)
        case PreferencePair(), RowKind.KTO:
            return [_thumb(row, row.chosen, good=True), _thumb(row, row.rejected, good=False)]
        case PreferencePair(), RowKind.RM:
            return [_ranking(row, (row.chosen, row.rejected), (0, 1))]
        case _:
            return None


def merge_rankings(rankings: Sequence[RankedAnswers]) -> Iterator[RankedAnswers]:
    """Join the rankings that share a prompt and an answer; prompts keep the order in which they first come.

    What shares no answer stays apart: nobody compared its answers.

    Raises:
        TrainingDataError: of two answers to a prompt, each is said to be better than the other.
    """
    prompts: dict[object, list[list[RankedAnswers]]] = {}
    for ranking in rankings:
        groups = prompts.setdefault(ranking.messages, [])
        joined = [group for group in groups if any(_share(ranking, other) for other in group)]
        groups[:] = [group for group in groups if group not in joined]
        groups.append([*chain.from_iterable(joined), ranking])
    for group in chain.from_iterable(prompts.values()):
        yield group[0] if len(group) == 1 else _merged(group)


def _share(left: RankedAnswers, right: RankedAnswers) -> bool:
    return not set(left.answers).isdisjoint(right.answers)


def _merged(group: Sequence[RankedAnswers]) -> RankedAnswers:
    better: dict[str, set[str]] = {}
    for ranking in group:
        for answer in ranking.answers:
            better.setdefault(answer, set())
        for best, worse in ordered_pairs(ranking):
            better[worse].add(best)
    ranks: dict[str, int] = {}
    try:
        for answer in TopologicalSorter(better).static_order():
            ranks[answer] = 1 + max((ranks[other] for other in better[answer]), default=-1)
    except CycleError as error:
        raise TrainingDataError(
            f"the rows {', '.join(ranking.id for ranking in group)} share a prompt and contradict each "
            "other: leave out those that are wrong."
        ) from error
    answers = sorted(better, key=ranks.__getitem__)
    return replace(group[0], answers=tuple(answers), ranks=tuple(ranks[answer] for answer in answers))


def ordered_pairs(ranking: RankedAnswers) -> Iterator[tuple[str, str]]:
    """All pairs of answers of which the first is better."""
    for (best, upper), (worse, lower) in combinations(zip(ranking.answers, ranking.ranks, strict=True), 2):
        if upper < lower:
            yield best, worse


def _pairs(ranking: RankedAnswers) -> list[Row]:
    return [
        PreferencePair(
            id=f"{ranking.id}:{number}",
            messages=ranking.messages,
            chosen=best,
            rejected=worse,
            reason=PREFERRED,
            language=ranking.language,
            prompt_id=ranking.prompt_id,
            dataset_sha256=ranking.dataset_sha256,
        )
        for number, (best, worse) in enumerate(ordered_pairs(ranking))
    ]


def _example(row: PreferencePair | JudgedAnswer | RankedAnswers, target: str) -> TrainingExample:
    return TrainingExample(
        id=row.id,
        messages=row.messages,
        sources=(),
        target=target,
        kind=ExampleKind.REPLAY,
        language=row.language,
        prompt_id=row.prompt_id,
        snapshot_id=None,
        dataset_sha256=row.dataset_sha256,
    )


def _thumb(row: PreferencePair, answer: str, *, good: bool) -> JudgedAnswer:
    return JudgedAnswer(
        id=f"{row.id}:{'up' if good else 'down'}",
        messages=row.messages,
        answer=answer,
        good=good,
        language=row.language,
        prompt_id=row.prompt_id,
        dataset_sha256=row.dataset_sha256,
    )


def _ranking(row: PreferencePair, answers: tuple[str, ...], ranks: tuple[int, ...]) -> RankedAnswers:
    return RankedAnswers(
        id=row.id,
        messages=row.messages,
        answers=answers,
        ranks=ranks,
        language=row.language,
        prompt_id=row.prompt_id,
        dataset_sha256=row.dataset_sha256,
    )
