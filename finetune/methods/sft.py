"""Supervised fine-tuning: learn the answers, and only the answers, of the encoded rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from transformers import set_seed
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from finetune.data.encode import EncodedExample, as_columns, encode_examples
from finetune.data.row_files import read_examples
from finetune.settings.train_config import TrainConfig
from finetune.training.checkpoint import ChatTokenizer, load_model, load_tokenizer
from finetune.training.data_order import LengthGrouped
from finetune.training.job import Job, Outcome, RunMetrics
from finetune.training.packing import pack_batches
from finetune.training.run_log import RunLog
from finetune.training.saving import save_adapter, save_model
from finetune.training.trainer import (
    as_dataset,
    learn_in_float32,
    run_trainer,
    start_from,
    training_arguments,
)


class EncodedSftTrainer(SFTTrainer):
    """SFT whose batches hold rows of about the same length, in an order that a resumed run finds again."""

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthGrouped:
        rows: Any = cast("Any", self).train_dataset if train_dataset is None else train_dataset
        arguments: Any = self.args
        batch = arguments.train_batch_size * arguments.gradient_accumulation_steps
        return LengthGrouped([len(ids) for ids in rows["input_ids"]], batch, arguments.seed)

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """None: TRL's names neither the data nor the prompt."""


def train(job: Job, checkpoint: Path) -> Outcome:
    """Encode the examples of the job and train on them."""
    tokenizer = load_tokenizer(checkpoint)
    examples = read_examples(job.data)
    rows = encode_examples(tokenizer, examples, job.config.train.max_length)
    model = load_model(checkpoint, job.config.model.dtype, in_4_bits=job.config.train.finetuning == "qlora")
    metrics = train_sft(job.config, model, tokenizer, rows, job.output, job.base.fingerprint, job.adapter)
    return Outcome(metrics, len(examples) - len(rows))


def train_sft(
    config: TrainConfig,
    model: torch.nn.Module,
    tokenizer: ChatTokenizer,
    rows: Sequence[EncodedExample],
    output: Path,
    base_fingerprint: str,
    adapter: Path | None,
) -> RunMetrics:
    """Train ``model``, or ``adapter`` or a new adapter of it, on ``rows`` and write it to ``output``.

    The rows bring their own labels; TRL computes the mean negative log-likelihood of the unmasked tokens,
    and projects only those to the vocabulary.
    """
    train = config.train
    set_seed(train.seed)  # A of the adapter is drawn before the trainer sets its seed
    log = RunLog(len(rows), sum(len(row.input_ids) for row in rows), train.max_minutes)
    whole = train.finetuning == "full"
    start: dict[str, Any] = {"model": model} if whole else start_from(model, adapter, config.lora)
    trainer: Any = EncodedSftTrainer(
        **start,
        args=SFTConfig(**training_arguments(train, output), packing=False),
        train_dataset=as_dataset(as_columns(rows)),
        processing_class=tokenizer.inner,
        callbacks=[log],
    )
    learn_in_float32(trainer.model)
    if train.packing:
        pack_batches(trainer.model, train.max_length, log.computed)
    run_trainer(trainer, log)
    if whole:
        return save_model(trainer, output, log)
    return save_adapter(trainer, output, base_fingerprint, log)
