"""The training process of an encoder: ``python -m finetune.encoders.worker JOB.json``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from finetune.encoders.job import EncoderJob, read_job
from finetune.training.job import Outcome
from finetune.training.worker import leave_outcome


def main(arguments: Sequence[str]) -> int:
    """Do the job in the file that is named first; returns the status to exit with."""
    job = read_job(Path(arguments[0]))
    return leave_outcome(job.output, lambda: _train(job))


def _train(job: EncoderJob) -> Outcome:
    match job.config.method:
        case "embedder":
            from finetune.encoders.embedder import train
        case "reranker":
            from finetune.encoders.reranker import train
    return train(job)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
