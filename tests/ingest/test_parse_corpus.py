"""Real files, good and bad, of the shared data set: every one is read or refused, never anything else."""

from __future__ import annotations

import json
import os
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ingest.document import Document
from ingest.errors import ParseError
from ingest.parse import SUPPORTED_SUFFIXES, parse_file

_SHARED = Path(os.environ.get("TROIKA_SHARED", Path(__file__).parents[3] / "shared"))
_DOCS = _SHARED / "data" / "dev" / "docs"
_READ_OR_REFUSED = ("ok_or_partial", "injection", "limit")

pytestmark = pytest.mark.skipif(
    not (_DOCS / "index.jsonl").is_file(), reason="the shared documents are not here: set TROIKA_SHARED"
)


@cache
def _rows() -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (_DOCS / "index.jsonl").read_text("utf-8").splitlines()]
    return [row for row in rows if Path(row["file"]).suffix.lower() in SUPPORTED_SUFFIXES]


@cache
def _outcome(file: str) -> Document | ParseError:
    try:
        return parse_file(_DOCS / file)
    except ParseError as error:
        return error


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", " ".join(text.split()))


def test_every_file_is_read_or_refused_as_expected() -> None:
    # A one-page scan that the index counts as readable has no text layer, and a scan whose image was
    # read by OCR has one.
    excepted = {
        "files/unstructured__single_table.pdf",
        "files/Langchain-Chatchat__ocr_test.pdf",
        "files/xxe.docx",
    }
    wrong: list[str] = []
    for row in _rows():
        outcome = _outcome(row["file"])
        expected_document = row["expect"] == "ok"
        if row["expect"] in _READ_OR_REFUSED or row["file"] in excepted:
            continue
        if isinstance(outcome, Document) != expected_document:
            wrong.append(f"{row['file']}: expected {row['expect']}, got {outcome!r:.200}")
    assert not wrong, "\n".join(wrong)


def test_encrypted_files_are_told_apart() -> None:
    codes = {row["file"]: _outcome(row["file"]) for row in _rows() if row["expect"] == "password"}
    assert codes
    assert all(isinstance(o, ParseError) and o.code == "file_encrypted" for o in codes.values())


def test_nearly_all_probes_are_found() -> None:
    found, missed = 0, list[str]()
    for row in _rows():
        outcome = _outcome(row["file"])
        if isinstance(outcome, ParseError):
            continue
        text = _normal(f"{outcome.title}\n{outcome.text}")
        for probe in row["probes"] or ():
            if _normal(probe) in text:
                found += 1
            else:
                missed.append(f"{row['file']}: {probe}")
    share = found / (found + len(missed))
    print(f"probes found: {found} of {found + len(missed)} ({share:.1%})", *missed, sep="\n")
    assert share >= 0.95, "\n".join(missed)


def test_spans_are_ordered_and_pages_cover_the_text() -> None:
    for row in _rows():
        document = _outcome(row["file"])
        if isinstance(document, ParseError):
            continue
        end = 0
        for block in document.blocks:
            assert end <= block.start < block.end <= len(document.text), row["file"]
            assert document.text[block.start : block.end].strip(), row["file"]
            end = block.end
        covered = 0
        for page in document.pages:
            assert page.start == covered < page.end, row["file"]
            covered = page.end
        assert not document.pages or covered == len(document.text), row["file"]
        document.text.encode("utf-8")


def test_hidden_and_external_content_never_shows() -> None:
    hidden = _outcome("files/injection-hidden.html")
    assert isinstance(hidden, Document)
    assert "ignore" not in hidden.text.lower()
    for name in ("files/xxe.docx", "files/poi__ExternalEntityInText.docx"):
        outcome = _outcome(name)
        assert isinstance(outcome, ParseError) or "root:" not in outcome.text


@pytest.mark.parametrize("tree", ["tidb_zh", "fastapi_en", "fastapi_zh"])
def test_documentation_trees_keep_their_text_and_language(tree: str) -> None:
    paths = sorted((_SHARED / "data" / "dev" / "docs_tree" / tree).rglob("*.md"))[:40]
    documents = [parse_file(path) for path in paths]
    language = tree.rpartition("_")[2]
    assert documents
    assert sum(document.language == language for document in documents) >= 0.95 * len(documents)
    for document in documents:
        covered = sum(block.end - block.start for block in document.blocks)
        assert covered >= 0.6 * len(document.text.strip())
