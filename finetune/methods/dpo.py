"""Direct preference optimisation: raise the better of two answers above the worse, near a reference.

The reference is the adapter that training starts from, frozen; without one it is the base model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftModel
from transformers import set_seed
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from finetune.data.encode import EncodedPair, as_columns, encode_pairs
from finetune.data.row_files import read_pairs
from finetune.settings.train_config import TrainConfig
from finetune.training.checkpoint import ChatTokenizer, load_model, load_tokenizer
from finetune.training.job import Job, Outcome, RunMetrics
from finetune.training.trainer import RunLog, as_dataset, lora_config, save_adapter, training_arguments


class EncodedDpoTrainer(DPOTrainer):
    """DPO on rows that are token ids already, so that they are the ids the server computes."""

    def _prepare_dataset(self, dataset: Any, processing_class: Any, args: Any, dataset_name: str) -> Any:  # noqa: ARG002
        return dataset


def train(job: Job, checkpoint: Path) -> Outcome:
    """Encode the pairs of the job and train on them."""
    tokenizer = load_tokenizer(checkpoint)
    pairs = read_pairs(job.data)
    rows = encode_pairs(tokenizer, pairs, job.config.train.max_length)
    metrics = train_dpo(
        job.config, load_model(checkpoint), tokenizer, rows, job.output, job.base.fingerprint, job.adapter
    )
    return Outcome(metrics, len(pairs) - len(rows))


def train_dpo(
    config: TrainConfig,
    model: torch.nn.Module,
    tokenizer: ChatTokenizer,
    rows: Sequence[EncodedPair],
    output: Path,
    base_fingerprint: str,
    adapter: Path | None,
) -> RunMetrics:
    """Train on ``rows``, from ``adapter`` when there is one, and write the new adapter to ``output``."""
    train = config.train
    set_seed(train.seed)
    log = RunLog(len(rows), sum(_tokens(row) for row in rows), train.max_minutes)
    arguments = DPOConfig(
        **training_arguments(train, output),
        beta=config.dpo.beta,
        loss_type=list(config.dpo.loss_type),
        loss_weights=None if config.dpo.loss_weights is None else list(config.dpo.loss_weights),
    )
    # A trainable PeftModel without a peft_config: TRL copies its adapter and freezes the copy as reference.
    policy: Any = model
    if adapter is not None:
        policy = cast("Any", PeftModel).from_pretrained(model, adapter, is_trainable=True)
    trainer: Any = EncodedDpoTrainer(
        model=policy,
        args=arguments,
        train_dataset=as_dataset(as_columns(rows)),
        processing_class=tokenizer.inner,
        peft_config=None if adapter is not None else lora_config(config.lora),
        callbacks=[log],
    )
    trainer.train()
    return save_adapter(trainer.model, output, base_fingerprint, log)


def _tokens(row: EncodedPair) -> int:
    return 2 * len(row.prompt_ids) + len(row.chosen_ids) + len(row.rejected_ids)
