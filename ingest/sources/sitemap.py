"""Sitemaps (sitemaps.org protocol): which pages a site says it has."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from lxml import etree  # pyright: ignore[reportMissingTypeStubs, reportAttributeAccessIssue, reportUnknownVariableType]

from ingest.errors import BrokenFileError, FileTooLargeError, UnsafeFileError

MAX_PAGES = 50_000
_MAX_BYTES = 50_000_000
_GZIP = b"\x1f\x8b"
_HEAD_BYTES = 4096
_etree = cast("Any", etree)


@dataclass(frozen=True, slots=True)
class Sitemap:
    """The addresses that a sitemap lists: of pages, or of other sitemaps when it is an index."""

    pages: tuple[str, ...]
    sitemaps: tuple[str, ...]


def names_sitemap(path: str) -> bool:
    """Whether the path of an address may be that of a sitemap."""
    return path.lower().endswith((".xml", ".xml.gz"))


def parse_sitemap(content: bytes, url: str) -> Sitemap | None:
    """The sitemap in ``content``, gzipped or not; None when it is something else.

    Raises:
        BrokenFileError, FileTooLargeError, UnsafeFileError: it is a sitemap that cannot be used.
    """
    content = _unpacked(content, url) if content.startswith(_GZIP) else content
    if b"<urlset" not in content[:_HEAD_BYTES] and b"<sitemapindex" not in content[:_HEAD_BYTES]:
        return None
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise UnsafeFileError(f"{url} declares a document type, which no sitemap needs: it is not read.")
    pages: list[str] = []
    sitemaps: list[str] = []
    try:
        for kind, address in _locations(content):
            (sitemaps if kind == "sitemap" else pages).append(address)
            if len(pages) + len(sitemaps) > MAX_PAGES:
                raise FileTooLargeError(
                    f"{url} lists more than {MAX_PAGES} addresses: split it as its protocol asks."
                )
    except _etree.XMLSyntaxError as error:
        raise BrokenFileError(f"{url} is no well-formed sitemap ({error}): mend it at its site.") from error
    return Sitemap(tuple(dict.fromkeys(pages)), tuple(dict.fromkeys(sitemaps)))


def _locations(content: bytes) -> Iterator[tuple[str, str]]:
    """The ``<loc>`` of each ``<url>`` and ``<sitemap>``, as the parser comes by; nothing is kept."""
    steps = _etree.iterparse(
        io.BytesIO(content),
        events=("end",),
        tag=("{*}url", "{*}sitemap"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    for _, element in steps:
        address = element.findtext("{*}loc")
        if address and address.strip():
            yield str(_etree.QName(element).localname), address.strip()
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]


def _unpacked(content: bytes, url: str) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(content, _MAX_BYTES)
    except zlib.error as error:
        raise BrokenFileError(f"{url} is no sound gzip file: mend it at its site.") from error
    if unpacker.unconsumed_tail:
        raise FileTooLargeError(
            f"{url} unpacks to more than {_MAX_BYTES} bytes: split it as its protocol asks."
        )
    return plain
