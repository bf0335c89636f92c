"""Which sampled answers are worth learning: right, supported by what they cite, and each only once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from eval.metrics.normal_form import tokens
from finetune.data.rows import ExampleKind, TrainingExample
from finetune.rewards.verifiable import RewardParts, is_verifiable, judge, total
from finetune.sampling.sampler import Sampled
from finetune.settings.rft import RftSection
from finetune.settings.rollout import RewardWeights


@dataclass(frozen=True, slots=True)
class Harvest:
    """What the samples of one round came to.

    ``right_share`` is the share of samples that were accepted, ``solved_share`` that of questions with at
    least one such sample (pass@k); both of the questions that rules can judge.
    """

    examples: tuple[TrainingExample, ...]
    questions: int
    samples: int
    accepted: int
    solved: int
    learned: int

    @property
    def right_share(self) -> float:
        return self.accepted / self.samples if self.samples else 0.0

    @property
    def solved_share(self) -> float:
        return self.solved / self.questions if self.questions else 0.0


def harvest(
    examples: Sequence[TrainingExample],
    samples: Sequence[Sequence[Sampled]],
    settings: RftSection,
    *,
    seed: int = 0,
) -> Harvest:
    """Choose what is learned from the ``samples`` of each of ``examples``.

    Refusals are the easiest answers to get right, so their share is held where it was: without that, each
    round refuses more. Examples that no rule can judge stay as they are.
    """
    learned: list[TrainingExample] = []
    kept: list[TrainingExample] = []
    sampled = accepted = solved = judged = 0
    for example, answers in zip(examples, samples, strict=True):
        if not is_verifiable(example):
            kept.append(example)
            continue
        right = [answer for answer in answers if is_right(example, answer, settings.least_f1)]
        judged += 1
        sampled += len(answers)
        accepted += len(right)
        solved += bool(right)
        if right:
            learned += best_of(example, right, settings.per_question)
        elif settings.unsolved == "target":
            kept.append(example)
    held = hold_refusals([*learned, *kept], refusal_share(examples), seed)
    return Harvest(held, judged, sampled, accepted, solved, len(learned))


def is_right(example: TrainingExample, answer: Sampled, least_f1: float) -> bool:
    """Whether ``answer`` is worth learning: it ended, is right, and all that it cites holds its answer."""
    parts = judge(example, answer.text, ended=answer.ended)
    if not (answer.ended and parts.right and parts.citation == 1):
        return False
    return parts.refused or parts.f1 >= least_f1


def best_of(example: TrainingExample, right: Sequence[Sampled], count: int) -> list[TrainingExample]:
    """Up to ``count`` different answers of ``right``, the highest reward first, then the shortest."""
    different: dict[tuple[str, ...], str] = {}
    for answer in right:
        different.setdefault(tuple(tokens(answer.text)), answer.text)

    def order(text: str) -> tuple[float, int, str]:
        return -total(_judged(example, text), RewardWeights()), len(text), text

    chosen = sorted(different.values(), key=order)[:count]
    return [replace(example, id=f"{example.id}:rft{n}", target=text) for n, text in enumerate(chosen)]


def refusal_share(examples: Sequence[TrainingExample]) -> float:
    """The share of refusals among examples, 0 for none."""
    refusals = sum(example.kind is ExampleKind.REFUSAL for example in examples)
    return refusals / len(examples) if examples else 0.0


def hold_refusals(
    examples: Sequence[TrainingExample], share: float, seed: int
) -> tuple[TrainingExample, ...]:
    """``examples`` in their order, with refusals or the others thinned until refusals have ``share``."""
    refusals = [example for example in examples if example.kind is ExampleKind.REFUSAL]
    others = [example for example in examples if example.kind is not ExampleKind.REFUSAL]
    if not 0 < share < 1 or not refusals or not others:
        return tuple(examples)
    chance = random.Random(seed)
    odds = share / (1 - share)
    refusals = chance.sample(refusals, min(len(refusals), max(1, round(odds * len(others)))))
    others = chance.sample(others, min(len(others), max(1, round(len(refusals) / odds))))
    chosen = {id(example) for example in (*refusals, *others)}
    return tuple(example for example in examples if id(example) in chosen)


def _judged(example: TrainingExample, text: str) -> RewardParts:
    return judge(example, text, ended=True)
