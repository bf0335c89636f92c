"""What is said of a run on standard error, on a terminal and elsewhere."""

from __future__ import annotations

import io
import re
import sys
import time

import pytest

from ingest.progress import Progress, Publication
from ingest.progress_display import display

WORDS_ALONE = Publication("20261121-a", unembedded=7, bytes=1, seconds=0.1)
WHOLE = Publication("20261121-b", unembedded=0, bytes=1, seconds=0.1)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(progress: Progress) -> None:
    progress.start(2)
    progress.advance("one.pdf", pages=3, chunks=9)
    progress.published(WORDS_ALONE)
    progress.embedding(9)
    progress.embedded(9)
    progress.published(WHOLE)


def test_a_short_run_says_only_what_is_not_searchable_yet(capsys: pytest.CaptureFixture[str]) -> None:
    with display() as progress:
        run(progress)
    said = "snapshot 20261121-a is searchable by BM25; 7 of its chunks have no vector yet\n"
    assert capsys.readouterr() == ("", said)


def test_a_long_run_says_now_and_then_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1_000, 20))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with display() as progress:
        run(progress)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "1 of 2 sources read"
    assert lines[-1] == "9 of 9 chunks embedded"


def test_a_terminal_shows_bars_with_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with display() as progress:
        run(progress)
    shown = terminal.getvalue()
    assert "one.pdf" in shown
    assert "9 chunks" in shown
    assert not re.search(r"(?<!\d)0 pages/s", shown)
