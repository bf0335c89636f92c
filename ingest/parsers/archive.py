"""Zip and tar archives -> the files in them, one at a time, in memory only.

Nothing is ever written to disk. What comes out is counted while it comes: an archive that unpacks to absurd
size is refused as a whole. A member that is a link or a device, is encrypted or damaged, or whose path leads
out of the archive is refused alone. Hidden files are passed over, as they are in folders.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from typing import IO, cast

from ingest.errors import (
    BrokenFileError,
    EncryptedFileError,
    FileTooLargeError,
    ParseError,
    UnsafeFileError,
    WrongExtensionError,
)
from ingest.parsers.archive_names import cleaned, inner_path, is_hidden, leads_out, member_names
from ingest.parsers.package import DAMAGE, MAX_RATIO, MIN_BOMB_BYTES
from ingest.parsers.part_budget import PartBudget
from ingest.parsers.parts import Part, PartLimits

_ENCRYPTED = 0x1
_CHUNK_BYTES = 1 << 20
_DAMAGE = (*DAMAGE, tarfile.TarError)


def zip_parts(content: bytes, limits: PartLimits) -> Iterator[Part]:
    """The files in a zip archive.

    Raises:
        BrokenFileError: its directory is damaged.
        UnsafeFileError: it is a bomb, or holds more than the limits allow.
    """
    budget = PartBudget(limits)
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except _DAMAGE as error:
        raise _damaged(error) from error
    with archive:
        members = archive.infolist()
        if sum(member.compress_size for member in members) > len(content):
            raise UnsafeFileError(
                "the members of the archive overlap, as a bomb's do: check where it is from."
            )
        seen: set[str] = set()
        for member, name in zip(members, member_names(members), strict=True):
            if name.endswith("/") or is_hidden(name):
                continue
            budget.open_part()
            path = inner_path(name)
            refusal = _zipped_refusal(member, name) or _repetition(path, seen)
            yield Part(path, refusal or _zipped(archive, member, name, budget))


def tar_parts(content: bytes, limits: PartLimits) -> Iterator[Part]:
    """The files in a tar archive, plain or compressed by gzip, bzip2 or xz.

    Raises:
        BrokenFileError: it is damaged, from some member on.
        UnsafeFileError: it is a bomb, or holds more than the limits allow.
        WrongExtensionError: it is one compressed file and no archive.
    """
    budget = PartBudget(limits)
    source = _Unpacked(content, limits)
    try:
        archive = tarfile.open(fileobj=cast("IO[bytes]", source), mode="r|")  # noqa: SIM115 - closed below
    except _DAMAGE as error:
        if source.is_compressed and isinstance(error, tarfile.ReadError) and source.size:
            raise WrongExtensionError(
                "it is one compressed file and no tar archive: unpack it and ingest what comes out."
            ) from error
        raise _damaged(error) from error
    seen: set[str] = set()
    with archive:
        while (member := _next_member(archive)) is not None:
            name = cleaned(member.name)
            if member.isdir() or is_hidden(name):
                continue
            budget.open_part()
            path = inner_path(name)
            refusal = _tarred_refusal(member, name) or _repetition(path, seen)
            yield Part(path, refusal or _tarred(archive, member, name, budget))


class _Unpacked:
    """The bytes of a compressed archive as a stream that counts what comes out of it."""

    def __init__(self, content: bytes, limits: PartLimits) -> None:
        packed = io.BytesIO(content)
        self._packed_size = len(content)
        self._limits = limits
        self.is_compressed = True
        self.size = 0
        if content.startswith(b"\x1f\x8b"):
            self._stream: IO[bytes] = cast("IO[bytes]", gzip.GzipFile(fileobj=packed))
        elif content.startswith(b"BZh"):
            self._stream = cast("IO[bytes]", bz2.BZ2File(packed))
        elif content.startswith(b"\xfd7zXZ\0"):
            self._stream = cast("IO[bytes]", lzma.LZMAFile(packed))  # noqa: SIM115 - lives as long as this
        else:
            self._stream = packed
            self.is_compressed = False

    def read(self, size: int) -> bytes:
        """At most ``size`` more bytes.

        Raises:
            UnsafeFileError: too many have come out of so few.
        """
        chunk = self._stream.read(size)
        self.size += len(chunk)
        ratio = self.size / max(1, self._packed_size)
        if self.is_compressed and self.size > MIN_BOMB_BYTES and ratio > MAX_RATIO:
            raise _bomb(ratio)
        # Members that are passed over count, too, and each has a head of 512 bytes or more.
        if self.size > 2 * self._limits.all_bytes:
            raise UnsafeFileError(
                f"the archive unpacks to more than {2 * self._limits.all_bytes} bytes, which is the most "
                "that is read: split it, or check where it is from."
            )
        return chunk


def _zipped_refusal(member: zipfile.ZipInfo, name: str) -> ParseError | None:
    """Why a member is not even opened."""
    if leads_out(name):
        return _outside(name)
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        return _special(name)
    if member.flag_bits & _ENCRYPTED:
        return EncryptedFileError(f"{name} is encrypted: unpack it with its password and ingest that.")
    return None


def _tarred_refusal(member: tarfile.TarInfo, name: str) -> ParseError | None:
    if leads_out(name):
        return _outside(name)
    return None if member.isreg() and not member.issparse() else _special(name)


def _zipped(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, budget: PartBudget
) -> bytes | ParseError:
    try:
        with archive.open(member) as stream:
            return _read(stream, name, budget, member.compress_size)
    except NotImplementedError as error:
        return BrokenFileError(
            f"{name} is compressed in a way that is not read ({error}): pack it again as an ordinary zip."
        )
    except _DAMAGE as error:
        return _damaged_member(name, error)


def _tarred(
    archive: tarfile.TarFile, member: tarfile.TarInfo, name: str, budget: PartBudget
) -> bytes | ParseError:
    try:
        stream = archive.extractfile(member)
        return _special(name) if stream is None else _read(stream, name, budget, None)
    except _DAMAGE as error:
        return _damaged_member(name, error)


def _next_member(archive: tarfile.TarFile) -> tarfile.TarInfo | None:
    try:
        return archive.next()
    except _DAMAGE as error:
        raise _damaged(error) from error


def _read(
    stream: IO[bytes], name: str, budget: PartBudget, packed_size: int | None
) -> bytes | FileTooLargeError:
    """All of a member, counted as it comes; what its directory states is not trusted.

    Raises:
        UnsafeFileError: the whole archive is a bomb.
    """
    chunks: list[bytes] = []
    size = 0
    while chunk := stream.read(_CHUNK_BYTES):
        size += len(chunk)
        budget.take(len(chunk))
        if packed_size is not None and size > MIN_BOMB_BYTES and size > MAX_RATIO * max(1, packed_size):
            raise _bomb(size / max(1, packed_size))
        if size > budget.limits.part_bytes:
            return FileTooLargeError(
                f"{name} has more than {budget.limits.part_bytes} bytes, which is the most that is read: "
                "split it."
            )
        chunks.append(chunk)
    return b"".join(chunks)


def _repetition(path: str, seen: set[str]) -> BrokenFileError | None:
    """Why a member is refused whose path another had before it: two documents can't have one address."""
    if path in seen:
        return BrokenFileError(f"{path} stands in the archive twice: pack it again.")
    seen.add(path)
    return None


def _outside(name: str) -> UnsafeFileError:
    return UnsafeFileError(
        f"the path {name[:200]!r} leads out of the archive: pack it again with paths below its own folder."
    )


def _special(name: str) -> UnsafeFileError:
    return UnsafeFileError(f"{name} is a link or a device and no file: pack what it stands for.")


def _bomb(ratio: float) -> UnsafeFileError:
    return UnsafeFileError(
        f"the archive unpacks to {ratio:.0f} times its size or more, where at most {MAX_RATIO} times is "
        "read: check where it is from."
    )


def _damaged(error: Exception) -> BrokenFileError:
    return BrokenFileError(f"the archive is damaged ({_reason(error)}): fetch it again from where it came.")


def _damaged_member(name: str, error: Exception) -> BrokenFileError:
    return BrokenFileError(f"{name} is damaged ({_reason(error)}): fetch the archive again.")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
