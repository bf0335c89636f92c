"""Supervised fine-tuning with LoRA: learn the answers, and only the answers, of the encoded rows."""

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
from finetune.training.job import Job, Outcome, RunMetrics
from finetune.training.trainer import RunLog, as_dataset, lora_config, save_adapter, training_arguments


def train(job: Job, checkpoint: Path) -> Outcome:
    """Encode the examples of the job and train on them."""
    tokenizer = load_tokenizer(checkpoint)
    examples = read_examples(job.data)
    rows = encode_examples(tokenizer, examples, job.config.train.max_length)
    metrics = train_sft(job.config, load_model(checkpoint), tokenizer, rows, job.output, job.base.fingerprint)
    return Outcome(metrics, len(examples) - len(rows))


def train_sft(
    config: TrainConfig,
    model: torch.nn.Module,
    tokenizer: ChatTokenizer,
    rows: Sequence[EncodedExample],
    output: Path,
    base_fingerprint: str,
) -> RunMetrics:
    """Train an adapter of ``model`` on ``rows`` and write it to ``output``.

    The rows bring their own labels; TRL computes the mean negative log-likelihood of the unmasked tokens,
    and projects only those to the vocabulary.
    """
    train = config.train
    set_seed(train.seed)  # A of the adapter is drawn before the trainer sets its seed
    log = RunLog(len(rows), sum(len(row.input_ids) for row in rows), train.max_minutes)
    arguments = SFTConfig(
        **training_arguments(train, output),
        packing=False,
        train_sampling_strategy="group_by_length",
    )
    trainer: Any = SFTTrainer(
        model=cast("Any", model),
        args=arguments,
        train_dataset=as_dataset(as_columns(rows)),
        processing_class=tokenizer.inner,
        peft_config=lora_config(config.lora),
        callbacks=[log],
    )
    trainer.train()
    return save_adapter(trainer.model, output, base_fingerprint, log)
