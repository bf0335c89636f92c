"""The training process: ``python -m finetune.training.worker JOB.json``, started by ``training.run``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from finetune.settings.train_config import Method
from finetune.training.checkpoint import ensure_checkpoint
from finetune.training.job import FailedOutcome, Job, Outcome, read_job, write_outcome
from ingest.errors import TroikaError, UsageError

Train = Callable[[Job, Path], Outcome]
"""A method: trains on the checkpoint in a folder as the job says, and writes to ``job.output``."""


def main(arguments: Sequence[str]) -> int:
    """Do the job in the file that is named first; errors go into the outcome, not onto the terminal."""
    job = read_job(Path(arguments[0]))
    try:
        train = method_of(job.config.method)
        outcome = train(job, ensure_checkpoint(job.base, job.home))
    except TroikaError as error:
        write_outcome(job.output, FailedOutcome(type(error).__name__, str(error)))
        return 1
    write_outcome(job.output, outcome)
    return 0


def method_of(method: Method) -> Train:
    """The method of that name; only its own libraries are imported."""
    match method:
        case "sft":
            from finetune.methods.sft import train
        case "dpo":
            from finetune.methods.dpo import train
        case _:
            raise UsageError(f"the method {method!r} is not built: take sft or dpo.")
    return train


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
