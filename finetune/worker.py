"""The training process: ``python -m finetune.worker JOB.json``, started by ``finetune.run``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from finetune.base_model import BaseModel
from finetune.checkpoint import ensure_checkpoint, load_model, load_tokenizer
from finetune.dpo import train_dpo
from finetune.encode import encode_examples, encode_pairs
from finetune.run import OUTCOME, Job, read_job
from finetune.sft import train_sft
from finetune.trainer import RunMetrics
from finetune.training_data import read_examples, read_pairs
from ingest.errors import TroikaError
from ingest.snapshots.durable import replace_text


def main(arguments: Sequence[str]) -> int:
    """Do the job in the file that is named first; errors go into the outcome, not onto the terminal."""
    job = read_job(Path(arguments[0]))
    try:
        metrics, left_out = train(job)
        outcome: dict[str, object] = {"metrics": asdict(metrics), "left_out": left_out}
    except TroikaError as error:
        outcome = {"error": type(error).__name__, "message": str(error)}
    replace_text(job.output / OUTCOME, json.dumps(outcome))
    return 1 if "error" in outcome else 0


def train(job: Job) -> tuple[RunMetrics, int]:
    """Encode, then train; returns the metrics and how many rows were too long to be used."""
    folder = ensure_checkpoint(BaseModel(job.base_fingerprint, job.base_source), job.home)
    tokenizer = load_tokenizer(folder)
    config, longest = job.config, job.config.train.max_length
    if config.method == "sft":
        examples = read_examples(job.data)
        rows = encode_examples(tokenizer, examples, longest)
        model = load_model(folder)
        metrics = train_sft(config, model, tokenizer, rows, job.output, job.base_fingerprint)
        return metrics, len(examples) - len(rows)
    pairs = read_pairs(job.data)
    encoded = encode_pairs(tokenizer, pairs, longest)
    model = load_model(folder)
    metrics = train_dpo(config, model, tokenizer, encoded, job.output, job.base_fingerprint, job.adapter)
    return metrics, len(pairs) - len(encoded)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
