"""Keep runs in MLflow, at the server or store that ``MLFLOW_TRACKING_URI`` names."""

from __future__ import annotations

import os
import re
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eval.reports.answer_report import AnswerReport
from eval.sinks.numbers import numbers_of
from ingest.errors import SinkError

EXPERIMENT = "troika"
_FORBIDDEN = re.compile(r"[^\w\-. /:]")


class MlflowSink:
    """Writes to the experiment that ``MLFLOW_EXPERIMENT_NAME`` names, or ``troika``.

    ``mlflow`` is the module, which has no types of its own in an environment without it.
    """

    def __init__(self, mlflow: Any) -> None:
        self._mlflow = mlflow

    def log_run(self, report: AnswerReport, files: list[Path]) -> None:
        """See ``Sink``."""
        try:
            self._log(report, files)
        except self._mlflow.exceptions.MlflowException as error:
            raise SinkError(
                f"MLflow did not take the run ({str(error).splitlines()[0]}): see MLFLOW_TRACKING_URI."
            ) from error

    def _log(self, report: AnswerReport, files: list[Path]) -> None:
        client, entities = self._mlflow.MlflowClient(), self._mlflow.entities
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        experiment = client.get_experiment_by_name(name)
        found = client.create_experiment(name) if experiment is None else experiment.experiment_id
        run = client.create_run(found, run_name=report.identity.name).info.run_id
        now = int(time.time() * 1000)
        numbers = [entities.Metric(_allowed(key), value, now, 0) for key, value in numbers_of(report).items()]
        known = asdict(report.identity)
        libraries = known.pop("libraries")
        params = [entities.Param(key, str(value)) for key, value in known.items() if value is not None]
        params += [entities.Param(f"version/{_allowed(key)}", value) for key, value in libraries.items()]
        client.log_batch(run, numbers, params)
        for path in files:
            client.log_artifact(run, str(path))
        client.set_terminated(run)


def _allowed(name: str) -> str:
    """``name`` without the characters that MLflow refuses in one."""
    return _FORBIDDEN.sub("_", name)
