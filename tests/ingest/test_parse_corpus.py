"""Real files, good and bad, of the shared data set: every one is read or refused, never anything else.

A format whose parser is missing is reported and not held to anything, so that these tests tighten when it
comes.
"""

from __future__ import annotations

import json
import re
import signal
import time
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import pytest
from sacrebleu.metrics.chrf import CHRF

from ingest.errors import EncryptedFileError, ParseError
from ingest.formats import format_of
from ingest.parse import ParsedPart, ParseLimits, parse_file, parse_parts
from ingest.parsers import ocr
from ingest.parsers.choose import parser_of, parts_of
from ingest.parsers.text_builder import ParsedFile

_SECONDS_PER_FILE = 60
_REFUSED = frozenset(("error", "password", "empty", "image_only"))
# A scan that the index counts as readable has no text layer, one that it counts as an image has a few
# characters of text.
_TOLD_OTHERWISE = frozenset(("unstructured__single_table.pdf", "Langchain-Chatchat__ocr_test.pdf"))
_DELIMITERS = re.compile(r"[,;|\t\"\ufeff]+")
_TARGETS = re.compile(r"(?<=\])\([^()\s]*(?:\([^()]*\)[^()\s]*)*\)")
_ENTITIES = re.compile(r"<!--.*?-->|&\w+;")
_MARKS = re.compile(r"[|#*`_\[\]\\]+|(?<!\w)-+(?!\w)")
_CHRF_FLOORS = {
    "csv": 95,
    "docx": 86,
    "epub": 90,
    "html": 89,
    "md": 82,
    "ods": 93,
    "odt": 93,
    "pdf": 91,
    "pptx": 93,
    "xls": 91,
    "xlsx": 72,
}
"""By format: what was measured less 5, of 100, on the words alone without the reference's Markdown."""


class _TooSlowError(BaseException):
    """No Exception, so that nothing that is parsed can catch it."""


@dataclass(frozen=True, slots=True)
class _Case:
    """A file with what the index expects of it, and what came of it."""

    name: str
    format: str
    expected: str
    probes: tuple[str, ...]
    reference: str | None
    parts: tuple[ParsedPart, ...]
    seconds: float

    @property
    def refusals(self) -> list[ParseError]:
        return [part.outcome for part in self.parts if isinstance(part.outcome, ParseError)]

    @property
    def texts(self) -> list[ParsedFile]:
        return [part.outcome for part in self.parts if isinstance(part.outcome, ParsedFile)]

    @property
    def is_read(self) -> bool:
        """Whether the file itself became text, or anything inside of one that only holds others."""
        main = [part.outcome for part in self.parts if not part.member] or [*self.texts]
        return any(isinstance(outcome, ParsedFile) for outcome in main)

    @property
    def shown(self) -> str:
        return "\n".join(f"{parsed.title or ''}\n{parsed.text}" for parsed in self.texts)


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> list[_Case]:
    folder = shared_data / "dev" / "docs"
    rows = [json.loads(line) for line in (folder / "index.jsonl").read_text("utf-8").splitlines()]
    with pytest.MonkeyPatch.context() as patch:
        # Reading scans takes minutes; the tests of the PDF parser do it.
        patch.setattr(ocr, "is_available", lambda: False)
        cases = [_case(folder, row) for row in rows if _has_parser(row["file"])]
    missing = sorted({row["format"] for row in rows if not _has_parser(row["file"])})
    print(f"{len(cases)} of {len(rows)} files; no parser for {' '.join(missing) or 'none'}")
    for case in sorted(cases, key=lambda case: case.seconds)[-5:]:
        print(f"{case.seconds:6.2f} s  {case.name[:60]}")
    return cases


def _has_parser(name: str) -> bool:
    kind = format_of(name)
    return kind is None or parser_of(kind) is not None or parts_of(kind) is not None


def _case(folder: Path, row: dict[str, str]) -> _Case:
    path = folder / row["file"]
    reference = row.get("expected_md")
    start = time.perf_counter()
    with _alarm(path.name):
        parts = tuple(parse_parts(path, ParseLimits()))
    return _Case(
        path.name,
        row["format"],
        row["expect"],
        tuple(row["probes"] or ()),
        (folder / reference).read_text("utf-8") if reference else None,
        parts,
        time.perf_counter() - start,
    )


