"""A run goes to a tracking service with its figures, what they hold for, and its files."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from eval.reports.answer_report import AnswerReport
from eval.runs.folder import RECORDS as RECORDS_FILE
from eval.runs.folder import create_run
from eval.runs.report import report_files, write_report
from eval.sinks.kind import SinkKind
from eval.sinks.numbers import numbers_of
from eval.sinks.sink import open_sink
from ingest.errors import MissingExtraError, SinkError
from ingest.optional import is_installed
from tests.eval.reports.records import IDENTITY, RECORDS

needs_mlflow = pytest.mark.skipif(not is_installed("mlflow"), reason="needs mlflow-skinny")
needs_wandb = pytest.mark.skipif(not is_installed("wandb"), reason="needs wandb")


@pytest.fixture(scope="module")
def report(folder: Path) -> AnswerReport:
    run = create_run(folder, IDENTITY)
    lines = [msgspec.json.encode(record) + b"\n" for record in RECORDS]
    (folder / RECORDS_FILE).write_bytes(b"".join(lines))
    return write_report(run)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


def test_figures_ends_counts_and_times_are_numbers(report: AnswerReport) -> None:
    numbers = numbers_of(report)
    assert numbers["refusal_recall"] == 0.5
    assert numbers["refusal_recall.low"] <= 0.5 <= numbers["refusal_recall.high"]
    assert numbers["diagnosis/retrieval missed"] == 1.0
    assert numbers["time_ms/total/p50"] == 80.0


@pytest.mark.parametrize("kind", SinkKind)
def test_a_service_without_its_library_names_the_extra(
    kind: SinkKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, kind, None)
    with pytest.raises(MissingExtraError, match=rf"troika\[{kind}\]"):
        open_sink(kind)


@pytest.mark.slow
@needs_mlflow
def test_mlflow_keeps_a_run(
    report: AnswerReport, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tmp_path.as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    open_sink(SinkKind.MLFLOW).log_run(report, report_files(folder))

    client: Any = importlib.import_module("mlflow").MlflowClient()
    experiment = client.get_experiment_by_name("troika")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {
        name.replace("@", "_"): pytest.approx(n) for name, n in numbers_of(report).items()
    }
    assert run.data.params["cases_sha256"] == IDENTITY.cases_sha256
    assert run.data.params["version/numpy"] == "2.4.0"
    kept = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert kept == {path.name for path in report_files(folder)}


@pytest.mark.slow
@needs_mlflow
def test_a_store_that_mlflow_refuses_is_named(
    report: AnswerReport, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "ftp://nowhere")
    with pytest.raises(SinkError, match="MLFLOW_TRACKING_URI"):
        open_sink(SinkKind.MLFLOW).log_run(report, report_files(folder))


@pytest.mark.slow
@needs_wandb
def test_weights_and_biases_keeps_a_run_offline(
    report: AnswerReport, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    open_sink(SinkKind.WANDB).log_run(report, report_files(folder))
    # Its own process writes the last of a run when it ends, which is else at the end of this one.
    importlib.import_module("wandb").teardown()
    (kept,) = (folder / "wandb").glob("offline-run-*")
    assert {path.name for path in (kept / "files").iterdir()} == {path.name for path in report_files(folder)}
    logged = next(kept.glob("*.wandb")).read_bytes()
    for name in ("refusal_recall.high", "diagnosis/retrieval missed", IDENTITY.cases_sha256):
        assert name.encode() in logged, name
    assert str(Path.home()).encode() not in logged
