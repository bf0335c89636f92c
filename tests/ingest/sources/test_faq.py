from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest.cli import ingest_app
from ingest.document import Document
from ingest.errors import PathNotFoundError
from ingest.filters.access import may_see
from ingest.pipeline import ingest
from ingest.report import IngestReport
from ingest.request import IngestRequest
from ingest.settings import Settings
from ingest.snapshots.snapshot import open_snapshot
from ingest.sources.faq import FAQ_SCHEME, FaqFile
from ingest.sources.source import SourceBytes, SourceFailure

pytestmark = pytest.mark.usefixtures("counted", "parsing")

CSV = """question,answer,aliases,acl,language,source
How do I reset my password?,"Open Settings, then Reset.",Forgot password|I lost my password,,en,it.pdf
怎样重置密码？,打开“设置”，点“重置”。,,,zh,
"""


def rows_of(path: Path) -> list[SourceBytes]:
    rows = list(FaqFile(path, {}).read())
    assert all(isinstance(row, SourceBytes) for row in rows), rows
    return [row for row in rows if isinstance(row, SourceBytes)]


def failures_of(path: Path) -> list[str]:
    return [str(row.error) for row in FaqFile(path, {}).read() if isinstance(row, SourceFailure)]


def ingest_faq(path: Path, settings: Settings, *, prune: bool = False) -> IngestReport:
    return ingest(IngestRequest(faq=(path,), prune=prune), "faq", settings)


def documents_of(settings: Settings) -> list[Document]:
    snapshot = open_snapshot(settings.home, "faq")
    try:
        found = [snapshot.documents.document(key) for key in snapshot.documents.metadata_under(FAQ_SCHEME)]
        return [document for document in found if document is not None]
    finally:
        snapshot.close()


