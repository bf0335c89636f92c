"""What a training would do, without doing it: ``--dry-run``."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune.data.encode import (
    IGNORED,
    EncodedExample,
    encode_examples,
    encode_judged,
    encode_pairs,
    encode_rankings,
)
from finetune.data.row_files import read_examples, read_judged, read_pairs, read_rankings
from finetune.policy.prompts import read_prompts
from finetune.settings.method_sections import Method
from finetune.settings.shared import Finetuning
from finetune.settings.train_config import TrainConfig
from finetune.training.checkpoint import ChatTokenizer, read_model_config, read_tokenizer
from finetune.training.checks import check_batch, rows_per_step
from finetune.training.held_out import PromptIds, held_out_prompts
from finetune.training.launch import processes
from finetune.training.memory_plan import Batch, MemoryPlan, plan_memory
from finetune.training.run import prepare_run
from finetune.training.steps import steps_of, steps_of_an_epoch
from service.prompt import PROMPT_ID

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of an example as the model reads it; only a learned one counts towards the loss."""

    text: str
    learned: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    """The steps: in ``warmup_steps`` the rate rises to ``learning_rate``, then it goes by ``form``."""

    steps: int
    rows_per_step: int
    epochs: float
    learning_rate: float
    warmup_steps: int
    form: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would learn from and how, what it would take, and its first examples.

    ``left_out`` counts rows that are too long, or whose answers rules cannot judge where they have to. Tokens
    are counted over one epoch, without padding, prompts once for each answer. ``memory`` begins with
    the way that is configured; the others are for comparison.
    """

    method: str
    base_model: str
    prompt_id: str
    rows: int
    left_out: int
    tokens: int
    learned_tokens: int
    longest: int
    schedule: Schedule
    memory: tuple[MemoryPlan, ...]
    examples: tuple[tuple[Segment, ...], ...]


def plan_run(
    home: Path,
    config: TrainConfig,
    data: Path,
    adapter: Path | None = None,
    reward_model: Path | None = None,
) -> Plan:
    """Check a run as ``start_run`` does, encode its rows, and plan it; nothing is written.

    Raises:
        TroikaError: as ``start_run``, or more than a few rows are too long.
    """
    prepared = prepare_run(config, data, adapter, reward_model)
    config = prepared.config
    tokenizer = read_tokenizer(prepared.base, home)
    groups = encode_rows(config, tokenizer, data, by_rules=reward_model is None)
    sequences = [sequence for group in groups for sequence in group]
    longest = max(len(sequence.input_ids) for sequence in sequences)
    sampled = config.rollout.max_completion_length if config.method in {"ppo", "rloo", "grpo"} else 0
    batch = _largest_batch(config.method, groups, config.train.per_device_train_batch_size, sampled)
    model_config = read_model_config(prepared.base, home)
    chosen = config.train.finetuning
    usual: tuple[Finetuning, ...] = ("lora", "full")
    ways: tuple[Finetuning, ...] = (chosen, *(way for way in usual if way != chosen))
    return Plan(
        method=config.method,
        base_model=prepared.base.fingerprint,
        prompt_id=PROMPT_ID,
        rows=len(groups),
        left_out=len(prepared.rows) - len(groups),
        tokens=sum(len(sequence.input_ids) for sequence in sequences),
        learned_tokens=sum(map(_learned, sequences)),
        longest=longest,
        schedule=_schedule(config, _rows_to_learn(config, groups)),
        memory=tuple(plan_memory(model_config, config, way, batch) for way in ways),
        examples=tuple(_segments(tokenizer, sequence) for sequence in sequences[:_SHOWN]),
    )


def encode_rows(
    config: TrainConfig, tokenizer: ChatTokenizer, data: Path, *, by_rules: bool = True
) -> list[list[EncodedExample]]:
    """Each row as the sequences to run the model on: one for each of its answers, or its prompt alone.

    ``by_rules`` leaves those out, of methods that sample, whose answers rules cannot judge.
    """
    limit = config.train.max_length
    match config.method:
        case "sft":
            return [[row] for row in encode_examples(tokenizer, read_examples(data), limit)]
        case "dpo":
            pairs = encode_pairs(tokenizer, read_pairs(data), limit)
            return [
                [_sequence(row.prompt_ids, row.chosen_ids), _sequence(row.prompt_ids, row.rejected_ids)]
                for row in pairs
            ]
        case "kto":
            judged = encode_judged(tokenizer, read_judged(data), limit)
            return [[_sequence(row.prompt_ids, row.answer_ids)] for row in judged]
        case "rm":
            ranked = encode_rankings(tokenizer, read_rankings(data), limit)
            return [[_sequence(row.prompt_ids, answer) for answer in row.answers_ids] for row in ranked]
        case "ppo" | "rloo" | "grpo":
            prompts, _ = read_prompts(config, tokenizer, data, by_rules=by_rules)
            check_batch(config, [row.example for row in prompts], processes(config.train))
            return [[_sequence(row.prompt_ids, [])] for row in prompts]


def _sequence(prompt: list[int], answer: list[int]) -> EncodedExample:
    return EncodedExample([*prompt, *answer], [*([IGNORED] * len(prompt)), *answer])


def _learned(sequence: EncodedExample) -> int:
    return sum(label != IGNORED for label in sequence.labels)


def _largest_batch(
    method: Method, groups: Sequence[Sequence[EncodedExample]], rows: int, sampled: int
) -> Batch:
    """The batch of the longest rows; to each sequence come ``sampled`` tokens that the model writes."""
    largest = sorted(groups, key=lambda group: sum(len(row.input_ids) for row in group))[-rows:]
    sequences = [sequence for group in largest for sequence in group]
    length = max(len(sequence.input_ids) for sequence in sequences)
    scored = sum(map(_learned, sequences)) + sampled * len(sequences)
    # A reward model has one number in place of the vocabulary.
    return Batch(len(sequences), length + sampled, 0 if method == "rm" else scored)


def _rows_to_learn(config: TrainConfig, groups: Sequence[Sequence[EncodedExample]]) -> int:
    if config.method != "rm":
        return len(groups)
    prompts = [_prompt(group[0]) for group in groups]
    held_out = held_out_prompts(prompts, config.rm.eval_share, config.train.seed)
    return sum(prompt not in held_out for prompt in prompts)


def _prompt(sequence: EncodedExample) -> PromptIds:
    return tuple(itertools.islice(sequence.input_ids, sequence.labels.count(IGNORED)))


def _schedule(config: TrainConfig, rows: int) -> Schedule:
    train = config.train
    steps = steps_of(config, rows, processes(train))
    return Schedule(
        steps=steps,
        rows_per_step=rows_per_step(config, processes(train)),
        epochs=round(steps / steps_of_an_epoch(config, rows, processes(train)), 2),
        learning_rate=train.learning_rate,
        warmup_steps=math.ceil(steps * train.warmup_ratio),
        form=train.lr_scheduler_type,
    )


def _segments(tokenizer: ChatTokenizer, sequence: EncodedExample) -> tuple[Segment, ...]:
    places = itertools.groupby(
        zip(sequence.input_ids, sequence.labels, strict=True), key=lambda place: place[1] != IGNORED
    )
    return tuple(
        Segment(tokenizer.decode([number for number, _ in group]), learned) for learned, group in places
    )
