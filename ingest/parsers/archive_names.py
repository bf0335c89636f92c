"""The names of an archive's members: their encoding, and whether they lead out of it.

Zip files of old programs name their members in the code page of the machine that made them and do not say
which; Python reads them as code page 437. What all foreign names of an archive have in common tells more than
each alone.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import PurePosixPath
from unicodedata import category

from ingest.parsers.text_builder import clean_text

_UTF8_FLAG = 0x800
_UNICODE_PATH = 0x7075
_OLD_ENCODING = "cp437"
_DRIVE = re.compile(r"[A-Za-z]:")
_BESIDE_THE_FILES = frozenset(("__MACOSX", "thumbs.db", "desktop.ini"))
_MIN_COMMON_SHARE = 0.8
_COMMON = {
    "gb18030": (((0xB0, 0xD7),), 0xA1),
    "big5": (((0xA4, 0xC6),), 0x40),
    "shift_jis": (((0x82, 0x83), (0x88, 0x97)), 0x40),
    "cp949": (((0xB0, 0xC8),), 0xA1),
}
"""The bytes of the common characters of each encoding (first-level ideographs, kana, Hangul): ranges of the
first byte, and the least second one."""

_MIN_HANGUL = 6
"""All Hangul are common ideographs in the Chinese encoding, but so many that are nothing else are Korean."""


def member_names(members: Sequence[zipfile.ZipInfo]) -> list[str]:
    """The names of a zip file's members as whoever packed it saw them, in the order of ``members``."""
    stated = [_stated_name(member) for member in members]
    foreign = [raw for raw in stated if isinstance(raw, bytes) and not raw.isascii()]
    encoding = _encoding(foreign) if foreign else _OLD_ENCODING
    names = (raw if isinstance(raw, str) else raw.decode(encoding, "replace") for raw in stated)
    return [cleaned(name) for name in names]


def cleaned(name: str) -> str:
    """A path with forward slashes on one line, without control characters."""
    return clean_text(name).replace("\\", "/").replace("\n", " ")


def leads_out(name: str) -> bool:
    """Whether the path of a member leads out of its archive."""
    return name.startswith("/") or _DRIVE.match(name) is not None or ".." in PurePosixPath(name).parts


def inner_path(name: str) -> str:
    """The path with all taken away that leads above its archive."""
    parts = [part for part in PurePosixPath(_DRIVE.sub("", name)).parts if part not in ("/", "..", ".")]
    return "/".join(parts) or "unnamed"


def is_hidden(name: str) -> bool:
    """Whether a member is hidden, or lies in a hidden folder, or is what a file manager leaves behind."""
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    return any(
        part.startswith(".") or part in _BESIDE_THE_FILES or part.lower() in _BESIDE_THE_FILES
        for part in parts
    )


def _stated_name(member: zipfile.ZipInfo) -> str | bytes:
    """The name where its encoding is known, else its bytes."""
    if member.flag_bits & _UTF8_FLAG:
        return member.filename
    try:
        raw = member.orig_filename.encode(_OLD_ENCODING)
    except UnicodeEncodeError:
        return member.filename
    return _unicode_path(member.extra, raw) or raw.split(b"\0", 1)[0]


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """The name in UTF-8 that some programs add (APPNOTE 4.6.9), if it belongs to ``raw``."""
    position = 0
    while position + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, position)
        field = extra[position + 4 : position + 4 + size]
        if kind == _UNICODE_PATH and len(field) > 5 and field[0] == 1:
            checksum = struct.unpack_from("<I", field, 1)[0]
            if checksum == zlib.crc32(raw):
                return field[5:].decode("utf-8", "replace")
        position += 4 + size
    return None


def _encoding(names: Sequence[bytes]) -> str:
    together = b"\n".join(names)
    decoded = {encoding: text for encoding in ("utf-8", *_COMMON) if (text := _decoded(together, encoding))}
    if "utf-8" in decoded:
        return "utf-8"
    scores = {encoding: _common_share(text, encoding) for encoding, text in decoded.items()}
    if scores.get("cp949") == 1.0 and sum(not letter.isascii() for letter in decoded["cp949"]) >= _MIN_HANGUL:
        return "cp949"
    best = max(scores, key=scores.__getitem__, default=_OLD_ENCODING)
    return best if scores.get(best, 0.0) >= _MIN_COMMON_SHARE else _OLD_ENCODING


def _decoded(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _common_share(text: str, encoding: str) -> float:
    """The share of common characters among the letters beyond ASCII."""
    leads, least = _COMMON[encoding]
    letters = common = 0
    for character in text:
        if character.isascii() or not (character.isalpha() or category(character) == "Co"):
            continue
        letters += 1
        packed = character.encode(encoding)
        if len(packed) == 2 and packed[1] >= least:
            common += any(first <= packed[0] <= last for first, last in leads)
    return common / letters if letters else 0.0
