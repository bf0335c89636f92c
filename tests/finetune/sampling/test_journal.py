from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from finetune.sampling.journal import open_journal
from ingest.errors import TrainingDataError, UsageError


@dataclass(frozen=True)
class Line:
    number: int
    text: str


def test_entries_are_read_again_and_a_torn_last_line_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with open_journal(path, Line) as journal:
        journal.append(Line(0, "蜂蜜\u2028\n"))
        journal.append(Line(1, "b"))
        assert path.read_bytes().count(b"\n") == 2  # before the file is closed
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"number": 2, "te')
    with open_journal(path, Line) as journal:
        assert journal.entries == [Line(0, "蜂蜜\u2028\n"), Line(1, "b")]
        assert path.read_bytes() == whole
        journal.append(Line(2, "c"))
    with open_journal(path, Line) as journal:
        assert [line.number for line in journal.entries] == [0, 1, 2]


def test_a_whole_line_of_another_form_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('{"number": 0, "text": "a"}\n{"number": 1}\n')
    with pytest.raises(TrainingDataError, match=r"journal\.jsonl, line 2"), open_journal(path, Line):
        pass


def test_one_process_writes_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with (
        open_journal(path, Line),
        pytest.raises(UsageError, match="another process"),
        open_journal(path, Line),
    ):
        pass
