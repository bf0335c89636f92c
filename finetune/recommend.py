"""Which method to train with: a decision by what labels there are, with the reason for each step.

The thresholds are a judgement from what the methods were published with: rejection sampling gains from few
questions whose answers can be checked, preference optimisation needs about a thousand pairs, a reward model
several thousand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from finetune.label_counts import LabelCounts
from finetune.settings.read import read_file
from finetune.settings.train_config import CONFIGS, load_config
from ingest.snapshots.durable import replace_text

FEWEST_LABELS = 50
ENOUGH_FOR_SFT = 500
MORE_THAN_SAMPLING_ADDS = 10_000
FEWEST_PREFERENCES = 1_000
ENOUGH_FOR_REWARD = 5_000
FEW_FOR_EPOCHS = 2_000
PASS_RATIO = 1.5

StageMethod = Literal["prompting", "sft", "rft", "grpo", "dpo", "kto", "rm", "ppo"]


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What is known of reasoning on these questions; None is not known.

    ``helps``: whether the model answers better when it may reason first. ``pass_at_1`` and ``pass_at_8``: the
    share of questions that one sampled answer, or the best of eight, gets right.
    """

    helps: bool | None = None
    pass_at_1: float | None = None
    pass_at_8: float | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of training, and why."""

    method: StageMethod
    reason: str


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The steps in their order, each starting from what the one before made, and what to find out."""

    stages: tuple[Stage, ...]
    open_questions: tuple[str, ...]


def recommend(counts: LabelCounts, reasoning: Reasoning) -> Recommendation:
    """What to train with these labels; a pure function of its arguments."""
    stages = (*_answer_stages(counts, reasoning), *_preference_stages(counts))
    if not stages:
        labels = counts.gold + counts.refusals
        stages = (
            Stage(
                "prompting",
                f"{labels} labels are fewer than {FEWEST_LABELS}, {counts.pairs} pairs and "
                f"{_thumbs(counts)} thumbs than {FEWEST_PREFERENCES}: improve the documents, the retrieval "
                "and the prompt, and collect feedback.",
            ),
        )
    return Recommendation(stages, tuple(_open_questions(counts, reasoning)))


def write_configs(recommendation: Recommendation, counts: LabelCounts, folder: Path) -> tuple[Path, ...]:
    """Write ``NUMBER-METHOD.yaml`` for each stage that is trained from a configuration; returns the files."""
    written: list[Path] = []
    folder.mkdir(parents=True, exist_ok=True)
    for number, stage in enumerate(recommendation.stages, start=1):
        default = CONFIGS / f"{stage.method}.yaml"
        if not default.is_file():
            continue
        values = read_file(default)
        if stage.method == "sft":
            epochs = 3 if counts.gold + counts.refusals < FEW_FOR_EPOCHS else 2
            values.setdefault("train", {})["num_train_epochs"] = epochs
        text = f"# {stage.reason}\n{yaml.safe_dump(values, sort_keys=False, allow_unicode=True)}"
        written.append(folder / f"{number}-{stage.method}.yaml")
        replace_text(written[-1], text)
    return tuple(written)


def _answer_stages(counts: LabelCounts, reasoning: Reasoning) -> Iterator[Stage]:
    labels = counts.gold + counts.refusals
    if labels < FEWEST_LABELS:
        return
    if labels >= ENOUGH_FOR_SFT:
        yield Stage("sft", f"{labels} labels, {ENOUGH_FOR_SFT} or more, show what a right answer looks like.")
    elif not _is_verifiable(counts):
        yield Stage(
            "sft",
            f"{labels} labels are few, and {counts.verifiable} of {counts.gold} answers can be verified, so "
            "sampling cannot add to them: learn from these, and watch the evaluation for overfitting.",
        )
    if not _is_verifiable(counts):
        return
    verified = f"{counts.verifiable} of {counts.gold} answers can be verified"
    one, eight = reasoning.pass_at_1, reasoning.pass_at_8
    if reasoning.helps and one is not None and eight is not None and eight >= PASS_RATIO * one:
        yield Stage(
            "grpo",
            f"{verified}, reasoning helps, and the best of 8 samples is right in {eight:.0%} against "
            f"{one:.0%} of one: the model can do it and seldom does.",
        )
    elif labels <= MORE_THAN_SAMPLING_ADDS:
        yield Stage("rft", f"{verified}: learn from the model's own samples that are right.")


def _preference_stages(counts: LabelCounts) -> Iterator[Stage]:
    thumbs = _thumbs(counts)
    if _carries_reward(counts):
        yield Stage(
            "rm",
            f"{counts.pairs} pairs, {ENOUGH_FOR_REWARD} or more, carry a reward model, and no program can "
            "verify the answers in its place; `troika finetune data import --as rm` makes its rows.",
        )
        yield Stage(
            "ppo",
            "of the methods that sample, it alone learns from that model: give it the folder that `troika "
            "finetune rm` tells as --reward-model RUN, and as --data examples whose questions are to be "
            "answered.",
        )
    elif counts.pairs >= FEWEST_PREFERENCES:
        yield Stage("dpo", f"{counts.pairs} pairs, {FEWEST_PREFERENCES} or more, say which answer is better.")
    elif thumbs >= FEWEST_PREFERENCES and counts.thumbs_up and counts.thumbs_down:
        yield Stage(
            "kto",
            f"{thumbs} thumbs, {FEWEST_PREFERENCES} or more, of which {counts.thumbs_down} are down, judge "
            f"answers one by one; {counts.pairs} pairs are too few.",
        )


def _open_questions(counts: LabelCounts, reasoning: Reasoning) -> Iterator[str]:
    labels = counts.gold + counts.refusals
    if labels >= FEWEST_LABELS and _is_verifiable(counts):
        if reasoning.helps is None:
            yield "Does the model answer better when it may reason first? Say --reasoning or --no-reasoning."
        elif reasoning.helps and (reasoning.pass_at_1 is None or reasoning.pass_at_8 is None):
            yield "How often is one sample right, and how often one of 8? Give --pass-at-1 and --pass-at-8."
    if _carries_reward(counts) and labels < _prompts_of_a_step():
        yield (
            "Which questions is ppo to answer? It takes examples of `troika finetune data build` and not the "
            f"pairs, {_prompts_of_a_step()} or more for a step; there are {labels}."
        )
    if _thumbs(counts) >= FEWEST_PREFERENCES and not (counts.thumbs_up and counts.thumbs_down):
        yield "All thumbs point the same way: collect the others too, kto needs both."


def _is_verifiable(counts: LabelCounts) -> bool:
    """Whether most answers can be verified."""
    return 2 * counts.verifiable >= counts.gold > 0


def _carries_reward(counts: LabelCounts) -> bool:
    """Whether to learn from a reward model: there are pairs for one, and no rule could take its place."""
    return counts.pairs >= ENOUGH_FOR_REWARD and not _is_verifiable(counts)


def _prompts_of_a_step() -> int:
    """How many prompts ``ppo`` takes at once by the configuration that comes with it."""
    config = load_config("ppo", None)
    answers = config.train.per_device_train_batch_size * config.train.gradient_accumulation_steps
    return answers // config.rollout.num_generations


def _thumbs(counts: LabelCounts) -> int:
    return counts.thumbs_up + counts.thumbs_down
