"""Damaged files through the pool: each gives a document or an error that says why, and nothing hangs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from ingest.errors import ParseError, ParseMemoryError, ParserCrashedError, ParseTimeoutError
from ingest.formats import format_of
from ingest.parse import document_of
from ingest.parsers.choose import parser_of, parts_of
from ingest.parsers.text_builder import ParsedFile
from ingest.workers.pool import ParserPool, ParseTask, WorkerLimits
from tests.ingest.file_mutations import mutations
from tests.ingest.file_seeds import built_seeds

_LIMITS = WorkerLimits(seconds=30, memory_bytes=700_000_000)
_WORKER = "tests.ingest.worker_without_ocr"
_MAX_SEED_BYTES = 60_000
_LOST = (ParseTimeoutError, ParseMemoryError, ParserCrashedError)
_UNUSABLE = re.compile("[\0\r\ud800-\udfff]")


def is_read(name: str) -> bool:
    kind = format_of(name)
    return kind is not None and (parser_of(kind) is not None or parts_of(kind) is not None)


def check(name: str, parsed: ParsedFile) -> None:
    """What every parser promises of what it gives, however damaged the file."""
    document = document_of(f"file:///{name}", name, parsed, "0" * 64)
    assert not _UNUSABLE.search(document.text)
    end = 0
    for block in document.blocks:
        assert end <= block.start < block.end <= len(document.text), "blocks are in order, and none is empty"
        assert document.text[block.start : block.end].strip(), "no block is blank"
        end = block.end
    end = 0
    for page in document.pages:
        assert end <= page.start <= page.end <= len(document.text), "pages are in order"
        end = page.end
    assert [box.start for box in document.boxes] == sorted(box.start for box in document.boxes)


def fuzz(files: Iterable[tuple[str, bytes]]) -> list[str]:
    """Parse them all; what went wrong, rather than to stop at the first."""
    sent: dict[int, tuple[str, bytes]] = {}

    def tasks() -> Iterable[ParseTask]:
        for key, (name, content) in enumerate(files):
            sent[key] = name, content
            yield ParseTask(key, None, content, name)

    wrong: list[str] = []
    closed = documents = 0
    with ParserPool(2, _LIMITS, module=_WORKER) as pool:
        for result in pool.parse(tasks()):
            closed += result.last
            if result.part is None:
                continue
            name = f"{result.key} {sent[result.key][0]} {result.part.member}"
            if isinstance(result.part.outcome, ParseError):
                if isinstance(result.part.outcome, _LOST):
                    wrong.append(f"{name}: {result.part.outcome}")
                continue
            documents += 1
            try:
                check(name, result.part.outcome)
            except AssertionError as error:
                wrong.append(f"{name}: {error}")
    assert closed == len(sent)
    assert documents > len(sent) / 10, "damage is mild enough for some files to be read"
    return wrong


def real_seeds(data: Path) -> dict[str, bytes]:
    """The small real files, without those that are hostile already."""
    seeds: dict[str, bytes] = {}
    for line in (data / "dev" / "docs" / "index.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        if (
            entry["expect"] in ("ok", "ok_or_partial")
            and entry["size"] <= _MAX_SEED_BYTES
            and is_read(entry["file"])
        ):
            path = data / "dev" / "docs" / entry["file"]
            seeds[path.name] = path.read_bytes()
    return seeds


@pytest.mark.parametrize(
    ("count", "seed"), [(1_000, 1), pytest.param(10_000, 2, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_a_damaged_file_gives_a_document_or_an_error(count: int, seed: int) -> None:
    seeds = {name: content for name, content in built_seeds().items() if is_read(name)}
    assert len(seeds) > 5
    assert fuzz(mutations(seeds, count, seed)) == []


@pytest.mark.parametrize(
    ("count", "seed"), [(1_000, 3), pytest.param(10_000, 4, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_a_damaged_file_from_the_world_gives_a_document_or_an_error(
    count: int, seed: int, shared_data: Path
) -> None:
    assert fuzz(mutations(real_seeds(shared_data), count, seed)) == []


def test_every_seed_is_read_as_it_is() -> None:
    seeds = {name: content for name, content in built_seeds().items() if is_read(name)}
    with ParserPool(2, _LIMITS, module=_WORKER) as pool:
        tasks = [ParseTask(key, None, seeds[name], name) for key, name in enumerate(sorted(seeds))]
        results = [result for result in pool.parse(tasks) if result.part is not None]
    assert [r.part.outcome for r in results if r.part and isinstance(r.part.outcome, ParseError)] == []
    assert {result.key for result in results} == set(range(len(seeds)))
