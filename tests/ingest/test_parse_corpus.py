"""Real files, good and bad, of the shared data set: every one is read or refused, never anything else."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.document import Document
from ingest.errors import EncryptedFileError, ParseError
from ingest.parse import SUPPORTED_SUFFIXES, parse_file

_READ_OR_REFUSED = ("ok_or_partial", "injection", "limit")
# A scan that the index counts as readable has no text layer, one that it counts as an image has a few
# characters of text, and a body of one letter is all that an unresolved entity leaves.
_TOLD_OTHERWISE = ("unstructured__single_table.pdf", "Langchain-Chatchat__ocr_test.pdf", "xxe.docx")


@dataclass(frozen=True, slots=True)
class _Case:
    """A file with what the index expects of it, and what came of it."""

    name: str
    expected: str
    probes: tuple[str, ...]
    outcome: Document | ParseError


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> list[_Case]:
    folder = shared_data / "dev" / "docs"
    rows = [json.loads(line) for line in (folder / "index.jsonl").read_text("utf-8").splitlines()]
    return [
        _Case(
            Path(row["file"]).name, row["expect"], tuple(row["probes"] or ()), _outcome(folder / row["file"])
        )
        for row in rows
        if Path(row["file"]).suffix.lower() in SUPPORTED_SUFFIXES
    ]


def _outcome(path: Path) -> Document | ParseError:
    try:
        return parse_file(path)
    except ParseError as error:
        return error


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", " ".join(text.split()))


def _documents(cases: list[_Case]) -> Iterator[tuple[_Case, Document]]:
    for case in cases:
        if isinstance(case.outcome, Document):
            yield case, case.outcome


def test_every_file_is_read_or_refused_as_expected(cases: list[_Case]) -> None:
    wrong = [
        f"{case.name}: expected {case.expected}, got {case.outcome!r:.200}"
        for case in cases
        if case.expected not in _READ_OR_REFUSED
        and case.name not in _TOLD_OTHERWISE
        and isinstance(case.outcome, Document) != (case.expected == "ok")
    ]
    assert not wrong, "\n".join(wrong)


def test_encrypted_files_are_told_apart(cases: list[_Case]) -> None:
    locked = [case.outcome for case in cases if case.expected == "password"]
    assert locked
    assert all(isinstance(outcome, EncryptedFileError) for outcome in locked)


def test_nearly_all_probes_are_found(cases: list[_Case]) -> None:
    found = 0
    missed: list[str] = []
    for case, document in _documents(cases):
        text = _normal(f"{document.title}\n{document.text}")
        absent = [probe for probe in case.probes if _normal(probe) not in text]
        found += len(case.probes) - len(absent)
        missed += [f"{case.name}: {probe}" for probe in absent]
    share = found / (found + len(missed))
    print(f"probes found: {found} of {found + len(missed)} ({share:.1%})", *missed, sep="\n")
    assert share >= 0.95, "\n".join(missed)


def test_spans_are_ordered_and_pages_cover_the_text(cases: list[_Case]) -> None:
    for case, document in _documents(cases):
        end = 0
        for block in document.blocks:
            assert end <= block.start < block.end <= len(document.text), case.name
            assert document.text[block.start : block.end].strip(), case.name
            end = block.end
        covered = 0
        for page in document.pages:
            assert page.start == covered < page.end, case.name
            covered = page.end
        assert not document.pages or covered == len(document.text), case.name
        document.text.encode("utf-8")


def test_hidden_and_external_content_never_shows(cases: list[_Case]) -> None:
    texts = {case.name: document.text for case, document in _documents(cases)}
    assert "evil.example" not in texts["injection-hidden.html"]
    assert "HACKED" not in texts["injection-hidden.html"]
    assert "product X" not in texts["injection-hidden.html"]
    for name in ("xxe.docx", "poi__ExternalEntityInText.docx"):
        assert "root:" not in texts.get(name, "")


@pytest.mark.parametrize("tree", ["tidb_zh", "fastapi_en", "fastapi_zh"])
def test_documentation_trees_keep_their_text_and_language(tree: str, shared_data: Path) -> None:
    paths = sorted((shared_data / "dev" / "docs_tree" / tree).rglob("*.md"))[:40]
    documents = [parse_file(path) for path in paths]
    language = tree.rpartition("_")[2]
    assert documents
    assert sum(document.language == language for document in documents) >= 0.95 * len(documents)
    for document in documents:
        covered = sum(block.end - block.start for block in document.blocks)
        assert covered >= 0.6 * len(document.text.strip())
