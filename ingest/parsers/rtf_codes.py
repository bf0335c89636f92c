"""What the control words of RTF stand for: characters, encodings, and groups that hold no text."""

from __future__ import annotations

import codecs

CHARACTERS = {
    "tab": "\t", "line": "\n", "lbr": "\n", "emdash": "—", "endash": "–", "emspace": " ", "enspace": " ",
    "qmspace": " ", "bullet": "•", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”",
    "~": "\u00a0", "_": "-", "\t": "\t", "nestcell": " ", "nestrow": "\n", "column": "\n",
}  # fmt: skip

PARAGRAPH_ENDS = frozenset(("par", "sect", "page", "\n", "\r"))

_SKIPPED_WORDS = (
    "colortbl header headerl headerr headerf footer footerl footerr footerf pict objdata fldinst "
    "annotation atnid atnauthor atnref atndate private xe tc rxe nonshppict shprslt sp revtbl listtable "
    "listoverridetable rsidtbl generator themedata colorschememapping datastore latentstyles filetbl "
    "template ftnsep ftnsepc ftncn aftnsep aftnsepc aftncn bkmkstart bkmkend pnseclvl upr"
)
SKIPPED = frozenset(_SKIPPED_WORDS.split())
"""Groups whose content no reader sees. A group that is marked as optional and not known is skipped, too."""

SHOWN = frozenset(("shptxt", "shpinst"))
"""Groups that are shown though they are marked as optional."""

_CHARSETS = {
    0: 1252, 77: 10000, 128: 932, 129: 949, 130: 1361, 134: 936, 136: 950, 161: 1253, 162: 1254, 163: 1258,
    177: 1255, 178: 1256, 186: 1257, 204: 1251, 222: 874, 238: 1250, 254: 437, 255: 850,
}  # fmt: skip
"""Windows charsets of fonts, and the code page of each."""

_NAMES = {936: "gb18030", 10000: "mac_roman", 65001: "utf-8", 1361: "johab"}
WIDE = frozenset((932, 936, 949, 950, 1361))
"""Code pages in which a character may take two bytes."""


def code_page_of_charset(charset: int) -> int | None:
    """The code page of a font's charset; None for one that says nothing (the default, symbols)."""
    return _CHARSETS.get(charset)


def decode(content: bytes, code_page: int) -> str:
    """Bytes in a code page; one that Python does not know is taken for Windows-1252."""
    name = _NAMES.get(code_page, f"cp{code_page}")
    try:
        codecs.lookup(name)
    except LookupError:
        name = "cp1252"
    return content.decode(name, errors="replace")
