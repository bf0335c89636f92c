"""Writes compound files ([MS-CFB]), the container of Outlook messages, small ones for tests."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

_SECTOR, _MINI, _CUTOFF = 512, 64, 4096
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_STREAM, _STORAGE, _ROOT = 2, 1, 5

Tree = dict[str, "bytes | Tree"]


@dataclass
class _Entry:
    name: str
    kind: int
    content: bytes = b""
    child: int = _FREE
    right: int = _FREE
    start: int = _END
    size: int = 0


@dataclass
class _Chains:
    """Contents in sectors of one size, and the table that links them."""

    unit: int
    table: list[int] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)

    def add(self, content: bytes) -> int:
        """Where ``content`` begins."""
        if not content:
            return _END
        start = len(self.table)
        count = -(-len(content) // self.unit)
        self.table += [*range(start + 1, start + count), _END]
        self.data += content.ljust(count * self.unit, b"\0")
        return start


def compound_file(tree: Tree) -> bytes:
    """A file that holds ``tree``: bytes are streams, dictionaries are storages."""
    entries = [_Entry("Root Entry", _ROOT)]
    entries[0].child = _add(entries, tree)
    sectors, minis = _Chains(_SECTOR), _Chains(_MINI)
    for entry in entries[1:]:
        if entry.kind == _STREAM:
            entry.size = len(entry.content)
            entry.start = (sectors if entry.size >= _CUTOFF else minis).add(entry.content)
    entries[0].size = len(minis.data)
    entries[0].start = sectors.add(bytes(minis.data))
    mini_table = sectors.add(struct.pack(f"<{len(minis.table)}I", *minis.table).ljust(_SECTOR, b"\xff"))
    directory = sectors.add(b"".join(_packed(entry) for entry in entries))
    fat_place = len(sectors.table)
    table = [*sectors.table, _FAT]
    assert len(table) <= _SECTOR // 4
    fat = struct.pack(f"<{len(table)}I", *table).ljust(_SECTOR, b"\xff")
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<HHHHH6xIIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, directory, 0, _CUTOFF,
                          mini_table, 1, _END, 0, fat_place)  # fmt: skip
    return header.ljust(_SECTOR, b"\xff") + bytes(sectors.data) + fat


def _add(entries: list[_Entry], tree: Tree) -> int:
    """Append the members of a storage, linked to the right; returns the first."""
    first = previous = _FREE
    for name, content in tree.items():
        place = len(entries)
        entry = _Entry(name, _STREAM, content) if isinstance(content, bytes) else _Entry(name, _STORAGE)
        entries.append(entry)
        if previous == _FREE:
            first = place
        else:
            entries[previous].right = place
        previous = place
        if not isinstance(content, bytes):
            entry.child = _add(entries, content)
    return first


def _packed(entry: _Entry) -> bytes:
    name = entry.name.encode("utf-16-le")
    head = name.ljust(64, b"\0") + struct.pack("<HBB", len(name) + 2, entry.kind, 1)
    links = struct.pack("<III", _FREE, entry.right, entry.child)
    return head + links + bytes(36) + struct.pack("<IQ", entry.start, entry.size)
