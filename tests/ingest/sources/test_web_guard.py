"""Which addresses are fetched from, and to which the connection really goes."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

import httpcore
import httpx
import pytest

from ingest.errors import AddressRefusedError
from ingest.sources.web_guard import GuardedBackend, GuardedTransport, check_url, is_public
from tests.ingest.local_site import LocalSite, serving

PUBLIC = "93.184.216.34"

_PRIVATE_ADDRESSES = (
    "0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.1.2.3 "
    "168.63.129.16 169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 "
    "192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 "
    "255.255.255.255 :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 "
    "::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::808:808 100::1 2001::1 2001:db8::1 "
    "2002:7f00:1:: 2002:808:808:: 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1 ff0e::1"
)
_PUBLIC_ADDRESSES = (
    "1.1.1.1 8.8.8.8 93.184.216.34 100.63.255.255 100.128.0.0 172.15.0.1 172.32.0.1 192.167.1.1 "
    "2606:4700:4700::1111 2001:4860:4860::8888 2a00:1450:4001:81b::200e ::ffff:8.8.8.8 64:ff9b::808:808"
)
_REFUSED_URLS = (
    "",
    "x",
    "example.org",
    "//example.org/",
    "/etc/passwd",
    "file:///etc/passwd",
    "ftp://example.org/",
    "gopher://example.org/",
    "data:text/html,x",
    "javascript:alert(1)",
    "jar:http://example.org/!/x",
    "http:",
    "http://",
    "http:///x",
    "http:example.org",
    "http://user@example.org/",
    "http://user:secret@example.org/",
    "http://:secret@example.org/",
    "http://example.org@127.0.0.1/",
    "http://127.0.0.1\\@example.org/",
    "http://example.org\\.evil.org/",
    "http://example.org:0/",
    "http://example.org:65536/",
    "http://example.org:99999999999/",
    "http://example.org:-1/",
    "http://example.org:8o/",
    "http://exa mple.org/",
    "http://example.org/a b",
    "http://example.org/\x00",
    "http://example.org/\r\nHost: x",
    "http://exam\nple.org/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0X7F.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0/",
    "http://0x/",
    "http://256.256.256.256/",
    "http://1.2.3.4.5/",
    "http://127.0.0.1./",
    "http://127.0.0.08/",
    "http://%31%32%37.0.0.1/",
    "http://１２７.0.0.1/",
    "http://①②⑦.0.0.1/",
    "http://[::1/",
    "http://[::1]x/",
    "http://[::g]/",
    "http://[fe80::1%25eth0]/",
    "http://[v1.x]/",
    "http://.example.org/",
    "http://example..org/",
    "http://-example.org/",
    "http://exa$mple.org/",
    "http://" + "a" * 64 + ".org/",
    "http://" + "a." * 130 + "org/",
    "http://example.org/" + "a" * 5000,
)
_PRIVATE_URLS = (
    "http://127.0.0.1/",
    "http://127.0.0.1:8080/admin",
    "https://127.255.255.254/",
    "http://127。0。0。1/",
    "http://10.1.2.3/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[fd00:ec2::254]/",
    "http://[fec0::1]/",
    "http://0.0.0.0/",
)


@pytest.mark.parametrize("address", _PRIVATE_ADDRESSES.split())
def test_addresses_of_private_and_special_networks_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", _PUBLIC_ADDRESSES.split())
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("url", _REFUSED_URLS)
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(AddressRefusedError) as caught:
        check_url(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("HTTP://Example.ORG", "http://example.org/"),
        ("http://example.org:80/a/./b/../c?q=1#part", "http://example.org/a/c?q=1"),
        ("https://example.org:443/", "https://example.org/"),
        ("https://example.org:8443/a%2Fb", "https://example.org:8443/a%2Fb"),
        ("https://münchen.example/ü", "https://xn--mnchen-3ya.example/%C3%BC"),
        ("http://my_host.example./", "http://my_host.example./"),
        ("http://1and1.example/", "http://1and1.example/"),
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://[2606:4700::1111]/", "http://[2606:4700::1111]/"),
    ],
)
def test_an_address_is_brought_to_its_normal_form(url: str, normal: str) -> None:
    assert str(check_url(url)) == normal


class RecordingSockets(httpcore.NetworkBackend):
    """Connects nowhere, and records where to it should have."""

    def __init__(self) -> None:
        self.connected: list[tuple[str, int]] = []

    def connect_tcp(self, host: str, port: int, *_: object, **__: object) -> httpcore.NetworkStream:
        self.connected.append((host, port))
        raise httpcore.ConnectError("nobody listens")


def backend(*answers: Sequence[str], allow_private: bool = False) -> tuple[GuardedBackend, RecordingSockets]:
    """A backend whose resolver gives one answer after the other."""
    left = list(answers)
    guarded = GuardedBackend(lambda *_: left.pop(0), allow_private=allow_private)
    sockets = RecordingSockets()
    guarded._sockets = sockets  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
    return guarded, sockets


def test_a_name_that_leads_to_a_private_address_is_refused_before_connecting() -> None:
    for addresses in (["127.0.0.1"], ["169.254.169.254"], ["::1"], [PUBLIC, "10.0.0.1"], ["fe80::1%eth0"]):
        guarded, sockets = backend(addresses)
        with pytest.raises(AddressRefusedError, match="private or special network"):
            guarded.connect_tcp("innocent.example", 80)
        assert sockets.connected == []


def test_a_name_that_changes_its_address_is_connected_to_where_it_was_checked() -> None:
    guarded, sockets = backend([PUBLIC], ["127.0.0.1"])
    with pytest.raises(httpcore.ConnectError):
        guarded.connect_tcp("rebinding.example", 80)
    assert sockets.connected == [(PUBLIC, 80)]
    with pytest.raises(AddressRefusedError):
        guarded.connect_tcp("rebinding.example", 80)
    assert sockets.connected == [(PUBLIC, 80)]


def test_all_addresses_of_a_name_are_tried() -> None:
    guarded, sockets = backend(["2606:4700::1111", PUBLIC])
    with pytest.raises(httpcore.ConnectError, match="nobody listens"):
        guarded.connect_tcp("two.example", 443)
    assert sockets.connected == [("2606:4700::1111", 443), (PUBLIC, 443)]


def test_a_name_without_an_address_cannot_be_connected_to() -> None:
    def fail(host: str, port: int) -> Sequence[str]:
        raise OSError("Name or service not known")

    with pytest.raises(httpcore.ConnectError, match="not known"):
        GuardedBackend(fail, allow_private=False).connect_tcp("absent.example", 80)
    with pytest.raises(httpcore.ConnectError, match="no address"):
        backend([])[0].connect_tcp("absent.example", 80)


@pytest.mark.parametrize("url", _PRIVATE_URLS)
def test_private_addresses_in_any_spelling_are_refused(url: str) -> None:
    with httpx.Client(transport=GuardedTransport(allow_private=False), trust_env=False) as client:
        with pytest.raises(AddressRefusedError):
            client.get(url)


def test_this_machine_is_refused_by_name_too() -> None:
    for host in ("localhost", "LOCALHOST"):
        with httpx.Client(transport=GuardedTransport(allow_private=False), trust_env=False) as client:
            with pytest.raises(AddressRefusedError, match="private"):
                client.get(f"http://{host}:9/")


def test_a_refused_url_is_refused_by_the_transport_itself() -> None:
    with httpx.Client(transport=GuardedTransport(allow_private=True), trust_env=False) as client:
        for url in ("http://2130706433/", "http://user:x@127.0.0.1/", "ftp://127.0.0.1/"):
            with pytest.raises(AddressRefusedError):
                client.get(url)


def test_the_host_stays_in_the_request_when_the_address_is_pinned() -> None:
    site = LocalSite()
    site.page("/", "hello")
    with serving(site):
        transport = GuardedTransport(allow_private=True, resolver=lambda *_: ["127.0.0.1"])
        with httpx.Client(transport=transport, trust_env=False) as client:
            port = site.url.rpartition(":")[2]
            assert client.get(f"http://pinned.example:{port}/").text == "hello"
    assert site.asked[0].headers["host"] == f"pinned.example:{port}"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for secure.example and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed to make a certificate with")
    folder = tmp_path_factory.mktemp("certificate")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=secure.example", "-addext", "subjectAltName=DNS:secure.example",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return certificate, key


@pytest.fixture
def secure_port(certificate: tuple[Path, Path]) -> Iterator[int]:
    """A TLS server on this machine that says which name it was asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(asked[-1].encode())

        def log_message(self, format: str, *args: object) -> None:
            return

    asked: list[str] = [""]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.sni_callback = lambda _, name, __: asked.append(str(name))
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def test_certificates_are_checked_against_the_name_and_not_the_pinned_address(
    secure_port: int, certificate: tuple[Path, Path]
) -> None:
    transport = GuardedTransport(
        allow_private=True,
        resolver=lambda *_: ["127.0.0.1"],
        ssl_context=ssl.create_default_context(cafile=str(certificate[0])),
    )
    with httpx.Client(transport=transport, trust_env=False) as client:
        assert client.get(f"https://secure.example:{secure_port}/").text == "secure.example"
        with pytest.raises(httpx.TransportError, match=r"[Hh]ostname mismatch"):
            client.get(f"https://other.example:{secure_port}/")
