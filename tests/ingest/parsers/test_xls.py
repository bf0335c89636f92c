"""Old Excel workbooks: the records are read, whatever the container says of itself."""

from __future__ import annotations

import struct

import pytest

from ingest.errors import BrokenFileError
from ingest.parsers.xls import parse
from tests.ingest.parsers.compound_file import compound_file

_DIRECTORY_PLACE = 48
_SECTOR = 512


def workbook(text: str) -> bytes:
    """The records of an Excel 2 sheet with one cell."""
    label = struct.pack("<HH3xB", 0, 0, len(text)) + text.encode("ascii")
    records = [(0x0009, struct.pack("<HH", 2, 0x10)), (0x0004, label), (0x000A, b"")]
    return b"".join(struct.pack("<HH", kind, len(content)) + content for kind, content in records)


def test_the_file_of_an_old_version_is_the_workbook_itself() -> None:
    assert "Fees of the year" in parse(workbook("Fees of the year")).text


@pytest.mark.parametrize("name", ["Workbook", "Book"])
def test_a_workbook_is_taken_out_of_its_container(name: str) -> None:
    assert "Fees of the year" in parse(compound_file({name: workbook("Fees of the year")})).text


@pytest.mark.parametrize("tree", [{"Other": b"x"}, {"Workbook": b""}])
def test_a_container_without_a_workbook_is_refused(tree: dict[str, bytes]) -> None:
    with pytest.raises(BrokenFileError, match="it holds no workbook"):
        parse(compound_file({**tree}))


def test_a_chain_of_sectors_that_leads_back_into_itself_has_an_end() -> None:
    content = bytearray(compound_file({"Workbook": workbook("Fees of the year")}))
    [directory] = struct.unpack_from("<I", content, _DIRECTORY_PLACE)
    struct.pack_into("<I", content, len(content) - _SECTOR + 4 * directory, directory)
    assert "Fees of the year" in parse(bytes(content)).text
