"""Train an embedder: questions near the passages that answer them, and far from all others of the batch.

The loss of a row i, for the cosine s of question q_i with the N(1 + n) passages p of a batch of N rows with n
hard negatives each::

    -log( exp(scale s(q_i, p_i)) / sum_p exp(scale s(q_i, p)) )

It is InfoNCE (van den Oord et al., 2018, arXiv:1807.03748) with in-batch and hard negatives (Karpukhin et
al., 2020, arXiv:2004.04906). No text stands twice in a batch: the answer to one question would be a wrong one
to another.
"""

from __future__ import annotations

from typing import Any, cast

import datasets  # pyright: ignore[reportMissingTypeStubs]
import numpy as np
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.sampler import BatchSamplers
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from transformers import set_seed

from finetune.encoders.job import EncoderJob, Probe
from finetune.encoders.rows import EncoderRow
from finetune.encoders.trainer import encoder_arguments, save_encoder
from finetune.settings.encoders import EmbedderConfig
from finetune.training.job import Outcome
from finetune.training.run_log import RunLog
from finetune.training.trainer import run_trainer
from ingest.errors import ModelNotFoundError

# Served through OpenVINO in bfloat16, a vector keeps .9999 of its direction; another pooling does not.
_SAME_DIRECTION = 0.99


def train(job: EncoderJob) -> Outcome:
    """Train all weights of the embedder; the model is written to the run's folder.

    Raises:
        ModelNotFoundError: the weights give other vectors than the embedder that serves.
    """
    config = cast("EmbedderConfig", job.config)
    set_seed(config.train.seed)
    model = open_embedder(job)
    rows = job.rows
    log = RunLog(len(rows), _tokens(model, rows), config.train.max_minutes)
    trainer = cast("Any", SentenceTransformerTrainer)(
        model=model,
        args=cast("Any", SentenceTransformerTrainingArguments)(
            **encoder_arguments(config.train, job.output), batch_sampler=BatchSamplers.NO_DUPLICATES
        ),
        train_dataset=columns(rows),
        loss=MultipleNegativesRankingLoss(model, scale=config.embedder.scale),
        callbacks=[log],
    )
    run_trainer(trainer, log)
    return Outcome(save_encoder(model, job.output, log), left_out=0)


def open_embedder(job: EncoderJob) -> Any:
    """The model to train, checked against the probe of the embedder that serves."""
    model = cast("Any", SentenceTransformer)(str(job.base), local_files_only=True)
    model.max_seq_length = job.window
    if job.probe is not None:
        _require_same_vector(model, job.probe)
    return model


def columns(rows: tuple[EncoderRow, ...]) -> Any:
    """The rows as the data set that the loss takes: question, answer, and a column for each other passage."""
    texts = {"question": [row.question for row in rows], "answer": [row.answer for row in rows]}
    for place in range(len(rows[0].others)):
        texts[f"other_{place + 1}"] = [row.others[place] for row in rows]
    return cast("Any", datasets).Dataset.from_dict(texts)


def _require_same_vector(model: Any, probe: Probe) -> None:
    [vector] = model.encode([probe.text], normalize_embeddings=True, prompt="", show_progress_bar=False)
    cosine = float(np.dot(vector, np.array(probe.vector, dtype=np.float32)))
    if cosine < _SAME_DIRECTION:
        raise ModelNotFoundError(
            f"the weights give a vector at a cosine of {cosine:.3f} to that of the embedder that serves: "
            "give the model's folder the modules.json and pooling that it is served with."
        )


def _tokens(model: Any, rows: tuple[EncoderRow, ...]) -> int:
    """The tokens of all texts, each cut at the window."""
    texts = [text for row in rows for text in (row.question, row.answer, *row.others)]
    lengths = map(len, model.tokenizer(texts, truncation=False)["input_ids"])
    return sum(min(length, model.max_seq_length) for length in lengths)
