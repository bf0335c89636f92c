"""Keep runs in Weights & Biases, as ``WANDB_API_KEY``, ``WANDB_PROJECT`` and ``WANDB_MODE`` say."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eval.reports.answer_report import AnswerReport
from eval.sinks.numbers import numbers_of
from ingest.errors import SinkError

PROJECT = "troika"


class WandbSink:
    """Writes to the project that ``WANDB_PROJECT`` names, or ``troika``.

    Nothing of the machine, its packages or the code goes there. ``wandb`` is the module, which has no types
    of its own in an environment without it.
    """

    def __init__(self, wandb: Any) -> None:
        self._wandb = wandb

    def log_run(self, report: AnswerReport, files: list[Path]) -> None:
        """See ``Sink``. Offline runs lie beside the first of ``files``."""
        try:
            self._log(report, files)
        except self._wandb.errors.Error as error:
            reason = str(error).splitlines()[0]
            raise SinkError(
                f"Weights & Biases did not take the run ({reason}): see WANDB_API_KEY and WANDB_MODE."
            ) from error

    def _log(self, report: AnswerReport, files: list[Path]) -> None:
        settings = self._wandb.Settings(
            console="off",
            silent=True,
            disable_git=True,
            disable_code=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_disable_machine_info=True,
            x_save_requirements=False,
        )
        with self._wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=report.identity.name,
            config=asdict(report.identity),
            dir=files[0].parent,
            reinit="create_new",
            settings=settings,
        ) as run:
            run.summary.update(numbers_of(report))
            for path in files:
                run.save(path, base_path=path.parent, policy="now")
