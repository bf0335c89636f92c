"""PDF -> blocks with pages: pdfium reads it, pypdf what pdfium can't, OCR what is only a picture."""

from __future__ import annotations

from dataclasses import replace

from ingest.document import MetadataValue
from ingest.errors import NoTextError
from ingest.parsers.pdf_bombs import refuse_bombs
from ingest.parsers.pdf_layout import lay_out
from ingest.parsers.pdf_lines import PdfContent
from ingest.parsers.pdf_properties import metadata_of
from ingest.parsers.pdf_running import drop_running_lines
from ingest.parsers.pdfium import PdfiumFailure, read_pdf
from ingest.parsers.text_builder import UNREAD_PAGES, ParsedFile
from ingest.parsers.titles import first_usable_title

_MOST_PAGES_READ_TWICE = 200
"""pypdf takes seconds for a hundred pages, and seldom finds text where pdfium finds none."""


def parse(content: bytes) -> ParsedFile:
    """The text of all pages that have any, with the box of each line.

    The metadata tell of pages that could not be loaded (``unreadable_pages``) and of pages that show
    something but gave no text (``pages_without_text``: scans, where the extra ``ocr`` is missing), among
    them those that OCR had no time for (``pages_unread_for_time``).

    Raises:
        EncryptedFileError: the file asks for a password.
        UnsafeFileError: the file holds a decompression bomb.
        NoTextError: no page has text.
    """
    refuse_bombs(content)
    read = _read(content)
    parsed, first_heading = lay_out(drop_running_lines(read.pages), read.bookmarks)
    title = first_usable_title((read.properties.get("Title"), first_heading))
    return replace(parsed, title=title, metadata=_metadata(read))


def _read(content: bytes) -> PdfContent:
    try:
        read = read_pdf(content)
    except PdfiumFailure:
        read = PdfContent((), {}, 0)
    if len(read.pages) <= _MOST_PAGES_READ_TWICE and not any(
        page.lines or page.is_scan for page in read.pages
    ):
        read = _better(read, content)
    if any(page.is_scan for page in read.pages):
        from ingest.parsers.pdf_scans import with_scans_read  # late: most files have no scans

        read = with_scans_read(content, read)
    if not _has_text(read):
        raise _no_text(read)
    return read


def _better(read: PdfContent, content: bytes) -> PdfContent:
    """What pypdf makes of it, if that is any better than pages with nothing on them."""
    from ingest.parsers.pypdf_lines import read_pdf_with_pypdf  # late: slow to import, seldom needed

    second = read_pdf_with_pypdf(content)
    return second if _has_text(second) or not read.pages else read


def _has_text(read: PdfContent) -> bool:
    return any(page.lines for page in read.pages)


def _no_text(read: PdfContent) -> NoTextError:
    scans = sum(page.is_scan for page in read.pages)
    if not scans:
        return NoTextError(
            f"no page of the PDF holds text, of {len(read.pages)} in all: there is nothing to ingest."
        )
    from ingest.parsers import ocr

    found = f"no page of the PDF holds text, of {len(read.pages)} in all, and {scans} show something"
    if read.unread:
        return NoTextError(
            f"{found}, of which OCR had no time for {read.unread}: split the file, or raise "
            "ingest.parse_seconds."
        )
    if ocr.is_available():
        return NoTextError(f"{found} in which OCR found no text either: there is nothing to ingest.")
    return NoTextError(
        f'{found} (they may be scans): install OCR with pip install "troika[{ocr.EXTRA}]", and try again.'
    )


def _metadata(read: PdfContent) -> dict[str, MetadataValue]:
    found = metadata_of(read.properties)
    if read.unreadable:
        found["unreadable_pages"] = read.unreadable
    without_text = sum(page.is_scan and not page.lines for page in read.pages)
    if without_text:
        found["pages_without_text"] = without_text
    if read.unread:
        found[UNREAD_PAGES] = read.unread
    return found
