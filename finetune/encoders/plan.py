"""What a training of an encoder would do: its labels, its rows, its steps. Nothing is trained or written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from finetune.encoders.collection import OpenCollection
from finetune.encoders.job import AnyConfig
from finetune.encoders.labels import LabelFiles, Labels, read_labels
from finetune.encoders.model_folder import embedder_weights, weights_folder
from finetune.encoders.rows import EncoderRow, render_rows
from finetune.encoders.same_split import require_same_split
from finetune.settings.encoders import EmbedderConfig, EncoderTraining
from finetune.training.checks import check_machine
from service.retrieval.rerank import passage_text

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run needs, found and checked: the folder of the weights to start from, and the rows."""

    base: Path
    labels: Labels
    rows: tuple[EncoderRow, ...]


@dataclass(frozen=True, slots=True)
class EncoderPlan:
    """A run before it begins. ``per_step`` counts rows for an embedder and pairs for a reranker.

    ``left_out`` says how many questions give no row, by the reason; ``fresh_head`` that the reranker starts
    from an encoder that never compared a pair.
    """

    base_model: str
    rows: int
    left_out: Mapping[str, int]
    held_out: int
    steps: int
    per_step: int
    fresh_head: bool
    examples: tuple[EncoderRow, ...]


def prepare(config: AnyConfig, collection: OpenCollection, files: LabelFiles) -> Prepared:
    """Find the weights and make the rows, in the words that the served model reads.

    Raises:
        TrainingDataError, UsageError: as ``read_labels``, or the model learned other questions than would be
            trained on now, see ``require_same_split``.
        ModelNotFoundError, SettingsError: the model cannot be trained.
        MissingExtraError: the libraries that train are not installed.
    """
    check_machine(config.train.shared)
    is_embedder = isinstance(config, EmbedderConfig)
    base = embedder_weights(collection.spec) if is_embedder else weights_folder(config.model.name_or_path)
    require_same_split(base, config, files.questions)
    labels = read_labels(files, collection.passages, collection.retriever, config.data, config.train.seed)
    if is_embedder:
        rows = render_rows(labels.train, collection.question_text, collection.passage_text)
    else:
        rows = render_rows(labels.train, str, passage_text)
    return Prepared(base, labels, rows)


def plan_run(config: AnyConfig, prepared: Prepared) -> EncoderPlan:
    """The run that ``prepared`` would come to."""
    rows, train = prepared.rows, config.train
    is_embedder = isinstance(config, EmbedderConfig)
    items = len(rows) if is_embedder else sum(1 + len(row.others) for row in rows)
    return EncoderPlan(
        base_model=prepared.base.name,
        rows=len(rows),
        left_out={reason.value: count for reason, count in prepared.labels.left_out.items() if count},
        held_out=len(prepared.labels.held_out),
        steps=_steps(train, items),
        per_step=train.per_device_train_batch_size,
        fresh_head=not is_embedder and not compares_pairs(prepared.base),
        examples=rows[:_SHOWN],
    )


def plan_lines(plan: EncoderPlan) -> list[str]:
    """The plan in words."""
    lines = [
        f"{plan.rows} rows to train {plan.base_model} on, {plan.held_out} questions to measure on",
        f"{plan.steps} steps of {plan.per_step}",
        *(f"left out: {count} ({reason})" for reason, count in plan.left_out.items()),
    ]
    if plan.fresh_head:
        lines.append(FRESH_HEAD)
    for row in plan.examples:
        lines += ["", f"question: {row.question}", f"answer: {row.answer}"]
        lines += [f"no answer: {text}" for text in row.others]
    return lines


def compares_pairs(folder: Path) -> bool:
    """Whether the model in ``folder`` has a head that scores pairs."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    return any(name.endswith("ForSequenceClassification") for name in config.get("architectures") or ())


FRESH_HEAD = (
    "the model never compared a pair before and learns it from these rows alone: some hundred make a weak "
    "reranker, so give a cross-encoder as model.name_or_path where there is one"
)


def _steps(train: EncoderTraining, items: int) -> int:
    epoch = math.ceil(items / train.per_device_train_batch_size)
    return train.max_steps or math.ceil(train.num_train_epochs * epoch)
