"""A run's folder gets its report, from records in any order, and ``troika eval report`` makes it anew."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from eval.cli import eval_app
from eval.measures.answers import answer_measures
from eval.runs import report as run_report
from eval.runs.folder import RECORDS as RECORDS_FILE
from eval.runs.folder import RunFolder, create_run
from eval.runs.record import CaseRecord, CitationRecord, PassageRecord
from eval.runs.report import report_files, write_report
from ingest.errors import CasesError
from tests.eval.reports.records import IDENTITY, RECORDS

parquet: Any = pytest.importorskip("pyarrow.parquet")


def run_of(path: Path, records: Iterable[CaseRecord]) -> RunFolder:
    folder = create_run(path, IDENTITY)
    lines = [msgspec.json.encode(record) + b"\n" for record in records]
    (path / RECORDS_FILE).write_bytes(b"".join(lines))
    return folder


def test_all_files_have_the_same_bytes_in_whatever_order_the_answers_came(tmp_path: Path) -> None:
    first, second = run_of(tmp_path / "a", RECORDS), run_of(tmp_path / "b", reversed(RECORDS))
    write_report(first)
    write_report(second)
    names = [path.name for path in report_files(first.path)]
    assert names == ["report.json", "report.html", "cases.parquet"]
    for name in names:
        assert (first.path / name).read_bytes() == (second.path / name).read_bytes(), name


def test_the_table_has_a_row_a_case_with_its_texts_and_figures(tmp_path: Path) -> None:
    write_report(run_of(tmp_path, RECORDS))
    table = parquet.read_table(tmp_path / "cases.parquet")
    rows = {row["id"]: row for row in table.to_pylist()}
    assert set(rows) == {record.case.id for record in RECORDS}
    wrong, failed = rows["wrong"], rows["failed"]
    assert (wrong["expected"], wrong["diagnosis"], wrong["f1"]) == (["三千"], "generator ignored", 0.0)
    assert wrong["passages"][0]["relevant"] is True
    assert wrong["citations"][0]["quote"] == "At most 256 word pieces are read."
    assert (failed["answer"], failed["failure"]) == (None, "generator_failed: it broke.")
    assert rows["right"]["refusal_recall"] is None
    assert len(set(table.column_names)) == table.num_columns


def test_the_columns_don_t_depend_on_the_answers(tmp_path: Path) -> None:
    write_report(run_of(tmp_path / "all", RECORDS))
    write_report(run_of(tmp_path / "failed", [record for record in RECORDS if record.answer is None]))
    first, second = (parquet.read_schema(tmp_path / name / "cases.parquet") for name in ("all", "failed"))
    assert first.equals(second)
    for column, record in (("passages", PassageRecord), ("citations", CitationRecord)):
        named = {field.name for field in first.field(column).type.value_type}
        assert named == {field.name for field in fields(record)}
    assert {measure.name for measure in answer_measures(RECORDS)} <= set(first.names)


def test_without_the_library_the_table_alone_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(run_report, "is_installed", lambda _: False)
    folder = run_of(tmp_path, RECORDS)
    with caplog.at_level(logging.WARNING):
        write_report(folder)
    assert [path.name for path in report_files(tmp_path)] == ["report.json", "report.html"]
    assert "troika[report]" in caplog.text


def test_a_run_without_answers_has_no_report(tmp_path: Path) -> None:
    with pytest.raises(CasesError, match="no answer yet"):
        write_report(run_of(tmp_path, ()))


def test_the_command_makes_the_files_and_names_them(tmp_path: Path) -> None:
    run_of(tmp_path, RECORDS)
    result = CliRunner().invoke(eval_app, ["report", str(tmp_path)], catch_exceptions=False)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-3:] == [str(path) for path in report_files(tmp_path)]


def test_the_command_prints_the_report_it_wrote(tmp_path: Path) -> None:
    run_of(tmp_path, RECORDS)
    result = CliRunner().invoke(eval_app, ["report", str(tmp_path), "--json"], catch_exceptions=False)
    assert result.stdout == (tmp_path / "report.json").read_text("utf-8")
    assert json.loads(result.stdout)["cases"] == len(RECORDS)
