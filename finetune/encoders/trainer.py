"""What both trainers of sentence-transformers are told, and how what they made is written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from finetune.settings.encoders import EncoderTraining
from finetune.training.job import MODEL, RunMetrics
from finetune.training.run_log import RunLog, write_log
from finetune.training.trainer import training_arguments
from ingest.snapshots.durable import sync_tree


def encoder_arguments(train: EncoderTraining, output: Path) -> dict[str, Any]:
    """The keyword arguments of sentence-transformers' training arguments."""
    arguments = training_arguments(train.shared, output)
    del arguments["max_length"]  # TRL's; here it is the model's own
    return arguments


def save_encoder(model: Any, output: Path, log: RunLog) -> RunMetrics:
    """Write the model into the folder ``model`` of a run, whole or not at all, and the loss curve.

    It comes without the card that the library would make, which quotes the rows.
    """
    staged = output / ".staged"
    shutil.rmtree(staged, ignore_errors=True)
    model.save_pretrained(str(staged), create_model_card=False)
    sync_tree(staged)
    shutil.rmtree(output / MODEL, ignore_errors=True)
    os.replace(staged, output / MODEL)
    return write_log(output, log)
