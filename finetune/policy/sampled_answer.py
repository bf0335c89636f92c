"""Answers that a policy sampled, and who scores them: rules, or a reward model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Protocol

from torch import Tensor

from finetune.data.rows import TrainingExample
from finetune.rewards.verifiable import is_verifiable, judge, mean_parts, total
from finetune.settings.rollout import RewardWeights


@dataclass(frozen=True, slots=True)
class SampledAnswer:
    """An answer to the prompt of ``example``; ``ended`` tells that the model ended it, by its last id."""

    example: TrainingExample
    prompt_ids: list[int]
    answer_ids: list[int]
    text: str
    ended: bool


class Scorer(Protocol):
    """What is used of ``finetune.methods.reward_model.RewardModel``."""

    def score(self, rows: Sequence[tuple[list[int], list[int]]]) -> Tensor:
        """The rewards of prompt ids with answer ids: float32 [rows]."""
        ...


class Reward(Protocol):
    """What a policy is improved to earn."""

    def score(self, answers: Sequence[SampledAnswer]) -> list[float]:
        """One number for each answer; higher is better."""
        ...


@dataclass(frozen=True, slots=True)
class VerifiableReward:
    """The reward of ``finetune.rewards.verifiable``; its examples must be verifiable."""

    weights: RewardWeights

    def score(self, answers: Sequence[SampledAnswer]) -> list[float]:
        return [total(judge(one.example, one.text, ended=one.ended), self.weights) for one in answers]


@dataclass(frozen=True, slots=True)
class LearnedReward:
    """The reward of a model trained on rankings; ``missing_eos_penalty`` is off for an answer without end.

    Without it the length of an answer would know no bound but the limit, where no one ever ranked it.
    """

    model: Scorer
    missing_eos_penalty: float

    def score(self, answers: Sequence[SampledAnswer]) -> list[float]:
        scores = self.model.score([(one.prompt_ids, one.answer_ids) for one in answers])
        return [
            float(score) - (0.0 if one.ended else self.missing_eos_penalty)
            for score, one in zip(scores, answers, strict=True)
        ]


def answer_figures(answers: Sequence[SampledAnswer]) -> dict[str, float]:
    """What the curve of a run tells of sampled answers, whatever reward they earn.

    ``length`` is the mean number of tokens, ``ended`` the share that ended by itself; the parts of the
    verifiable reward are means over the answers that rules can judge, and absent when there is none.
    """
    judged = [judge(one.example, one.text, ended=one.ended) for one in answers if is_verifiable(one.example)]
    return {
        "length": fmean(len(one.answer_ids) for one in answers),
        "ended": fmean(one.ended for one in answers),
        **(mean_parts(judged) if judged else {}),
    }
