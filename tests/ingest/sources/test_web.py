"""Pages fetched from a real server on this machine."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import repeat
from threading import Thread

import pytest

from ingest.errors import (
    AddressRefusedError,
    FetchError,
    FileTooLargeError,
    ParseError,
    RobotsRefusedError,
    SourceGoneError,
)
from ingest.settings import IngestSettings
from ingest.sources.source import SourceBytes, SourceFailure, SourceUnchanged, Stamp
from ingest.sources.web import Outcome, WebPages, WebReader, as_utf8, page_name
from ingest.sources.web_fetch import Fetched
from tests.ingest.local_site import Asked, LocalSite, Reply, serving

AGENT = "Troika-Test/1 (of a test)"


@dataclass
class Clock:
    """Counts the pauses that were asked for and makes none."""

    pauses: list[float] = field(default_factory=list[float])

    def wait(self, seconds: float) -> None:
        self.pauses.append(seconds)


@pytest.fixture
def site() -> Iterator[LocalSite]:
    with serving(LocalSite()) as site:
        yield site


@pytest.fixture
def clock() -> Clock:
    return Clock()


def reader(clock: Clock, **settings: object) -> WebReader:
    values = {"allow_private_addresses": True, "user_agent": AGENT, "max_file_megabytes": 1, **settings}
    return WebReader(IngestSettings.model_validate(values), wait=clock.wait)


def read(clock: Clock, urls: Sequence[str], known: Stamp | None = None, **settings: object) -> list[Outcome]:
    with reader(clock, **settings) as web:
        return list(web.read(urls, lambda _: known))


def read_one(clock: Clock, url: str, known: Stamp | None = None, **settings: object) -> SourceBytes:
    [outcome] = read(clock, [url], known, **settings)
    assert isinstance(outcome, SourceBytes), outcome
    return outcome


def failure_of(clock: Clock, url: str, **settings: object) -> ParseError:
    [outcome] = read(clock, [url], None, **settings)
    assert isinstance(outcome, SourceFailure), outcome
    assert outcome.uri == url
    assert "\n" not in str(outcome.error)
    return outcome.error


def find(clock: Clock, *urls: str) -> WebPages:
    with reader(clock) as web:
        return web.find(urls)


def urlset(*addresses: str) -> str:
    return f"<urlset>{''.join(f'<url><loc>{address}</loc></url>' for address in addresses)}</urlset>"


def test_a_page_comes_with_its_name_stamp_and_metadata(site: LocalSite, clock: Clock) -> None:
    date = formatdate(1_700_000_000, usegmt=True)
    site.page("/guide", "<h1>Guide</h1>", ETag='"1"', Last_Modified=date)
    with reader(clock) as web:
        [page] = list(web.read([f"{site.url}/guide"], metadata={"acl": ("staff",)}))
    assert page == SourceBytes(
        f"{site.url}/guide",
        "guide.html",
        b"<h1>Guide</h1>",
        {"acl": ("staff",)},
        None,
        Stamp(14, 1_700_000_000_000_000_000, '"1"'),
    )
    assert site.asked[-1].headers["user-agent"] == AGENT


def test_pages_come_in_order_a_few_at_a_time(site: LocalSite, clock: Clock) -> None:
    def slow(asked: Asked) -> Reply:
        time.sleep(0.02)
        return Reply(asked.path.encode(), headers={"Content-Type": "text/plain"})

    site.pages = {f"/{number}": slow for number in range(20)}
    outcomes = read(clock, [f"{site.url}/{number}" for number in range(20)])
    assert [page.content for page in outcomes if isinstance(page, SourceBytes)] == [
        f"/{number}".encode() for number in range(20)
    ]
    assert 2 <= site.busiest <= 4


def test_leaving_early_stops_the_fetching(site: LocalSite, clock: Clock) -> None:
    site.pages = {f"/{number}": Reply(b"x", headers={"Content-Type": "text/plain"}) for number in range(50)}
    with reader(clock) as web:
        pages = web.read([f"{site.url}/{number}" for number in range(50)])
        next(pages)
        pages.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert len(site.asked) < 15


def test_an_unchanged_page_is_not_sent_again(site: LocalSite, clock: Clock) -> None:
    date = formatdate(1_700_000_000, usegmt=True)

    def conditional(asked: Asked) -> Reply:
        fits = asked.headers.get("if-none-match") == '"7"' or asked.headers.get("if-modified-since") == date
        return Reply(b"", 304) if fits else Reply(b"new", headers={"Content-Type": "text/plain"})

    site.pages["/a"] = conditional
    url = f"{site.url}/a"
    for current in (Stamp(3, None, '"7"'), Stamp(3, 1_700_000_000_000_000_000)):
        assert read(clock, [url], current) == [SourceUnchanged(url)]
    for stale in (Stamp(3, None, '"6"'), Stamp(3)):
        assert read_one(clock, url, stale).content == b"new"
    assert read_one(clock, url).content == b"new"


def test_redirects_are_followed_and_the_address_stays(site: LocalSite, clock: Clock) -> None:
    site.pages["/a"] = Reply(b"", 301, {"Location": "/b?x=1"})
    site.pages["/b?x=1"] = Reply(b"", 302, {"Location": f"{site.url}/c.txt"})
    site.page("/c.txt", "there", "text/plain")
    page = read_one(clock, f"{site.url}/a")
    assert (page.uri, page.name, page.content) == (f"{site.url}/a", "c.txt", b"there")


def test_redirects_without_end_are_given_up(site: LocalSite, clock: Clock) -> None:
    site.pages["/a"] = Reply(b"", 302, {"Location": "/a"})
    assert isinstance(failure_of(clock, f"{site.url}/a"), FetchError)
    assert site.paths().count("/a") == 6


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "http://user:secret@127.0.0.1/",
        "http://2130706433/",
        "http://[::1",
        "//",
    ],
)
def test_redirects_to_what_is_no_web_address_are_refused(site: LocalSite, clock: Clock, target: str) -> None:
    site.pages["/a"] = Reply(b"", 302, {"Location": target})
    error = failure_of(clock, f"{site.url}/a")
    assert isinstance(error, AddressRefusedError | FetchError)
    assert site.paths()[-1] == "/a"
    assert "secret" not in str(error)


def test_redirects_to_private_addresses_are_refused(site: LocalSite, clock: Clock) -> None:
    """The first host passes for public; the one it leads to is this machine."""
    site.pages["/robots.txt"] = Reply(b"", 404)
    site.pages["/a"] = Reply(b"", 302, {"Location": "http://internal.example/"})
    port = int(site.url.rpartition(":")[2])
    answers = {"public.example": ["93.184.216.34"], "internal.example": ["10.0.0.7"]}
    asked: list[str] = []

    def resolve(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        return answers[host]

    web = WebReader(IngestSettings(), resolver=resolve, wait=clock.wait)
    sockets = web._fetcher._client._transport._backend._sockets  # pyright: ignore
    connect = sockets.connect_tcp  # pyright: ignore
    sockets.connect_tcp = lambda host, _, *more: connect(  # pyright: ignore
        {"93.184.216.34": "127.0.0.1"}[host], port, *more
    )
    with web:
        [outcome] = web.read(["http://public.example/a"])
    assert isinstance(outcome, SourceFailure)
    assert isinstance(outcome.error, AddressRefusedError)
    assert site.paths() == ["/robots.txt", "/a"]
    assert "internal.example" in asked


def test_this_machine_is_refused_unless_allowed(site: LocalSite, clock: Clock) -> None:
    site.page("/a", "x")
    assert isinstance(failure_of(clock, f"{site.url}/a", allow_private_addresses=False), AddressRefusedError)
    assert site.asked == []


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_gone_is_told_from_one_that_failed(site: LocalSite, clock: Clock, status: int) -> None:
    site.pages["/a"] = Reply(b"", status)
    assert isinstance(failure_of(clock, f"{site.url}/a"), SourceGoneError)


@pytest.mark.parametrize("status", [204 + 100, 400, 401, 403, 418, 451, 501, 999])
def test_other_answers_are_failures_at_once(site: LocalSite, clock: Clock, status: int) -> None:
    site.pages["/a"] = Reply(b"", status)
    assert isinstance(failure_of(clock, f"{site.url}/a"), FetchError)
    assert site.paths().count("/a") == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_tried_again_after_longer_and_longer_pauses(
    site: LocalSite, clock: Clock, status: int
) -> None:
    left = [status, status, 200]
    site.pages["/a"] = lambda _: Reply(b"x", left.pop(0), {"Content-Type": "text/plain"})
    assert read_one(clock, f"{site.url}/a").content == b"x"
    assert 0.5 <= clock.pauses[0] < clock.pauses[1] <= 1.5


def test_a_busy_server_is_left_alone_in_the_end(site: LocalSite, clock: Clock) -> None:
    site.pages["/a"] = Reply(b"", 503)
    assert "503" in str(failure_of(clock, f"{site.url}/a"))
    assert site.paths().count("/a") == 4


def test_the_pause_that_a_server_asks_for_is_kept(site: LocalSite, clock: Clock) -> None:
    replies = [
        Reply(b"", 429, {"Retry-After": "7"}),
        Reply(b"", 503, {"Retry-After": formatdate(time.time() + 30, usegmt=True)}),
        Reply(b"x", 200, {"Content-Type": "text/plain"}),
    ]
    site.pages["/a"] = lambda _: replies.pop(0)
    read_one(clock, f"{site.url}/a")
    assert clock.pauses[0] == 7
    assert 28 <= clock.pauses[1] <= 30


def test_a_pause_of_hours_is_not_made(site: LocalSite, clock: Clock) -> None:
    site.pages["/a"] = Reply(b"", 429, {"Retry-After": "7200"})
    assert "429" in str(failure_of(clock, f"{site.url}/a"))
    assert clock.pauses == []


def test_a_server_that_is_not_there_is_a_failure(clock: Clock) -> None:
    with serving(LocalSite()) as site:
        url = f"{site.url}/a"
    assert isinstance(failure_of(clock, url), FetchError)


def test_too_much_is_refused_by_its_stated_length_and_by_what_comes(site: LocalSite, clock: Clock) -> None:
    kind = {"Content-Type": "text/plain"}
    site.pages["/stated"] = Reply(b"", headers={**kind, "Content-Length": "5000000"})
    site.pages["/endless"] = Reply(headers=kind, pieces=repeat(b"x" * 100_000))
    site.pages["/bomb"] = Reply(gzip.compress(bytes(3_000_000)), headers={**kind, "Content-Encoding": "gzip"})
    for path in ("/stated", "/endless", "/bomb"):
        assert isinstance(failure_of(clock, site.url + path), FileTooLargeError)


def test_a_page_that_trickles_is_given_up_in_time(site: LocalSite, clock: Clock) -> None:
    site.pages["/a"] = Reply(
        headers={"Content-Type": "text/plain"}, pieces=repeat(b"x"), pause=lambda: time.sleep(0.05)
    )
    site.pages["/robots.txt"] = Reply(b"", 404)
    started = time.monotonic()
    assert "longer than 0.3 s" in str(failure_of(clock, f"{site.url}/a", fetch_seconds=0.3))
    assert time.monotonic() - started < 10


def test_packed_pages_are_unpacked_once_and_no_more(site: LocalSite, clock: Clock) -> None:
    kind = {"Content-Type": "text/plain"}
    site.pages["/once"] = Reply(gzip.compress(b"hello"), headers={**kind, "Content-Encoding": "gzip"})
    site.pages["/twice"] = Reply(
        gzip.compress(gzip.compress(b"hello")), headers={**kind, "Content-Encoding": "gzip, gzip"}
    )
    site.pages["/false"] = Reply(b"hello", headers={**kind, "Content-Encoding": "gzip"})
    assert read_one(clock, f"{site.url}/once").content == b"hello"
    assert "packed" in str(failure_of(clock, f"{site.url}/twice"))
    assert "packed" in str(failure_of(clock, f"{site.url}/false"))


def test_robots_rules_are_kept_with_their_wildcards(site: LocalSite, clock: Clock) -> None:
    site.page(
        "/robots.txt", "User-agent: *\nDisallow: /\n\nUser-agent: troika-test\nDisallow: /private/\n"
        "Disallow: /*?print=\nAllow: /private/open\n", "text/plain",
    )  # fmt: skip
    site.page("/a", "a")
    site.page("/private/open", "b")
    allowed = [f"{site.url}/a", f"{site.url}/private/open"]
    refused = [f"{site.url}/private/x", f"{site.url}/a?print=1"]
    outcomes = read(clock, [*allowed, *refused])
    assert [type(outcome) for outcome in outcomes] == [SourceBytes, SourceBytes, SourceFailure, SourceFailure]
    assert all(isinstance(o.error, RobotsRefusedError) for o in outcomes if isinstance(o, SourceFailure))
    assert sorted(site.paths()) == ["/a", "/private/open", "/robots.txt"]


def test_robots_rules_hold_where_a_redirect_leads(site: LocalSite, clock: Clock) -> None:
    site.page("/robots.txt", "User-agent: *\nDisallow: /private\n", "text/plain")
    site.pages["/a"] = Reply(b"", 302, {"Location": "/private"})
    assert isinstance(failure_of(clock, f"{site.url}/a"), RobotsRefusedError)
    assert "/private" not in site.paths()


@pytest.mark.parametrize(("status", "allowed"), [(404, True), (403, True), (500, False), (503, False)])
def test_rules_that_cannot_be_had_forbid_all_and_none_forbid_nothing(
    site: LocalSite, clock: Clock, status: int, allowed: bool
) -> None:
    site.pages["/robots.txt"] = Reply(b"", status)
    site.page("/a", "a")
    [outcome] = read(clock, [f"{site.url}/a"])
    assert isinstance(outcome, SourceBytes) is allowed


def test_the_delay_that_a_site_asks_for_is_kept(site: LocalSite, clock: Clock) -> None:
    site.page("/robots.txt", "User-agent: *\nCrawl-delay: 5\n", "text/plain")
    site.page("/a", "a")
    read(clock, [f"{site.url}/a"] * 3)
    assert [round(pause) for pause in sorted(clock.pauses)] == [5, 10]


def test_a_sitemap_gives_the_pages_of_its_own_host(site: LocalSite, clock: Clock) -> None:
    site.page("/docs/sitemap.xml", urlset(
        f"{site.url}/docs/a", f"{site.url}/docs/b#x", "https://other.example/c", "file:///etc/passwd",
        f"{site.url}/docs/b",
    ), "application/xml")  # fmt: skip
    pages = find(clock, f"{site.url}/docs/sitemap.xml", f"{site.url}/page")
    assert pages.urls == (f"{site.url}/docs/a", f"{site.url}/docs/b", f"{site.url}/page")
    [failure] = pages.failures
    assert "2 addresses" in str(failure.error)
    assert pages.covers(f"{site.url}/docs/gone")
    assert not pages.covers(f"{site.url}/gone")
    assert not pages.covers(f"{site.url}/page/below")
    assert pages.covers(f"{site.url}/page!/inside.txt")


def test_an_index_gives_the_pages_of_all_its_sitemaps(site: LocalSite, clock: Clock) -> None:
    site.page("/sitemap.xml", f"<sitemapindex><sitemap><loc>{site.url}/1.xml.gz</loc></sitemap><sitemap>"
              f"<loc>{site.url}/2.xml</loc></sitemap></sitemapindex>", "application/xml")  # fmt: skip
    site.pages["/1.xml.gz"] = Reply(gzip.compress(urlset(f"{site.url}/a").encode()))
    site.page("/2.xml", urlset(f"{site.url}/b"), "application/xml")
    pages = find(clock, f"{site.url}/sitemap.xml")
    assert (pages.urls, pages.folders) == ((f"{site.url}/a", f"{site.url}/b"), (f"{site.url}/",))
    assert pages.failures == ()


def test_an_index_that_is_not_complete_speaks_for_no_folder(site: LocalSite, clock: Clock) -> None:
    loops = f"<sitemapindex><sitemap><loc>{site.url}/sitemap.xml</loc></sitemap></sitemapindex>"
    for inner in (urlset(f"{site.url}/a")[:-4], "<html/>", loops):
        site.page("/sitemap.xml", f"<sitemapindex><sitemap><loc>{site.url}/1.xml</loc></sitemap><sitemap>"
                  f"<loc>{site.url}/2.xml</loc></sitemap></sitemapindex>", "application/xml")  # fmt: skip
        site.page("/1.xml", urlset(f"{site.url}/a"), "application/xml")
        site.page("/2.xml", inner, "application/xml")
        pages = find(clock, f"{site.url}/sitemap.xml")
        assert pages.urls == (f"{site.url}/a",)
        assert [failure.uri for failure in pages.failures] == [f"{site.url}/2.xml"]
        assert not pages.covers(f"{site.url}/gone")


def test_an_xml_page_that_is_no_sitemap_is_a_page(site: LocalSite, clock: Clock) -> None:
    site.page("/feed.xml", "<rss/>", "application/rss+xml")
    assert find(clock, f"{site.url}/feed.xml").urls == (f"{site.url}/feed.xml",)


def test_an_address_that_is_none_is_a_failure_and_the_others_go_on(clock: Clock) -> None:
    pages = find(clock, "ftp://x/", "http://ok.example/a", "http://u:secret@x/")
    assert pages.urls == ("http://ok.example/a",)
    assert [type(failure.error) for failure in pages.failures] == [AddressRefusedError] * 2


def test_what_servers_were_never_meant_to_send_is_a_failure(clock: Clock) -> None:
    answers = (
        b"",
        b"\xff\xfe" * 100,
        b"HTTP/1.1 banana\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA\x00: b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 50_000,
    )
    for answer in answers:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(5)

            def serve(server: socket.socket = server, answer: bytes = answer) -> None:
                while True:
                    try:
                        connection, _ = server.accept()
                    except OSError:
                        return
                    with connection:
                        asked = connection.recv(10_000)
                        missing = b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                        connection.sendall(missing if b"/robots.txt" in asked else answer)

            thread = Thread(target=serve, daemon=True)
            thread.start()
            url = f"http://127.0.0.1:{server.getsockname()[1]}/a"
            assert isinstance(failure_of(clock, url), FetchError)
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    ("address", "kind", "name"),
    [
        ("/", "text/html", "site.example.html"),
        ("/guide", "text/html; charset=utf-8", "guide.html"),
        ("/guide/", "TEXT/HTML", "guide.html"),
        ("/index.php", "text/html", "index.html"),
        ("/page.aspx", "text/html", "page.aspx.html"),
        ("/v1.2", "text/html", "v1.2.html"),
        ("/a.pdf", "application/pdf", "a.pdf"),
        ("/get?id=7", "application/pdf", "get.pdf"),
        ("/a.pdf", "text/html", "a.html"),
        ("/a.pdf", "application/octet-stream", "a.pdf"),
        ("/read.md", "text/plain", "read.md"),
        ("/notes", "text/plain", "notes.txt"),
        ("/data.tar.gz", "application/gzip", "data.tar.gz"),
        ("/blob", "", "blob"),
        ("/photo", "image/png", "photo"),
        ("/%E6%89%8B%E5%86%8C.html", "text/html", "手册.html"),
        ("/a%2Fb", "text/html", "b.html"),
    ],
)
def test_a_page_is_named_by_its_kind_and_its_address(address: str, kind: str, name: str) -> None:
    assert page_name(Fetched(f"https://site.example{address}", 200, b"", kind, Stamp())) == name


@pytest.mark.parametrize(
    ("encoding", "charset", "name", "changed"),
    [
        ("gb18030", "gb2312", "a.html", True),
        ("big5", "big5", "a.html", True),
        ("utf-16-le", "utf-16le", "a.txt", True),
        ("utf-8", "gb2312", "a.html", False),
        ("gb18030", "iso-8859-1", "a.html", False),
        ("gb18030", "nonsense", "a.html", False),
        ("gb18030", "utf-8", "a.html", False),
        ("gb18030", "gb2312", "a.xml", False),
        ("utf-16", "gb2312", "a.html", False),
    ],
)
def test_the_encoding_that_a_server_names_is_used_where_it_fits(
    encoding: str, charset: str, name: str, changed: bool
) -> None:
    content = "檢索增強生成".encode(encoding)
    expected = "檢索增強生成".encode() if changed else content
    assert as_utf8(content, f"text/html; charset={charset}", name) == expected
