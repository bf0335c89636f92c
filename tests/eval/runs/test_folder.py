"""A run on disk is whole after whatever happened to the process that wrote it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from eval.cases.case import Case
from eval.runs.folder import RECORDS, RunFolder, open_run, write_run
from eval.runs.record import AnswerRecord, CaseRecord, Failure, RunIdentity, failed_record
from ingest.errors import CasesError, RunMismatchError, UsageError

IDENTITY = RunIdentity(
    "set",
    "2026-01-01T00:00:00Z",
    "set.jsonl",
    "c0",
    3,
    0,
    "g",
    "p1",
    "base",
    "default",
    "s1",
    None,
    "f0",
    "1",
)
ANSWER = AnswerRecord(
    "Eight.", "en", False, 0.9, 1.0, 0, None, None, "g", "p1", "base", "s1", (), (), {"total": 1.0}, 1, 1
)


def answered(name: str, answer: AnswerRecord = ANSWER) -> CaseRecord:
    return CaseRecord(Case(name, "Which rank?\n第几？", "en", ("8",), True), answer, total_ms=2.0)


def failed(name: str) -> CaseRecord:
    return failed_record(answered(name).case, Failure("generator_failed", "it broke."), 1.0)


def ids(folder: RunFolder) -> list[str]:
    return [record.case.id for record in folder.records()]


def test_records_are_read_as_they_were_added(tmp_path: Path) -> None:
    records = [answered("a"), failed("b")]
    with write_run(tmp_path / "new" / "run", IDENTITY) as run:
        for record in records:
            run.add(record)
            assert ids(run.folder)[-1] == record.case.id  # on disk at once, for a crash may be next
    folder = open_run(tmp_path / "new" / "run")
    assert folder.identity == IDENTITY
    assert list(folder.records()) == records


def test_a_run_goes_on_without_what_failed_or_was_cut_off(tmp_path: Path) -> None:
    with write_run(tmp_path, IDENTITY) as run:
        for record in (answered("a"), failed("b"), answered("c")):
            run.add(record)
    with (tmp_path / RECORDS).open("ab") as file:
        file.write(b'{"case": {"id": "d", "quest')
    assert ids(open_run(tmp_path)) == ["a", "b", "c"]
    with write_run(tmp_path, dataclasses.replace(IDENTITY, created_at="later")) as run:
        assert ids(run.folder) == ["a", "c"]
        run.add(answered("d"))
    assert ids(open_run(tmp_path)) == ["a", "c", "d"]
    assert open_run(tmp_path).identity.created_at == IDENTITY.created_at


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cases_sha256", "c1"),
        ("snapshot_id", "s2"),
        ("release", "tuned"),
        ("prompt_id", "p2"),
        ("settings_sha256", "f1"),
        ("url", "http://localhost"),
        ("libraries", {"numpy": "3"}),
    ],
)
def test_a_run_of_something_else_is_not_gone_on_with(tmp_path: Path, field: str, value: object) -> None:
    with write_run(tmp_path, IDENTITY) as run:
        run.add(answered("a"))
    other = dataclasses.replace(IDENTITY, **{field: value})
    with pytest.raises(RunMismatchError, match=f"{field} .*--restart"):
        with write_run(tmp_path, other):
            pass
    assert ids(open_run(tmp_path)) == ["a"]
    with write_run(tmp_path, other, restart=True) as run:
        assert ids(run.folder) == []
    assert open_run(tmp_path).identity == other


def test_an_answer_of_another_snapshot_is_not_added(tmp_path: Path) -> None:
    with write_run(tmp_path, IDENTITY) as run:
        with pytest.raises(RunMismatchError, match="'a' was answered with s2 / base / p1"):
            run.add(answered("a", dataclasses.replace(ANSWER, snapshot_id="s2")))
    assert ids(open_run(tmp_path)) == []


def test_an_oracle_run_is_of_no_snapshot(tmp_path: Path) -> None:
    with write_run(tmp_path, dataclasses.replace(IDENTITY, collection=None, snapshot_id=None)) as run:
        run.add(answered("a", dataclasses.replace(ANSWER, snapshot_id="s2")))
    assert ids(open_run(tmp_path)) == ["a"]


def test_two_processes_do_not_write_the_same_run(tmp_path: Path) -> None:
    with write_run(tmp_path, IDENTITY):
        with pytest.raises(UsageError, match="another process"):
            with write_run(tmp_path, IDENTITY):
                pass


def test_a_run_is_no_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(UsageError, match="no folder"):
        with write_run(file, IDENTITY):
            pass


def test_a_line_that_is_no_record_is_named(tmp_path: Path) -> None:
    with write_run(tmp_path, IDENTITY) as run:
        run.add(answered("a"))
    with (tmp_path / RECORDS).open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(CasesError, match="line 2: not a record"):
        list(open_run(tmp_path).records())


def test_a_folder_without_a_run_is_said_to_have_none(tmp_path: Path) -> None:
    with pytest.raises(CasesError, match="holds no run"):
        open_run(tmp_path)