def write_jsonl(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    return path


def test_a_row_is_a_document_with_the_question_as_title_and_the_answer_as_text(tmp_path: Path) -> None:
    path = tmp_path / "faq.csv"
    path.write_text(CSV.replace("acl,", "").replace(",,en", ",en").replace(",,zh", ",zh"), "utf-8")
    english, chinese = rows_of(path)
    assert (english.title, english.content) == ("How do I reset my password?", b"Open Settings, then Reset.")
    assert english.metadata["questions"] == (
        "How do I reset my password?",
        "Forgot password",
        "I lost my password",
    )
    assert english.metadata["kind"] == "faq"
    assert english.metadata["source"] == "it.pdf"
    assert chinese.title == "怎样重置密码？"
    assert "source" not in chinese.metadata
    assert english.uri.startswith(FAQ_SCHEME)
    assert english.uri != chinese.uri


def test_both_forms_give_the_same_rows(tmp_path: Path) -> None:
    table = tmp_path / "faq.csv"
    table.write_text('Question,Answer,Aliases,ACL\nWhat is it?,A cart.,"[""What?""]","staff,hr"\n', "utf-8")
    lines = write_jsonl(
        tmp_path / "faq.jsonl",
        {"question": "What is it?", "answer": "A cart.", "aliases": ["What?"], "acl": ["staff", "hr"]},
    )
    (row,), (line,) = rows_of(table), rows_of(lines)
    assert (row.title, row.content, row.metadata) == (line.title, line.content, line.metadata)
    assert row.metadata["acl"] == ("staff", "hr")


def test_a_blank_access_list_refuses_the_row_and_not_the_others(tmp_path: Path) -> None:
    path = tmp_path / "faq.csv"
    path.write_text("question,answer,acl\nSecret?,Yes.,\nOpen?,Yes.,staff\n", "utf-8")
    refused, taken = FaqFile(path, {}).read()
    assert isinstance(refused, SourceFailure)
    assert "acl" in str(refused.error)
    assert isinstance(taken, SourceBytes)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("question,reply\nWhat?,That.\n", "no columns question and answer"),
        ("question,answer\n", "holds no row"),
        ("question,answer\nWhat?,\n", "row 1 has no answer"),
        ("question,answer\nWhat?,That.\nwhat,This.\n", "row 2 repeats"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path: Path, content: str, found: str) -> None:
    path = tmp_path / "faq.csv"
    path.write_text(content, "utf-8")
    (failure,) = failures_of(path)
    assert found in failure


@pytest.mark.parametrize("line", ["{", "[1]", '{"question": "Q", "answer": "A", "aliases": 3}'])
def test_what_is_wrong_with_a_line_is_said(tmp_path: Path, line: str) -> None:
    path = tmp_path / "faq.jsonl"
    path.write_text(line, "utf-8")
    assert len(failures_of(path)) == 1


def test_a_file_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(PathNotFoundError):
        FaqFile(tmp_path / "none.csv", {})


def test_rows_come_change_and_go_as_documents_do(tmp_path: Path, settings: Settings) -> None:
    first: dict[str, object] = {"question": "How long is a shift?", "answer": "A shift is 8 hours."}
    second: dict[str, object] = {"question": "Who drives?", "answer": "Staff drive.", "acl": ["staff"]}
    path = write_jsonl(tmp_path / "faq.jsonl", first, second)
    assert ingest_faq(path, settings).added == 2
    assert ingest_faq(path, settings).unchanged == 2

    documents = {document.title: document for document in documents_of(settings)}
    assert documents["How long is a shift?"].text == "A shift is 8 hours."
    assert not may_see(documents["Who drives?"].metadata, frozenset())

    write_jsonl(path, first | {"answer": "A shift is 6 hours.", "aliases": ["Shift length?"]})
    report = ingest_faq(path, settings, prune=True)
    assert (report.updated, report.removed) == (1, 1)
    (document,) = documents_of(settings)
    assert document.text == "A shift is 6 hours."
    assert document.metadata["questions"] == ("How long is a shift?", "Shift length?")


def test_an_unreadable_file_prunes_nothing(tmp_path: Path, settings: Settings) -> None:
    path = write_jsonl(tmp_path / "faq.jsonl", {"question": "Q1?", "answer": "A1."})
    ingest_faq(path, settings)
    path.write_text("{broken", "utf-8")
    report = ingest_faq(path, settings, prune=True)
    assert (report.removed, len(report.failures)) == (0, 1)
    assert len(documents_of(settings)) == 1


def test_ingesting_the_folder_around_it_leaves_the_pairs_alone(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    path = write_jsonl(folder / "faq.jsonl", {"question": "Q1?", "answer": "A1."})
    ingest_faq(path, settings)
    report = ingest(IngestRequest(paths=(folder,), prune=True), "faq", settings)
    assert (report.added, report.removed) == (1, 0)
    assert len(documents_of(settings)) == 1


def test_the_command_takes_a_faq_alone(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROIKA_HOME", str(home))
    path = write_jsonl(tmp_path / "faq.jsonl", {"question": "Q1?", "answer": "A1."})
    result = CliRunner().invoke(ingest_app, ["--faq", str(path), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["documents"]["added"] == 1


@pytest.mark.parametrize("row", ["What is the fee?,50 euro.", "Where?,Room 5, third floor,board"])
def test_a_row_with_more_or_fewer_cells_than_the_header_is_refused_and_never_shown_to_all(
    tmp_path: Path, row: str
) -> None:
    path = tmp_path / "faq.csv"
    path.write_text(f"question,answer,acl\n{row}\nWho?,Ann.,staff\n", "utf-8")
    [failure] = failures_of(path)
    assert failure.startswith(f"row 1 has {row.count(',') + 1} cells and the header names 3: ")
    assert [found.title for found in FaqFile(path, {}).read() if isinstance(found, SourceBytes)] == ["Who?"]


def test_a_row_that_loses_its_form_is_withdrawn_until_it_is_mended(
    tmp_path: Path, settings: Settings
) -> None:
    path = tmp_path / "faq.csv"
    path.write_text("question,answer\nWhat is the fee?,50 euro.\nWho?,Ann.\n", "utf-8")
    ingest_faq(path, settings)
    path.write_text("question,answer,acl\nWhat is the fee?,50 euro, a year,staff\nWho?,Ann.,staff\n", "utf-8")
    report = ingest_faq(path, settings)
    assert [failure.code for failure in report.failures] == ["metadata_invalid"]
    assert [document.title for document in documents_of(settings)] == ["Who?"]
    path.write_text('question,answer,acl\nWhat is the fee?,"50 euro, a year",staff\n', "utf-8")
    ingest_faq(path, settings)
    assert [document.text for document in documents_of(settings)] == ["Ann.", "50 euro, a year"]
