from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.errors import (
    BrokenFileError,
    EncryptedFileError,
    FileTooLargeError,
    ParseError,
    UnsafeFileError,
    WrongExtensionError,
)
from ingest.parsers.archive import tar_parts, zip_parts
from ingest.parsers.parts import Part, PartLimits, PartsReader

_LIMITS = PartLimits()


def _zipped(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def _tarred(*members: tuple[str | tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _outcomes(parts: Iterator[Part]) -> list[tuple[str, bytes | type[ParseError]]]:
    return [(p.name, type(p.content) if isinstance(p.content, ParseError) else p.content) for p in parts]


_FILES = (("a.txt", b"one"), ("folder/b.md", b"two"))
_PACKED = [
    (zip_parts, _zipped(*_FILES)),
    (tar_parts, _tarred(*_FILES)),
    (tar_parts, gzip.compress(_tarred(*_FILES))),
    (tar_parts, bz2.compress(_tarred(*_FILES))),
    (tar_parts, lzma.compress(_tarred(*_FILES))),
]


@pytest.mark.parametrize(("reader", "content"), _PACKED)
def test_members_come_one_by_one_under_their_paths(reader: PartsReader, content: bytes) -> None:
    assert _outcomes(reader(content, _LIMITS)) == list(_FILES)


@pytest.mark.parametrize(("reader", "pack"), [(zip_parts, _zipped), (tar_parts, _tarred)])
class TestBothKinds:
    """What holds for zip and tar alike."""

    def test_a_path_that_leads_out_is_refused_alone(self, reader: PartsReader, pack: type) -> None:
        names = ["../../etc/passwd", "/abs/x.txt", "C:\\x.txt", "a/../../b", "fine.txt"]
        content = pack(*[(name, b"x") for name in names])
        assert _outcomes(reader(content, _LIMITS)) == [
            ("etc/passwd", UnsafeFileError),
            ("abs/x.txt", UnsafeFileError),
            ("x.txt", UnsafeFileError),
            ("a/b", UnsafeFileError),
            ("fine.txt", b"x"),
        ]

    def test_hidden_files_are_passed_over(self, reader: PartsReader, pack: type) -> None:
        names = [".git/config", "__MACOSX/a.txt", "b/.DS_Store", "Thumbs.db", "b/c.txt"]
        assert _outcomes(reader(pack(*[(n, b"x") for n in names]), _LIMITS)) == [("b/c.txt", b"x")]

    def test_a_path_that_stands_twice_is_refused_the_second_time(
        self, reader: PartsReader, pack: type
    ) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            content = pack(("a.txt", b"1"), ("a.txt", b"2"))
        assert _outcomes(reader(content, _LIMITS)) == [("a.txt", b"1"), ("a.txt", BrokenFileError)]

    def test_the_limits_hold(self, reader: PartsReader, pack: type) -> None:
        content = pack(("a.txt", b"x" * 60), ("b.txt", b"y" * 60))
        with pytest.raises(UnsafeFileError, match="bytes, which is the most"):
            list(reader(content, PartLimits(all_bytes=100)))
        with pytest.raises(UnsafeFileError, match="more than 1 others"):
            list(reader(content, PartLimits(count=1)))
        outcomes = _outcomes(reader(pack(("a.txt", b"x" * 60), ("b.txt", b"y")), PartLimits(part_bytes=50)))
        assert outcomes == [("a.txt", FileTooLargeError), ("b.txt", b"y")]

    def test_damage_is_told(self, reader: PartsReader, pack: type) -> None:
        content = pack(("a.txt", b"x" * 2000))
        with pytest.raises(BrokenFileError):
            list(reader(content[: len(content) // 10], _LIMITS))


def test_links_and_devices_are_refused_alone() -> None:
    link, device = tarfile.TarInfo("link.txt"), tarfile.TarInfo("tty.txt")
    link.type, link.linkname, device.type = tarfile.SYMTYPE, "/etc/passwd", tarfile.CHRTYPE
    content = _tarred((link, b""), (device, b""), ("a.txt", b"x"))
    assert _outcomes(tar_parts(content, _LIMITS)) == [
        ("link.txt", UnsafeFileError),
        ("tty.txt", UnsafeFileError),
        ("a.txt", b"x"),
    ]
    linked = zipfile.ZipInfo("link.txt")
    linked.external_attr = 0o120777 << 16
    assert _outcomes(zip_parts(_zipped((linked, b"/etc/passwd")), _LIMITS)) == [("link.txt", UnsafeFileError)]


def test_a_zip_bomb_is_refused_as_a_whole() -> None:
    with pytest.raises(UnsafeFileError, match="times"):
        list(zip_parts(_zipped(("fine.txt", b"x"), ("zeros.txt", bytes(12_000_000))), _LIMITS))


def test_a_compressed_tar_bomb_is_refused_as_a_whole() -> None:
    content = gzip.compress(_tarred(("zeros.txt", bytes(12_000_000))))
    with pytest.raises(UnsafeFileError, match="times"):
        list(tar_parts(content, _LIMITS))


def test_a_bomb_in_members_that_are_passed_over_is_refused_too() -> None:
    content = gzip.compress(_tarred((".hidden", bytes(12_000_000)), ("a.txt", b"x")))
    with pytest.raises(UnsafeFileError, match="times"):
        list(tar_parts(content, _LIMITS))


def test_members_that_overlap_are_refused() -> None:
    content = bytearray(_zipped(("a.txt", b"x" * 400), method=zipfile.ZIP_STORED))
    entry = content.index(b"PK\x01\x02")
    end = content.index(b"PK\x05\x06")
    directory = bytes(content[entry:end]) * 3
    tail = bytearray(content[end:])
    tail[8:10] = tail[10:12] = (3).to_bytes(2, "little")
    tail[12:16] = len(directory).to_bytes(4, "little")
    with pytest.raises(UnsafeFileError, match="overlap"):
        list(zip_parts(bytes(content[:entry]) + directory + bytes(tail), _LIMITS))


def test_a_size_stated_too_small_is_not_believed() -> None:
    content = bytearray(_zipped(("a.txt", b"x" * 5000)))
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    assert _outcomes(zip_parts(bytes(content), _LIMITS)) == [("a.txt", BrokenFileError)]


def test_an_encrypted_member_is_refused_alone() -> None:
    content = bytearray(_zipped(("a.txt", b"secret"), ("b.txt", b"open")))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert _outcomes(zip_parts(bytes(content), _LIMITS)) == [
        ("a.txt", EncryptedFileError),
        ("b.txt", b"open"),
    ]


def test_a_damaged_member_is_refused_alone() -> None:
    content = bytearray(_zipped(("a.txt", b"text" * 100), ("b.txt", b"fine"), method=zipfile.ZIP_STORED))
    content[content.index(b"text")] ^= 1
    assert _outcomes(zip_parts(bytes(content), _LIMITS)) == [("a.txt", BrokenFileError), ("b.txt", b"fine")]


def test_an_unknown_compression_is_refused_alone() -> None:
    content = bytearray(_zipped(("a.txt", b"x")))
    content[content.index(b"PK\x01\x02") + 10] = 98
    assert _outcomes(zip_parts(bytes(content), _LIMITS)) == [("a.txt", BrokenFileError)]


def test_line_ends_in_names_are_taken_out() -> None:
    assert _outcomes(zip_parts(_zipped(("a\nb\x07.txt", b"x")), _LIMITS)) == [("a b.txt", b"x")]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("gbk", "审计报告/会议记录.txt"),
        ("big5", "會議記錄/預算表.txt"),
        ("shift_jis", "資料/テスト結果.txt"),
        ("cp949", "보고서/회의록.txt"),
        ("utf-8", "データ/报告.txt"),
        ("cp437", "Übersicht/Café.txt"),
    ],
)
def test_names_in_the_code_page_of_another_machine_are_read(encoding: str, name: str) -> None:
    raw = name.encode(encoding)
    placeholder = "n" * len(raw)
    content = _zipped((placeholder, b"x")).replace(placeholder.encode(), raw)
    assert _outcomes(zip_parts(content, _LIMITS)) == [(name, b"x")]


def test_a_name_in_the_unicode_field_counts() -> None:
    info = zipfile.ZipInfo("old.txt")
    field = struct.pack("<BI", 1, zlib.crc32(b"old.txt")) + "新名字.txt".encode()
    info.extra = struct.pack("<HH", 0x7075, len(field)) + field
    assert _outcomes(zip_parts(_zipped((info, b"x")), _LIMITS)) == [("新名字.txt", b"x")]


def test_one_compressed_file_is_no_archive() -> None:
    with pytest.raises(WrongExtensionError, match="no tar archive"):
        list(tar_parts(gzip.compress(b"just a log file\n" * 100), _LIMITS))


def test_a_cut_off_stream_keeps_what_came_before() -> None:
    noise = random.Random(1).randbytes(200_000)
    content = gzip.compress(_tarred(("a.txt", b"first"), ("b.bin", noise)))[:100_000]
    parts = tar_parts(content, _LIMITS)
    assert next(parts).content == b"first"
    rest: list[Part] = []
    with pytest.raises(BrokenFileError):
        rest.extend(parts)


def test_real_archives_are_read_or_refused(shared_data: Path) -> None:
    files = shared_data / "dev" / "docs" / "files"
    ((name, _),) = _outcomes(zip_parts((files / "tika__gbk.zip").read_bytes(), _LIMITS))
    assert name == "审计压缩包文件检索测试/集团邮件审计系统2021年自动巡检需求文档_V4.0.doc"
    outcomes = dict(_outcomes(zip_parts((files / "tika__testZipEncrypted.zip").read_bytes(), _LIMITS)))
    assert outcomes["encrypted.txt"] is EncryptedFileError
    with pytest.raises(BrokenFileError):
        list(zip_parts((files / "tika__testZIP_corrupted_oom.zip").read_bytes(), _LIMITS))
