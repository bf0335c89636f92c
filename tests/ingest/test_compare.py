"""The fate of sources: read only where that tells something, and never parsed in vain."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ingest import compare
from ingest.compare import AnySource, Change, Comparison, Fate, source_key
from ingest.errors import MetadataError, UnreadableFileError
from ingest.parse_fingerprint import ParseFingerprint
from ingest.report import Failure
from ingest.sources.memory import SourceMemory
from ingest.sources.source import SourceBytes, SourceFailure, SourceFile, SourceUnchanged, Stamp

CONTENT = b"The fee is 50."
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OLD = Stamp(len(CONTENT), 1_700_000_000_000_000_000)
FINGERPRINT = ParseFingerprint("1", "limits")
FAILURE = Failure("a.txt", "file_broken", "it is broken")


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[SourceMemory]:
    with closing(SourceMemory(tmp_path / "memory.sqlite")) as memory:
        yield memory


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_bytes(CONTENT)
    return path


def only(
    source: AnySource, memory: SourceMemory, known: Mapping[str, str] | None = None, retry: bool = False
) -> Change:
    [change] = Comparison(known or {}, memory, FINGERPRINT, retry_failed=retry).changes([source])
    return change


@pytest.mark.parametrize(
    ("known", "fate"),
    [({}, Fate.ADD), ({"a": SHA256}, Fate.KEEP), ({"a": "other"}, Fate.UPDATE), ({"b": SHA256}, Fate.ADD)],
)
def test_a_source_is_told_by_its_content(
    memory: SourceMemory, path: Path, known: dict[str, str], fate: Fate
) -> None:
    of_file = only(SourceFile(str(path), "a", OLD), memory, known)
    of_bytes = only(SourceBytes("a", "a.txt", CONTENT), memory, known)
    parsed_at = None if fate is Fate.KEEP else path
    assert (of_file.fate, of_file.name, of_file.path, of_file.content) == (fate, "a.txt", parsed_at, None)
    assert (of_bytes.fate, of_bytes.path, of_bytes.content) == (fate, None, CONTENT)
    assert of_file.origin == of_bytes.origin


def test_a_file_with_the_stamp_of_the_last_run_is_not_read(
    memory: SourceMemory, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = SourceFile(str(path), "a", OLD)
    assert only(source, memory).fate is Fate.ADD
    read: list[Path] = []
    monkeypatch.setattr(compare, "file_sha256", lambda path: read.append(path) or SHA256)
    assert only(source, memory, {"a": SHA256}).fate is Fate.KEEP
    assert read == []
    touched = SourceFile(str(path), "a", Stamp(OLD.size, 5))
    assert only(touched, memory, {"a": SHA256}).fate is Fate.KEEP
    assert read == [path]


def test_what_is_stated_from_outside_is_part_of_a_source(memory: SourceMemory) -> None:
    plain = SourceBytes("a", "a.txt", CONTENT)
    staff = SourceBytes("a", "a.txt", CONTENT, {"acl": ("staff",), "year": 2026})
    again = SourceBytes("a", "a.txt", CONTENT, {"year": 2026, "acl": ("staff",)})
    assert only(staff, memory, {"a": SHA256}).fate is Fate.UPDATE
    assert only(again, memory, {"a": only(staff, memory).origin.key}).fate is Fate.KEEP
    assert only(plain, memory, {"a": only(staff, memory).origin.key}).fate is Fate.UPDATE
    assert source_key(SHA256, {}) == SHA256


def test_what_failed_wholly_is_not_tried_again_until_it_changes_or_is_asked_for(memory: SourceMemory) -> None:
    source = SourceBytes("a", "a.txt", CONTENT)
    memory.remember_failures("a", SHA256, FINGERPRINT.whole, [FAILURE], wholly=True)
    for known in ({}, {"a": "other"}):
        change = only(source, memory, known)
        assert (change.fate, change.failures) == (Fate.FAIL, (FAILURE,))
    assert only(source, memory, retry=True).fate is Fate.ADD
    assert only(source, memory, {"a": "other"}, retry=True).fate is Fate.UPDATE
    assert only(SourceBytes("a", "a.txt", b"changed"), memory).fate is Fate.ADD
    [change] = Comparison({}, memory, ParseFingerprint("2", "limits")).changes([source])
    assert change.fate is Fate.ADD


def test_what_failed_in_part_is_kept_where_it_is_held_and_read_where_it_is_not(memory: SourceMemory) -> None:
    source = SourceBytes("a", "a.zip", CONTENT)
    memory.remember_failures("a", SHA256, FINGERPRINT.whole, [FAILURE], wholly=False)
    held = only(source, memory, {"a": SHA256})
    assert (held.fate, held.failures) == (Fate.KEEP, (FAILURE,))
    assert only(source, memory, {"a": SHA256}, retry=True).fate is Fate.UPDATE
    assert only(source, memory).fate is Fate.ADD
    assert only(source, memory, {"a": "other"}).fate is Fate.UPDATE


def test_what_cannot_be_read_is_left_to_the_parser_which_says_why(memory: SourceMemory, path: Path) -> None:
    path.unlink()
    change = only(SourceFile(str(path), "a", OLD), memory, {"a": SHA256})
    assert (change.fate, change.sha256) == (Fate.UPDATE, "")
    assert memory.stamp("a") is None


def test_what_the_source_says_itself_is_passed_on(memory: SourceMemory) -> None:
    assert only(SourceUnchanged("a"), memory).fate is Fate.KEEP
    gone = only(SourceFailure("a", UnreadableFileError("It is gone.")), memory)
    assert (gone.fate, gone.has_lost_metadata) == (Fate.FAIL, False)
    assert gone.failures == (Failure("a", "file_unreadable", "It is gone."),)
    assert only(SourceFailure("a", MetadataError("It is no JSON.")), memory).has_lost_metadata


def test_what_other_parsers_or_limits_may_read_otherwise_is_parsed_again(memory: SourceMemory) -> None:
    source, held = SourceBytes("a", "a.pdf", CONTENT), {"a": SHA256}
    memory.remember_parse("a", FINGERPRINT.parsers)
    assert only(source, memory, held).fate is Fate.KEEP
    [under_other_limits] = Comparison(held, memory, ParseFingerprint("1", "more time")).changes([source])
    [by_other_parsers] = Comparison(held, memory, ParseFingerprint("1|ocr", "limits")).changes([source])
    assert (under_other_limits.fate, by_other_parsers.fate) == (Fate.KEEP, Fate.UPDATE)
    memory.remember_parse("a", FINGERPRINT.whole)  # a limit had a part in it
    assert only(source, memory, held).fate is Fate.KEEP
    [again] = Comparison(held, memory, ParseFingerprint("1", "more time")).changes([source])
    assert again.fate is Fate.UPDATE


def test_a_failure_is_forgotten_under_other_limits(memory: SourceMemory) -> None:
    source = SourceBytes("a", "a.txt", CONTENT)
    memory.remember_failures("a", SHA256, FINGERPRINT.whole, [FAILURE], wholly=True)
    [change] = Comparison({}, memory, ParseFingerprint("1", "more time")).changes([source])
    assert (change.fate, change.failures) == (Fate.ADD, ())


def test_the_title_and_the_format_of_a_row_are_part_of_it(memory: SourceMemory) -> None:
    row = SourceBytes("a", "row.txt", CONTENT, {"year": 2026}, "Fees")
    held = {"a": only(row, memory).key}
    assert only(row, memory, held).fate is Fate.KEEP
    for changed in (replace(row, title="Prices"), replace(row, name="row.md"), replace(row, title=None)):
        assert only(changed, memory, held).fate is Fate.UPDATE
