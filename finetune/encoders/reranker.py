"""Train a cross-encoder: it reads a question and a passage together, and gives one score.

The loss of a pair with the logit x, and y = 1 where the passage answers and 0 where not, is
-y log σ(x) - (1 - y) log(1 - σ(x)): Nogueira and Cho, "Passage re-ranking with BERT", 2019, arXiv:1901.04085.
"""

from __future__ import annotations

from typing import Any, cast

import datasets  # pyright: ignore[reportMissingTypeStubs]
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
from transformers import set_seed

from finetune.encoders.job import EncoderJob
from finetune.encoders.rows import EncoderRow
from finetune.encoders.trainer import encoder_arguments, save_encoder
from finetune.training.job import Outcome
from finetune.training.run_log import RunLog
from finetune.training.trainer import run_trainer


def train(job: EncoderJob) -> Outcome:
    """Train all weights of the cross-encoder; an encoder that has none gets a head of random weights."""
    config = job.config.train
    set_seed(config.seed)
    model = cast("Any", CrossEncoder)(
        str(job.base), num_labels=1, max_length=job.window, local_files_only=True
    )
    rows = job.rows
    log = RunLog(len(rows), _tokens(model, rows), config.max_minutes)
    trainer = cast("Any", CrossEncoderTrainer)(
        model=model,
        args=cast("Any", CrossEncoderTrainingArguments)(**encoder_arguments(config, job.output)),
        train_dataset=pairs(rows),
        loss=BinaryCrossEntropyLoss(model),
        callbacks=[log],
    )
    run_trainer(trainer, log)
    return Outcome(save_encoder(model, job.output, log), left_out=0)


def pairs(rows: tuple[EncoderRow, ...]) -> Any:
    """The rows as the data set that the loss takes: question, passage, and a label of 1.0 or 0.0."""
    labelled = [
        (row.question, passage, float(place == 0))
        for row in rows
        for place, passage in enumerate((row.answer, *row.others))
    ]
    questions, passages, labels = zip(*labelled, strict=True)
    return cast("Any", datasets).Dataset.from_dict(
        {"question": list(questions), "passage": list(passages), "label": list(labels)}
    )


def _tokens(model: Any, rows: tuple[EncoderRow, ...]) -> int:
    """The tokens of all pairs, each cut at the window."""
    questions = [row.question for row in rows for _ in (row.answer, *row.others)]
    passages = [passage for row in rows for passage in (row.answer, *row.others)]
    lengths = map(len, model.tokenizer(questions, passages, truncation=False)["input_ids"])
    return sum(min(length, model.max_seq_length) for length in lengths)
