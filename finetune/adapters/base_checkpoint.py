"""The weights under a finished run's adapter, as transformers reads them."""

from __future__ import annotations

from pathlib import Path

from finetune.training.base_model import find_base_model
from finetune.training.checkpoint import ensure_checkpoint
from finetune.training.run import Run
from ingest.errors import AdapterRejectedError


def checkpoint_of(run: Run, home: Path) -> Path:
    """The folder of the run's base in the Hugging Face layout.

    Raises:
        AdapterRejectedError: the weights that lie where the base lay are others now.
        ModelNotFoundError: the base is gone.
    """
    found = find_base_model(str(run.base.source))
    if found.fingerprint != run.base.fingerprint:
        raise AdapterRejectedError(
            f"{run.base.source} is {found.fingerprint} now, but the run was trained on "
            f"{run.base.fingerprint}: put that model back."
        )
    return ensure_checkpoint(run.base, home)
