"""What a file is by its first bytes, whatever its name says."""

from __future__ import annotations

import io
import zipfile
from enum import StrEnum

_HEAD = 1024
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\0", "a program"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"{\\rtf", "an RTF document"),
)
_OOXML_PARTS = (
    ("word/document.xml", "a Word document"),
    ("xl/workbook.xml", "an Excel workbook"),
    ("ppt/presentation.xml", "a PowerPoint presentation"),
)


class Content(StrEnum):
    """What the bytes are; each value is named as a message names it."""

    PDF = "a PDF"
    DOCX = "a Word document"
    OLE = "an old Office file (Word 97-2003 or its kin)"
    ENCRYPTED_OFFICE = "an encrypted Office file"
    HTML = "an HTML page"


def sniff(content: bytes) -> str | None:
    """A ``Content`` or the name of another kind; None for what may be text, or is unknown."""
    head = content[:_HEAD]
    if content.startswith(_OLE):
        return Content.ENCRYPTED_OFFICE if _ENCRYPTED_PACKAGE in content else Content.OLE
    if content.startswith(b"PK"):
        return _zip_kind(content)
    for signature, name in _SIGNATURES:
        if content.startswith(signature):
            return name
    if b"%PDF-" in head:
        return Content.PDF
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return Content.HTML if start.startswith((b"<!doctype html", b"<html")) else None


def _zip_kind(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = frozenset(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        return "a damaged zip archive"
    for part, name in _OOXML_PARTS:
        if part in names:
            return name
    if "mimetype" in names:
        return "an OpenDocument file or an EPUB book"
    return "a zip archive"
