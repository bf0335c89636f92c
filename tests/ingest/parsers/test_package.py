from __future__ import annotations

import io
import zipfile

import pytest

from ingest.errors import BrokenFileError, EncryptedFileError, UnsafeFileError
from ingest.parsers.package import Package, resolve


def _zipped(**parts: str | bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("_", "."), content)
    return buffer.getvalue()


def test_a_part_is_read_and_streamed() -> None:
    with Package(_zipped(a_xml="<r><i>1</i><i>2</i></r>")) as package:
        assert package.read_xml("a.xml").tag == "r"
        assert [item.text for item in package.stream("a.xml", "i")] == ["1", "2"]
        assert "b.xml" not in package
        assert package.names == ("a.xml",)


def test_a_missing_part_is_named() -> None:
    with Package(_zipped(a_xml="<r/>")) as package, pytest.raises(BrokenFileError, match=r"'b\.xml'"):
        package.read("b.xml")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no more", b"text"])
def test_what_is_no_zip_file_is_refused(content: bytes) -> None:
    with pytest.raises(BrokenFileError):
        Package(content)


def test_a_bomb_is_refused_on_opening() -> None:
    with pytest.raises(UnsafeFileError, match="20 MB"):
        Package(_zipped(zeros=bytes(20_000_000)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_that_declares_entities_is_refused(encoding: str) -> None:
    bomb = '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><r>&b;</r>'.encode(encoding)
    with Package(_zipped(a_xml=bomb)) as package:
        with pytest.raises(UnsafeFileError, match="entities"):
            package.read_xml("a.xml")
        with pytest.raises(UnsafeFileError, match="entities"):
            list(package.stream("a.xml", "r"))


@pytest.mark.parametrize("source", ["<r><i>1</i>", "<r>&nowhere;</r>", "", "<a/><b/>"])
def test_xml_that_is_not_well_formed_is_refused(source: str) -> None:
    with Package(_zipped(a_xml=source)) as package:
        with pytest.raises(BrokenFileError, match="damaged") as refusal:
            package.read_xml("a.xml")
        assert "\n" not in str(refusal.value)
        with pytest.raises(BrokenFileError, match="damaged"):
            list(package.stream("a.xml", "i"))


def test_a_damaged_part_is_refused() -> None:
    content = bytearray(_zipped(a_xml="<r>" + "x" * 5000 + "</r>"))
    content[45] ^= 0xFF
    with Package(bytes(content)) as package, pytest.raises(BrokenFileError, match="damaged"):
        package.read("a.xml")


def test_an_encrypted_part_is_refused() -> None:
    content = bytearray(_zipped(a_xml="<r/>"))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with Package(bytes(content)) as package, pytest.raises(EncryptedFileError):
        package.read("a.xml")


@pytest.mark.parametrize(
    ("base", "target", "part"),
    [
        ("xl/workbook.xml", "worksheets/sheet1.xml", "xl/worksheets/sheet1.xml"),
        ("xl/workbook.xml", "/xl/sheet1.xml", "xl/sheet1.xml"),
        ("OEBPS/text/one.xhtml", "../two%20b.xhtml#mark", "OEBPS/two b.xhtml"),
        ("", "word/document.xml", "word/document.xml"),
    ],
)
def test_a_target_is_resolved_where_it_stands(base: str, target: str, part: str) -> None:
    assert resolve(base, target) == part
