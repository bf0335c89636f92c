"""PDF -> blocks with pages: pdfium reads it, pypdf where pdfium can't or finds nothing."""

from __future__ import annotations

from collections.abc import Mapping

from ingest.document import MetadataValue
from ingest.errors import NoTextError
from ingest.parsers.pdf_layout import write_blocks
from ingest.parsers.pdf_running import drop_running_lines
from ingest.parsers.pdfium import PdfContent, PdfiumFailure, read_pdf
from ingest.parsers.text_builder import ParsedFile, TextBuilder, clean_text
from ingest.parsers.titles import first_usable_title

_METADATA = {"Author": "author", "Subject": "subject", "Keywords": "keywords"}


def parse(content: bytes) -> ParsedFile:
    """The text of all pages that have any.

    Raises:
        EncryptedFileError: the file asks for a password.
        NoTextError: no page has text.
    """
    read = _read(content)
    builder = TextBuilder()
    first_heading = write_blocks(drop_running_lines(read.pages), builder)
    title = first_usable_title((read.metadata.get("Title"), first_heading))
    return builder.build(title, _metadata(read))


def _read(content: bytes) -> PdfContent:
    try:
        read = read_pdf(content)
    except PdfiumFailure:
        read = PdfContent([], {}, 0)
    if any(page.lines for page in read.pages):
        return read
    from ingest.parsers.pypdf_lines import read_pdf_with_pypdf  # late: slow to import, seldom needed

    second = read_pdf_with_pypdf(content)
    if any(page.lines for page in second.pages):
        return second
    raise NoTextError(
        f"no page of the PDF holds text, of {len(second.pages)} in all (they may be scans): "
        "run it through OCR and ingest the result."
    )


def _metadata(read: PdfContent) -> Mapping[str, MetadataValue]:
    found: dict[str, MetadataValue] = {}
    for key, name in _METADATA.items():
        value = clean_text(read.metadata.get(key, "")).strip()
        if value:
            found[name] = value
    if read.unreadable:
        found["unreadable_pages"] = read.unreadable
    return found
