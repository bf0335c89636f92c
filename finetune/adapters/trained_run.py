"""The adapter that a finished run left, to be merged, exported and compared, and what it was trained on."""

from __future__ import annotations

from collections.abc import Sequence

from finetune.adapters.lora import Lora, read_lora
from finetune.data.rows import Row, rows_sha256
from finetune.training.run import Run, read_rows
from ingest.errors import AdapterRejectedError, TrainingDataError


def adapter_of(run: Run) -> Lora:
    """The run's adapter.

    Raises:
        AdapterRejectedError: the run trained no model that writes answers, or a whole model, or its adapter
            names another base.
    """
    if run.method == "rm":
        raise AdapterRejectedError(
            f"{run.folder.name} is a reward model, which scores answers and writes none: it is used by "
            "`troika finetune ppo`, and neither merged nor exported."
        )
    if run.config.train.finetuning == "full":
        raise AdapterRejectedError(
            f"{run.folder.name} trained all weights and has no adapter: export it with --merged or "
            "--gguf-merged, which take the model as it is."
        )
    lora = read_lora(run.folder)
    if lora.base_model != run.base.fingerprint:
        raise AdapterRejectedError(
            f"the adapter in {run.folder} was trained on {lora.base_model}, but the run on "
            f"{run.base.fingerprint}: one of them was replaced, so train it again."
        )
    return lora


def rows_of(run: Run) -> Sequence[Row]:
    """The rows of the run; none where they are gone or others lie in their place."""
    try:
        rows = read_rows(run.method, run.data)
    except TrainingDataError:
        return ()
    return rows if rows_sha256(rows) == run.dataset_sha256 else ()
