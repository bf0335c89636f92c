"""Kahneman-Tversky optimisation: learn from answers that were judged one by one, near a reference.

The reference is the adapter that training starts from, frozen; without one it is the base model.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, cast

import torch
from transformers import set_seed
from trl.trainer.kto_config import KTOConfig
from trl.trainer.kto_trainer import KTOTrainer

from finetune.data.encode import EncodedJudgement, encode_judged, end_of_turn
from finetune.data.row_files import read_judged
from finetune.methods.preference_report import FIGURES, SIDES, LengthProbe, run_watched
from finetune.settings.kto import KtoSection
from finetune.training.checkpoint import load_model, load_tokenizer
from finetune.training.job import Job, Outcome
from finetune.training.packing import pack_batches
from finetune.training.run_log import RunLog
from finetune.training.saving import save_adapter
from finetune.training.trainer import as_dataset, start_from, training_arguments
from ingest.errors import TrainingDataError


def train(job: Job, checkpoint: Path) -> Outcome:
    """Encode the judged answers of the job and train on them.

    Raises:
        TrainingDataError: all of them are good, or all are bad.
    """
    config, tokenizer = job.config, load_tokenizer(checkpoint)
    judged = read_judged(job.data)
    rows = encode_judged(tokenizer, judged, config.train.max_length)
    random.Random(config.train.seed).shuffle(rows)  # they stay in their order, and thumbs come in streaks
    good_weight, bad_weight = weights_of(config.kto, rows)
    set_seed(config.train.seed)
    log = RunLog(len(rows), sum(map(_tokens, rows)), config.train.max_minutes, FIGURES)
    arguments = KTOConfig(
        **training_arguments(config.train, job.output),
        beta=config.kto.beta,
        desirable_weight=good_weight,
        undesirable_weight=bad_weight,
    )
    trainer: Any = EncodedKtoTrainer(
        **start_from(load_model(checkpoint, config.model.dtype), job.adapter, config.lora),
        args=arguments,
        train_dataset=as_dataset(columns(rows)),
        processing_class=tokenizer.inner,
        callbacks=[log],
    )
    if config.train.packing:
        pack_batches(trainer.model, config.train.max_length, log.computed)
    liked = fmean(len(row.answer_ids) for row in rows if row.good)
    prompts = [row.prompt_ids for row in rows[: config.kto.length_probes]]
    details = run_watched(trainer, log, LengthProbe(prompts, liked, end_of_turn(tokenizer)), config.kto.beta)
    metrics = save_adapter(trainer, job.output, job.base.fingerprint, log)
    weights = {"weight/chosen": good_weight, "weight/rejected": bad_weight}
    return Outcome(metrics, len(judged) - len(rows), {**weights, **details})


class EncodedKtoTrainer(KTOTrainer):
    """KTO on rows that are token ids already, so that they are the ids the server computes."""

    def _prepare_dataset(self, dataset: Any, processing_class: Any, args: Any, dataset_name: str) -> Any:  # noqa: ARG002
        return dataset

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """TRL's loss; the lengths of the good and of the bad answers go into the log beside its figures."""
        logged: dict[str, list[float]] = cast("Any", self)._metrics["train"]
        lengths: torch.Tensor = inputs["completion_mask"].sum(1).float()
        for side, judged in zip(SIDES, (inputs["label"], ~inputs["label"]), strict=True):
            if judged.any():
                logged[f"lengths/{side}"].append(float(lengths[judged].mean()))
        return cast("Any", super()).compute_loss(model, inputs, return_outputs, num_items_in_batch)


def weights_of(settings: KtoSection, rows: Sequence[EncodedJudgement]) -> tuple[float, float]:
    """What the losses of good and of bad answers are multiplied with.

    Unless they are given, the rarer side gets the weight that makes λ_D n_D = λ_U n_U, the other side 1: one
    end of the range that is recommended, which reaches to 4:3 (Ethayarajh et al., 2024, equation 8).

    Raises:
        TrainingDataError: all rows are good, or all are bad.
    """
    good = sum(row.good for row in rows)
    bad = len(rows) - good
    if not good or not bad:
        raise TrainingDataError(
            f"of {len(rows)} judged answers {good} are good and {bad} bad, and kto learns from both: "
            "add what is missing, or train on the good ones with sft."
        )
    if settings.desirable_weight is not None and settings.undesirable_weight is not None:
        return settings.desirable_weight, settings.undesirable_weight
    return max(1.0, bad / good), max(1.0, good / bad)


def columns(rows: Sequence[EncodedJudgement]) -> list[Mapping[str, Any]]:
    """The rows in TRL's words, each with the answer of the row before it.

    The divergence from the reference, which answers are measured against, is estimated on prompts with
    answers to other prompts; the rows must stay in their order.
    """
    return [
        {
            "prompt_ids": row.prompt_ids,
            "completion_ids": row.answer_ids,
            "KL_completion_ids": rows[place - 1].answer_ids,
            "label": row.good,
        }
        for place, row in enumerate(rows)
    ]


def _tokens(row: EncodedJudgement) -> int:
    return len(row.prompt_ids) + len(row.answer_ids)
