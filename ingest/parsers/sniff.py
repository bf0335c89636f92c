"""What a file is by its first bytes, whatever its name says."""

from __future__ import annotations

import io
import zipfile
from enum import StrEnum

from ingest.errors import BrokenFileError, EncryptedFileError, WrongExtensionError
from ingest.formats import Format

_HEAD = 1024
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")


class Content(StrEnum):
    """What the bytes are; each value is named as a message names it."""

    PDF = "a PDF"
    DOCX = "a Word document"
    XLSX = "an Excel workbook"
    PPTX = "a PowerPoint presentation"
    OPEN_DOCUMENT = "an OpenDocument file or an EPUB book"
    OLE = "an old Office file (Word 97-2003 or its kin)"
    ENCRYPTED_OFFICE = "an encrypted Office file"
    HTML = "an HTML page"
    RTF = "an RTF document"
    ZIP = "a zip archive"
    DAMAGED_ZIP = "a damaged zip archive"
    GZIP = "a gzip archive"
    BZIP2 = "a bzip2 archive"
    XZ = "an xz archive"
    OTHER_ARCHIVE = "an archive of a kind that is not read (7-Zip, RAR)"
    IMAGE = "an image"
    PROGRAM = "a program"
    DATABASE = "an SQLite database"


_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", Content.IMAGE),
    (b"\xff\xd8\xff", Content.IMAGE),
    (b"GIF8", Content.IMAGE),
    (b"II*\0", Content.IMAGE),
    (b"MM\0*", Content.IMAGE),
    (b"\x1f\x8b", Content.GZIP),
    (b"7z\xbc\xaf\x27\x1c", Content.OTHER_ARCHIVE),
    (b"Rar!\x1a\x07", Content.OTHER_ARCHIVE),
    (b"BZh", Content.BZIP2),
    (b"\xfd7zXZ\0", Content.XZ),
    (b"\x7fELF", Content.PROGRAM),
    (b"MZ\x90\0", Content.PROGRAM),
    (b"SQLite format 3\0", Content.DATABASE),
    (b"{\\rtf", Content.RTF),
)
_ZIP_PARTS = (
    ("word/document.xml", Content.DOCX),
    ("xl/workbook.xml", Content.XLSX),
    ("ppt/presentation.xml", Content.PPTX),
    ("mimetype", Content.OPEN_DOCUMENT),
)
_OFFICE = frozenset((Format.DOCX, Format.PPTX, Format.XLSX))
_EXPECTED: dict[Format, tuple[Content | None, ...]] = {
    # A PDF without its header may still be read; only what is clearly another kind is refused.
    Format.PDF: (Content.PDF, None),
    Format.DOCX: (Content.DOCX,),
    Format.PPTX: (Content.PPTX,),
    Format.XLSX: (Content.XLSX,),
    Format.XLS: (Content.OLE,),
    Format.OPEN_DOCUMENT: (Content.OPEN_DOCUMENT,),
    Format.EPUB: (Content.OPEN_DOCUMENT, Content.ZIP),
    Format.RTF: (Content.RTF,),
    Format.OUTLOOK: (Content.OLE,),
    Format.ZIP: (Content.ZIP, *(content for _, content in _ZIP_PARTS)),
    Format.TAR: (Content.GZIP, Content.BZIP2, Content.XZ, None),
}
_TEXTUAL = (None, Content.HTML)
_SNIFFED = {
    Content.PDF: Format.PDF,
    Content.DOCX: Format.DOCX,
    Content.XLSX: Format.XLSX,
    Content.PPTX: Format.PPTX,
    Content.OPEN_DOCUMENT: Format.OPEN_DOCUMENT,
    Content.HTML: Format.HTML,
    Content.RTF: Format.RTF,
    Content.ZIP: Format.ZIP,
}


def sniff(content: bytes) -> Content | None:
    """What the bytes are; None for what may be text, or is unknown."""
    head = content[:_HEAD]
    if content.startswith(_OLE):
        return Content.ENCRYPTED_OFFICE if _ENCRYPTED_PACKAGE in content else Content.OLE
    if content.startswith(b"PK"):
        return _zip_kind(content)
    for signature, kind in _SIGNATURES:
        if content.startswith(signature):
            return kind
    if b"%PDF-" in head:
        return Content.PDF
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return Content.HTML if start.startswith((b"<!doctype html", b"<html")) else None


def sniffed_format(content: bytes) -> Format | None:
    """The format of a file whose name tells none; text that nothing gives away counts as text."""
    kind = sniff(content)
    return Format.TEXT if kind is None else _SNIFFED.get(kind)


def check_content(name: str, kind: Format, content: bytes) -> Format:
    """The format to read a file in: what its name says, if its bytes are of that kind.

    Raises:
        WrongExtensionError, EncryptedFileError, BrokenFileError: they are not.
    """
    found = sniff(content)
    if found is Content.ENCRYPTED_OFFICE and kind in _OFFICE:
        raise EncryptedFileError(f"{name} asks for a password: save a copy without one and ingest that.")
    if found is Content.DAMAGED_ZIP:
        raise BrokenFileError(f"{name} is {found} (cut off, perhaps): fetch it again from where it came.")
    if found not in _EXPECTED.get(kind, _TEXTUAL):
        promised = kind if kind in _EXPECTED else Format.TEXT
        raise WrongExtensionError(
            f"{name} seems to be {found or 'of another kind'}, and its name says {promised}: rename it."
        )
    # A saved page that lost its suffix is read as the page it is.
    return Format.HTML if kind is Format.TEXT and found is Content.HTML else kind


def _zip_kind(content: bytes) -> Content:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = frozenset(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        return Content.DAMAGED_ZIP
    return next((kind for part, kind in _ZIP_PARTS if part in names), Content.ZIP)
