"""Which pages a sitemap lists, and which sitemaps are refused."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import BrokenFileError, FileTooLargeError, ParseError, UnsafeFileError
from ingest.sources.sitemap import MAX_PAGES, Sitemap, names_sitemap, parse_sitemap

URL = "https://site.example/sitemap.xml"
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def urlset(*addresses: str, namespace: str = NAMESPACE) -> bytes:
    listed = "".join(f"<url><loc> {a} </loc><lastmod>2026-01-01</lastmod></url>\n" for a in addresses)
    return f'<?xml version="1.0"?>\n<urlset xmlns="{namespace}">{listed}</urlset>'.encode()


@pytest.mark.parametrize("namespace", [NAMESPACE, "", "urn:other"])
def test_pages_are_listed_each_once_whatever_the_namespace(namespace: str) -> None:
    content = urlset("https://a/1", "https://a/2?x=1&amp;y=2", "https://a/1", "", namespace=namespace)
    assert parse_sitemap(content, URL) == Sitemap(("https://a/1", "https://a/2?x=1&y=2"), ())


def test_an_index_lists_sitemaps() -> None:
    content = b"<sitemapindex><sitemap><loc>https://a/s.xml</loc></sitemap></sitemapindex>"
    assert parse_sitemap(content, URL) == Sitemap((), ("https://a/s.xml",))


def test_a_gzipped_sitemap_is_read() -> None:
    assert parse_sitemap(gzip.compress(urlset("https://a/1")), URL) == Sitemap(("https://a/1",), ())


@pytest.mark.parametrize(
    "content", [b"", b"<rss></rss>", b"<html>urlset</html>", gzip.compress(b"plain text", mtime=0)]
)
def test_other_files_are_no_sitemaps(content: bytes) -> None:
    assert parse_sitemap(content, URL) is None


def test_images_and_other_locations_are_no_pages() -> None:
    content = urlset("https://a/1").replace(
        b"<lastmod>", b"<image><loc>https://a/i.png</loc></image><lastmod>"
    )
    assert parse_sitemap(content, URL) == Sitemap(("https://a/1",), ())


def test_a_sitemap_that_is_cut_off_is_broken() -> None:
    with pytest.raises(BrokenFileError, match="well-formed"):
        parse_sitemap(urlset("https://a/1")[:-20], URL)
    with pytest.raises(BrokenFileError, match="gzip"):
        parse_sitemap(b"\x1f\x8bnothing", URL)


def test_entities_are_refused_unread() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    with pytest.raises(UnsafeFileError):
        parse_sitemap(bomb + urlset("&a;"), URL)


def test_a_bomb_and_a_list_without_end_are_refused() -> None:
    with pytest.raises(FileTooLargeError, match="unpacks"):
        parse_sitemap(gzip.compress(b"<urlset>" + b" " * 60_000_000), URL)
    with pytest.raises(FileTooLargeError, match="50000"):
        parse_sitemap(urlset(*(f"https://a/{n}" for n in range(MAX_PAGES + 1))), URL)


def test_fifty_thousand_pages_are_read() -> None:
    sitemap = parse_sitemap(urlset(*(f"https://a/{n}" for n in range(MAX_PAGES))), URL)
    assert sitemap is not None
    assert len(sitemap.pages) == MAX_PAGES


@pytest.mark.parametrize(
    ("path", "named"),
    [("/sitemap.xml", True), ("/map.XML.gz", True), ("/", False), ("/xml", False), ("/a.xml.html", False)],
)
def test_a_name_tells_what_may_be_a_sitemap(path: str, named: bool) -> None:
    assert names_sitemap(path) is named


@given(st.binary(max_size=100), st.integers(0, 150))
def test_damage_ends_in_pages_or_an_error(noise: bytes, place: int) -> None:
    content = urlset("https://a/1")
    try:
        parse_sitemap(content[:place] + noise + content[place + len(noise) :], URL)
    except ParseError as error:
        assert "\n" not in str(error)
