"""Where the figures of a run go besides its folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from eval.reports.answer_report import AnswerReport
from eval.sinks.kind import SinkKind
from eval.sinks.mlflow import MlflowSink
from eval.sinks.wandb import WandbSink
from ingest.optional import require


class Sink(Protocol):
    """A tracking service that keeps runs side by side."""

    def log_run(self, report: AnswerReport, files: list[Path]) -> None:
        """Keep a run: its identity, each figure with the ends of its interval, its times, and ``files``.

        Raises:
            SinkError: the service can't be reached or refuses.
        """
        ...


def open_sink(kind: SinkKind) -> Sink:
    """The adapter of a service. Its library doesn't report home unless its own variable says so.

    Raises:
        MissingExtraError: its library is not installed.
    """
    match kind:
        case SinkKind.MLFLOW:
            os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
            return MlflowSink(require("mlflow", extra="mlflow"))
        case SinkKind.WANDB:
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
            return WandbSink(require("wandb", extra="wandb"))
