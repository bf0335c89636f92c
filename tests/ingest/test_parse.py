from __future__ import annotations

import io
import os
import sys
import zipfile
from pathlib import Path

import docx
import pytest
from reportlab.pdfgen.canvas import Canvas

from ingest import parse as parse_module
from ingest.document import document_id
from ingest.errors import (
    BrokenFileError,
    EmptyFileError,
    EncryptedFileError,
    FileTooLargeError,
    MissingExtraError,
    NoTextError,
    ParseError,
    UnknownFormatError,
    UnreadableFileError,
    UnsafeFileError,
    WrongExtensionError,
)
from ingest.formats import SUFFIX_FORMATS, Format, format_of
from ingest.parse import SUPPORTED_SUFFIXES, ParseLimits, parse_file, parse_parts
from ingest.parsers.choose import parser_of, parts_of
from ingest.parsers.text_builder import ParsedFile
from tests.ingest.file_seeds import built_seeds


def _pdf_bytes() -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.drawString(72, 700, "A line of text")
    canvas.save()
    return buffer.getvalue()


def _docx_bytes() -> bytes:
    buffer = io.BytesIO()
    word = docx.Document()
    word.add_paragraph("A line of text")
    word.save(buffer)
    return buffer.getvalue()


def _written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


_LINE = "A line of text"
_CONTENTS: dict[Format, bytes] = {
    Format.TEXT: b"A line of text",
    Format.MARKDOWN: b"A line of text",
    Format.RESTRUCTURED_TEXT: b"A line of text",
    Format.HTML: b"<p>A line of text</p>",
    Format.XML: b"<text>A line of text</text>",
    Format.JSON: b'"A line of text"',
    Format.JSON_LINES: b'"A line of text"\n',
    Format.CSV: b"A line of text\n",
    Format.CODE: b"A line of text",
    Format.PDF: _pdf_bytes(),
    Format.DOCX: _docx_bytes(),
}
"""A file of each format whose text can be this one line; all others are examples of the fuzzing tests."""

_SUBTITLES = b"1\n00:00:01,000 --> 00:00:02,000\nA line of text\n"
_TEXTUAL = [
    (kind, suffix)
    for suffix, kind in sorted(SUFFIX_FORMATS.items())
    if kind in _CONTENTS and (kind is not Format.CODE or suffix in (".py", ".js", ".yaml", ".sql"))
]


def _examples() -> dict[Format, list[tuple[str, bytes]]]:
    """Files of each format, by their names."""
    examples: dict[Format, list[tuple[str, bytes]]] = {}
    for name, content in built_seeds().items():
        kind = format_of(name)
        assert kind is not None
        examples.setdefault(kind, []).append((name, content))
    return examples


def test_each_format_has_a_parser_or_holds_other_files() -> None:
    assert [kind for kind in Format if parser_of(kind) is None and parts_of(kind) is None] == []
    assert {kind for kind in Format if parser_of(kind) is None} == {Format.ZIP, Format.TAR}


def test_each_format_has_an_example() -> None:
    # Those two are binary containers that nothing at hand writes; their own tests make them.
    assert set(Format) - set(_examples()) <= {Format.OUTLOOK, Format.XLS}


@pytest.mark.parametrize(("kind", "content"), [(k, c) for k, files in _examples().items() for c in files])
def test_examples_of_every_format_have_exact_spans(
    tmp_path: Path, kind: Format, content: tuple[str, bytes]
) -> None:
    name, data = content
    texts = [part.outcome for part in parse_parts(_written(tmp_path, name, data), ParseLimits())]
    assert texts
    for parsed in texts:
        assert isinstance(parsed, ParsedFile), parsed
        end = 0
        for block in parsed.blocks:
            assert end <= block.start < block.end <= len(parsed.text)
            assert parsed.text[block.start : block.end].strip()
            if block.header is not None:
                assert block.start == block.header[0] < block.header[1] <= block.end
            end = block.end


@pytest.mark.parametrize(("kind", "suffix"), _TEXTUAL)
@pytest.mark.parametrize("upper", [False, True])
def test_every_suffix_becomes_a_document(tmp_path: Path, kind: Format, suffix: str, upper: bool) -> None:
    path = _written(tmp_path, f"文件 1{suffix.upper() if upper else suffix}", _CONTENTS[kind])
    document = parse_file(path)
    assert document.text == _LINE
    assert document.title == "文件 1"
    assert document.named_by_file
    assert document.uri == path.resolve().as_uri()
    assert document.id == document_id(document.uri, document.text)
    assert document.language == "en"
    assert [document.text[block.start : block.end] for block in document.blocks] == [_LINE]
    assert bool(document.pages) == (kind is Format.PDF)


