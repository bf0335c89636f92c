"""Direct preference optimisation: raise the better of two answers above the worse, near a reference.

The reference is the adapter that training starts from, frozen; without one it is the base model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, cast

import torch
from transformers import set_seed
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from finetune.data.encode import EncodedPair, as_columns, encode_pairs, end_of_turn
from finetune.data.row_files import read_pairs
from finetune.methods.preference_report import FIGURES, SIDES, LengthProbe, run_watched
from finetune.settings.train_config import TrainConfig
from finetune.training.checkpoint import ChatTokenizer, load_model, load_tokenizer
from finetune.training.job import Job, Outcome, RunMetrics
from finetune.training.packing import pack_batches
from finetune.training.run_log import RunLog
from finetune.training.saving import save_adapter
from finetune.training.trainer import as_dataset, start_from, training_arguments


class EncodedDpoTrainer(DPOTrainer):
    """DPO on rows that are token ids already, so that they are the ids the server computes."""

    def _prepare_dataset(self, dataset: Any, processing_class: Any, args: Any, dataset_name: str) -> Any:  # noqa: ARG002
        return dataset

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """TRL's loss; the lengths of the answers go into the log beside its figures."""
        logged: dict[str, list[float]] = cast("Any", self)._metrics["train"]
        lengths: torch.Tensor = inputs["completion_mask"].sum(1).float()
        for side, answers in zip(SIDES, lengths.chunk(2), strict=True):
            logged[f"lengths/{side}"].append(float(answers.mean()))
        return cast("Any", super()).compute_loss(model, inputs, return_outputs, num_items_in_batch)


def train(job: Job, checkpoint: Path) -> Outcome:
    """Encode the pairs of the job and train on them."""
    tokenizer = load_tokenizer(checkpoint)
    pairs = read_pairs(job.data)
    rows = encode_pairs(tokenizer, pairs, job.config.train.max_length)
    model = load_model(checkpoint, job.config.model.dtype)
    metrics, details = train_dpo(
        job.config, model, tokenizer, rows, job.output, job.base.fingerprint, job.adapter
    )
    return Outcome(metrics, len(pairs) - len(rows), details)


def train_dpo(
    config: TrainConfig,
    model: torch.nn.Module,
    tokenizer: ChatTokenizer,
    rows: Sequence[EncodedPair],
    output: Path,
    base_fingerprint: str,
    adapter: Path | None,
) -> tuple[RunMetrics, dict[str, float]]:
    """Train on ``rows``, from ``adapter`` when there is one, and write the new adapter to ``output``.

    Returns:
        How it went, and the figures of ``preference_report``.
    """
    train = config.train
    set_seed(train.seed)
    log = RunLog(len(rows), sum(_tokens(row) for row in rows), train.max_minutes, FIGURES)
    arguments = DPOConfig(
        **training_arguments(train, output),
        beta=config.dpo.beta,
        loss_type=list(config.dpo.loss_type),
        loss_weights=None if config.dpo.loss_weights is None else list(config.dpo.loss_weights),
        label_smoothing=config.dpo.label_smoothing,
    )
    trainer: Any = EncodedDpoTrainer(
        **start_from(model, adapter, config.lora),
        args=arguments,
        train_dataset=as_dataset(as_columns(rows)),
        processing_class=tokenizer.inner,
        callbacks=[log],
    )
    if train.packing:
        pack_batches(trainer.model, train.max_length, log.computed)
    chosen = fmean(len(row.chosen_ids) for row in rows)
    prompts = [row.prompt_ids for row in rows[: config.dpo.length_probes]]
    probe = LengthProbe(prompts, chosen, end_of_turn(tokenizer))
    details = run_watched(trainer, log, probe, config.dpo.beta)
    return save_adapter(trainer, output, base_fingerprint, log), details


def _tokens(row: EncodedPair) -> int:
    return 2 * len(row.prompt_ids) + len(row.chosen_ids) + len(row.rejected_ids)