@contextmanager
def _alarm(name: str) -> Iterator[None]:
    def ring(*_: object) -> None:
        raise _TooSlowError(f"{name} took more than {_SECONDS_PER_FILE} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(_SECONDS_PER_FILE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _normal(text: str, kind: str = "") -> str:
    """NFKC on one line; for a table of values, which the index quotes as it is written, the cells alone."""
    plain = _DELIMITERS.sub(" ", text) if kind == "csv" else text.replace("\ufeff", "")
    return unicodedata.normalize("NFKC", " ".join(plain.split()))


def _without_marks(markdown: str) -> str:
    """The words of Markdown, on one line: no targets of links, no lines of tables, no marks."""
    return _normal(_MARKS.sub(" ", _TARGETS.sub(" ", _ENTITIES.sub(" ", markdown))))


def test_every_file_is_read_or_refused_as_expected(cases: list[_Case]) -> None:
    wrong = [
        f"{case.name}: expected {case.expected}, got {case.refusals!r:.300}"
        for case in cases
        if case.name not in _TOLD_OTHERWISE
        and (
            (case.expected == "ok" and not case.is_read)
            # An archive may hold a locked member beside an open one.
            or (case.expected in _REFUSED and case.is_read and not case.refusals)
        )
    ]
    assert not wrong, "\n".join(wrong)


def test_every_refusal_names_the_file_and_a_reason_on_one_line(cases: list[_Case]) -> None:
    for case in cases:
        assert case.parts or case.expected in ("limit", "ok_or_partial"), case.name
        for part in case.parts:
            if isinstance(part.outcome, ParseError):
                message = str(part.outcome)
                assert (part.member.rpartition("/")[2] or case.name) in message, message
                assert "\n" not in message, message
                assert len(message) > len(case.name) + 20 or part.member, message
                assert part.outcome.code != ParseError.code, message


def test_encrypted_files_are_told_apart(cases: list[_Case]) -> None:
    locked = [case for case in cases if case.expected == "password"]
    assert locked
    for case in locked:
        assert case.refusals, case.name
        assert all(isinstance(error, EncryptedFileError) for error in case.refusals), case.refusals


def test_nearly_all_probes_are_found(cases: list[_Case]) -> None:
    found: dict[str, int] = defaultdict(int)
    total: dict[str, int] = defaultdict(int)
    missed: list[str] = []
    literal = 0
    for case in cases:
        if case.expected in _REFUSED or case.name in _TOLD_OTHERWISE:
            continue
        if case.expected != "ok" and not case.is_read:
            continue
        text = _normal(case.shown, case.format)
        absent = [probe for probe in case.probes if _normal(probe, case.format) not in text]
        literal += sum(_normal(probe) in _normal(case.shown) for probe in case.probes)
        total[case.format] += len(case.probes)
        found[case.format] += len(case.probes) - len(absent)
        missed += [f"{case.name}: {probe}" for probe in absent]
    share = sum(found.values()) / sum(total.values())
    by_format = "  ".join(f"{kind} {found[kind]}/{total[kind]}" for kind in sorted(total) if total[kind])
    print(
        f"probes found: {share:.1%} ({literal / sum(total.values()):.1%} letter by letter)  {by_format}",
        *missed,
        sep="\n",
    )
    assert share >= 0.95, "\n".join(missed)


def test_text_is_close_to_the_reference(cases: list[_Case]) -> None:
    metric = CHRF()
    scores: dict[str, list[float]] = defaultdict(list)
    for case in cases:
        if case.reference and case.is_read:
            text = "\n".join(parsed.text for parsed in case.texts)
            score = metric.sentence_score(_without_marks(text), [_without_marks(case.reference)]).score
            scores[case.format].append(score)
            print(f"chrF {score:5.1f}  {case.name[:60]}")
    print("  ".join(f"{kind} {mean(values):.1f} ({len(values)})" for kind, values in sorted(scores.items())))
    low = {kind: mean(values) for kind, values in scores.items() if mean(values) < _CHRF_FLOORS.get(kind, 0)}
    assert not low


def test_spans_are_ordered_and_pages_cover_the_text(cases: list[_Case]) -> None:
    for case in cases:
        for parsed in case.texts:
            end = 0
            for block in parsed.blocks:
                assert end <= block.start < block.end <= len(parsed.text), case.name
                assert parsed.text[block.start : block.end].strip(), case.name
                header = block.header or (block.start, block.end)
                assert block.start <= header[0] < header[1] <= block.end, case.name
                end = block.end
            covered = 0
            for page in parsed.pages:
                assert page.start == covered < page.end, case.name
                covered = page.end
            assert not parsed.pages or covered == len(parsed.text), case.name
            parsed.text.encode("utf-8")


def test_hidden_and_external_content_never_shows(cases: list[_Case]) -> None:
    texts = {case.name: case.shown for case in cases}
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