def test_subtitles_show_when_they_are_spoken(tmp_path: Path) -> None:
    assert parse_file(_written(tmp_path, "talk.srt", _SUBTITLES)).text == f"[00:00:01] {_LINE}"


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("empty.txt", b"", EmptyFileError),
        ("empty.pdf", b"", EmptyFileError),
        ("blank.md", b" \r\n\t\n", EmptyFileError),
        ("mark.txt", b"\xef\xbb\xbf \n", EmptyFileError),
        ("wide.txt", "\u3000\n".encode("utf-16"), EmptyFileError),
        ("tags.html", b"<html><body><p> </p></body></html>", NoTextError),
        ("front.md", b"---\ntitle: x\n---\n", NoTextError),
        ("unknown.xyz", b"text", UnknownFormatError),
        ("none", b"\x7fELF" + b"\0" * 40, UnknownFormatError),
        ("broken.json", b'{"a": }', BrokenFileError),
        ("broken.jsonl", b"{}\n{\n", BrokenFileError),
        ("broken.xml", b"<a><b></a>", BrokenFileError),
        ("bomb.xml", b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', UnsafeFileError),
        ("text.srt", b"no cue", BrokenFileError),
        ("empty.json", b"{}", NoTextError),
        ("empty.xml", b"<a/>", NoTextError),
        ("commas.csv", b",,,\n", NoTextError),
        ("comment.rst", b".. nothing but a comment\n", NoTextError),
        ("image.pdf", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, WrongExtensionError),
        ("word.pdf", _docx_bytes(), WrongExtensionError),
        ("pdf.docx", _pdf_bytes(), WrongExtensionError),
        ("text.docx", b"just text", WrongExtensionError),
        ("pdf.txt", _pdf_bytes(), WrongExtensionError),
        ("word.md", _docx_bytes(), WrongExtensionError),
        ("archive.html", b"\x1f\x8b\x08" + b"\0" * 40, WrongExtensionError),
        ("binary.txt", bytes(range(256)) * 8, WrongExtensionError),
        ("old.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, WrongExtensionError),
        (
            "locked.docx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            EncryptedFileError,
        ),
        ("cut.docx", _docx_bytes()[:-200], BrokenFileError),
        ("cut.pdf", b"%PDF-1.7\n1 0 obj", BrokenFileError),
    ],
)
def test_what_cannot_be_read_says_why(
    tmp_path: Path, name: str, content: bytes, error: type[ParseError]
) -> None:
    path = _written(tmp_path, name, content)
    with pytest.raises(error) as caught:
        parse_file(path)
    assert type(caught.value) is error
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mismatch_names_what_the_file_seems_to_be(tmp_path: Path) -> None:
    with pytest.raises(WrongExtensionError, match="seems to be a PDF, and its name says a Word document"):
        parse_file(_written(tmp_path, "report.docx", _pdf_bytes()))


def test_an_unknown_format_lists_the_known_ones_and_the_extra(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormatError) as caught:
        parse_file(_written(tmp_path, "slides.doc", b"words"))
    for suffix in SUPPORTED_SUFFIXES:
        assert suffix in str(caught.value)
    assert "troika[unstructured]" in str(caught.value)


def test_the_long_tail_is_read_when_the_extra_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parse_module, "is_installed", "unstructured".__eq__)
    monkeypatch.setitem(sys.modules, "unstructured", None)
    path = _written(tmp_path, "slides.doc", b"words")
    with pytest.raises(MissingExtraError, match="unstructured"):
        parse_file(path)
    with pytest.raises(UnknownFormatError):
        parse_file(_written(tmp_path, "program.exe", b"MZ"))


def test_a_missing_file_a_folder_and_a_locked_file_are_unreadable(tmp_path: Path) -> None:
    (tmp_path / "folder.txt").mkdir()
    for name in ("missing.txt", "folder.txt"):
        with pytest.raises(UnreadableFileError):
            parse_file(tmp_path / name)
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(UnreadableFileError, match="regular"):
        parse_file(tmp_path / "pipe.txt")
    if os.geteuid() != 0:
        locked = _written(tmp_path, "locked.txt", b"text")
        locked.chmod(0)
        with pytest.raises(UnreadableFileError):
            parse_file(locked)


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    path = _written(tmp_path, "large.txt", b"x" * 101)
    with pytest.raises(FileTooLargeError, match="101 bytes"):
        parse_file(path, ParseLimits(file_bytes=100))


def test_a_page_saved_as_text_is_read_as_a_page(tmp_path: Path) -> None:
    path = _written(tmp_path, "saved.txt", b"<!DOCTYPE html><html><body><p>Shown</p></body></html>")
    assert parse_file(path).text == "Shown"


def test_a_damaged_package_is_broken_with_its_cause(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", "<not closed")
    with pytest.raises(BrokenFileError) as caught:
        parse_file(_written(tmp_path, "odd.docx", buffer.getvalue()))
    assert caught.value.__cause__ is not None


def test_the_hash_is_of_the_bytes_and_the_text_is_cleaned(tmp_path: Path) -> None:
    one = parse_file(_written(tmp_path, "a.txt", b"one\r\ntwo"))
    other = parse_file(_written(tmp_path, "b.txt", b"one\ntwo"))
    assert one.text == other.text == "one\ntwo"
    assert one.content_sha256 != other.content_sha256


def test_paragraphs_of_text_are_set_apart_by_blank_lines(tmp_path: Path) -> None:
    document = parse_file(_written(tmp_path, "a.txt", b"  one\n  two\n \t\n\nthree \n\n\n"))
    assert [document.text[b.start : b.end] for b in document.blocks] == ["one\n  two", "three"]
