"""The training process: ``python -m finetune.training.worker JOB.json``, started by ``training.run``."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from finetune.settings.train_config import Method
from finetune.training.checkpoint import ensure_checkpoint
from finetune.training.failures import failure_of
from finetune.training.job import FailedOutcome, Job, Outcome, read_job, write_outcome, writes_files
from finetune.training.saved_state import drop_broken_checkpoints

Train = Callable[[Job, Path], Outcome]
"""A method: trains on the checkpoint in a folder as the job says, and writes to ``job.output``."""


def main(arguments: Sequence[str]) -> int:
    """Do the job in the file that is named first; see ``leave_outcome``."""
    job = read_job(Path(arguments[0]))
    return leave_outcome(
        job.output, lambda: method_of(job.config.method)(job, ensure_checkpoint(job.base, job.home))
    )


def leave_outcome(output: Path, train: Callable[[], Outcome]) -> int:
    """Train, and leave in ``output`` what came of it, an error, too; returns the status to exit with.

    A defect ends it without an outcome, with its traceback in the log.
    """
    try:
        outcome = train()
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        traceback.print_exc(file=sys.stdout)
        failure = failure_of(error, output)
        if failure is not None:
            drop_broken_checkpoints(output)  # on a full disk, room for the outcome
            write_outcome(output, FailedOutcome(type(failure).__name__, str(failure)))
        return 1
    if writes_files():
        write_outcome(output, outcome)
    return 0


def method_of(method: Method) -> Train:
    """The method of that name; only its own libraries are imported."""
    match method:
        case "sft":
            from finetune.methods.sft import train
        case "rm":
            from finetune.methods.reward import train
        case "dpo":
            from finetune.methods.dpo import train
        case "kto":
            from finetune.methods.kto import train
        case "ppo":
            from finetune.methods.ppo import train
        case "rloo":
            from finetune.methods.rloo import train
        case "grpo":
            from finetune.methods.grpo import train
    return train


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
