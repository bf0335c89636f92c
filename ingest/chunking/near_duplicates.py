"""Find chunks that say the same as an earlier one, so that each is kept once, with all its sources.

Two texts say the same when their words, and the facts in them in their order, are the same; or when the facts
are and the sets of word triples (of CJK characters) overlap by the threshold::

    |A ∩ B| / |A ∪ B|,  estimated by MinHash (Broder 1997) as the share of equal slots

Facts are what a small change turns into another statement: numbers with their signs and units, identifiers,
names and all else that is written with a capital, and negations. "The fee is 50" is no duplicate of "The fee
is 60", however long the text around it. What is left is a risk: of two texts that overlap by .90, with the
very same facts, one in 14 passes for a duplicate at the threshold .95; of those that overlap by .80, one in
2,400. Short texts, and those for which every sign counts, are compared by their words alone.

The search needs no luck: signatures that differ in at most m slots are equal in one of m + 1 bands of slots.
"""

from __future__ import annotations

import re
import sqlite3
import string
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import rensa  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

from ingest.errors import SettingsError
from ingest.words.language import HAN, HANGUL, KANA
from ingest.words.terms import fold

SIGNATURE_VERSION = 1
"""Changes whenever ``signature`` gives other bytes for a text; signatures of two versions never mix."""

SIGNATURE_BYTES = 248
"""The longest signature."""

MIN_THRESHOLD = 0.7

_SCHEMA = """
CREATE TABLE IF NOT EXISTS signatures (number INTEGER PRIMARY KEY, sign BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS bands (
    key BLOB NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (key, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS bands_by_number ON bands (number);
"""
_SLOTS = 56
_SEED = 20_260_401
_KEY_BYTES = 16
_FACTS_BYTES = 8
_HEAD_BYTES = _KEY_BYTES + _FACTS_BYTES
_SHORT_TEXT = 16
"""A text weighs one for a CJK character and two for any other word; a lighter one has no slots."""

_CJK = f"{HAN}{KANA}{HANGUL}"
# Both are compiled when first used: that takes milliseconds, and most texts are ASCII.
_WORD = rf"[{_CJK}]|[^\W_{_CJK}]+"
# For ASCII the same by a table, which takes a quarter of the time.
_ASCII_WORD_SIGNS = string.ascii_lowercase + string.digits
_OTHERS_TO_SPACES = bytes(code if chr(code) in _ASCII_WORD_SIGNS else 0x20 for code in range(128)).ljust(256)
_PIECE = (
    rf"[^\s{_CJK}\u3000-\u303f\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f“”‘’…—]+(?:’t\b)?"
    "|[不無无未非没沒否勿莫毋禁零〇一二三四五六七八九十百千万萬亿億两兩半上下前后後大小高低多少增减減开開关關内外升降]"
)
_EDGE_SIGNS = ".,;:!?\"'()[]{}*`|_"
_MARKED = re.compile("[\\d_<>=≤≥≠±×÷≈%‰$€£¥²³¹½¼¾]|n['’]t$")
_TELLING_WORD_LIST = """
not no never none nor neither cannot without nobody nothing nowhere except unless only
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million
billion first second third fourth fifth last half once twice double
all any some every each most least more less fewer many few before after above below over under up down
true false on off yes must may should can always minimum maximum min max increase decrease increased
decreased enable disable enabled disabled allow deny allowed denied forbidden required optional
"""
_TELLING_WORDS = frozenset(_TELLING_WORD_LIST.split())


class _Sketch(Protocol):
    """What is used of the library, which has no types."""

    def update(self, items: list[str]) -> None: ...

    def digest(self) -> list[int]: ...


def signature(text: str, *, exact: bool = False) -> bytes:
    """What tells whether ``text`` says the same as another: at most ``SIGNATURE_BYTES``.

    With ``exact``, for code and the like, where every sign counts, only white space is overlooked.
    """
    if exact:
        return _digest("\n".join(text.split()), _KEY_BYTES) + bytes(_FACTS_BYTES)
    words = _words(fold(text))
    facts = "\n".join(_facts(text))
    key = _digest(f"{' '.join(words) or text.strip()}\0{facts}", _KEY_BYTES)
    head = key + _digest(facts, _FACTS_BYTES)
    if len(words) < _SHORT_TEXT and sum(1 if _is_cjk(word) else 2 for word in words) < _SHORT_TEXT:
        return head
    sketch = cast("_Sketch", cast("Any", rensa).RMinHash(_SLOTS, _SEED))
    sketch.update([f"{a} {b} {c}" for a, b, c in zip(words, words[1:], words[2:], strict=False)])
    return head + np.asarray(sketch.digest(), dtype="<u4").tobytes()


def _words(folded: str) -> list[str]:
    if folded.isascii():
        return folded.encode().translate(_OTHERS_TO_SPACES).decode().split()
    return re.findall(_WORD, folded)


def _facts(text: str) -> Iterator[str]:
    pieces: list[str] = text.split() if text.isascii() else re.findall(_PIECE, text)
    return filter(None, map(_fact, pieces))


@lru_cache(maxsize=65536)
def _fact(piece: str) -> str:
    """What is telling about a piece of text; empty for an ordinary word."""
    bare = piece.strip(_EDGE_SIGNS)
    folded = bare.casefold()
    is_telling = (
        folded in _TELLING_WORDS or bare != bare.lower() or bool(_MARKED.search(bare)) or _is_cjk(piece)
    )
    return folded if is_telling else ""


def _is_cjk(word: str) -> bool:
    return word >= "\u1100" and len(word) == 1


def _digest(text: str, size: int) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).digest()


class DuplicateFinder:
    """An index of the chunks that were kept, in an SQLite file or in memory: about 400 bytes for each."""

    def __init__(self, threshold: float = 0.95, path: Path | None = None) -> None:
        """``threshold`` is the least overlap of two texts that say the same, up to 1.

        Raises:
            SettingsError: it is below ``MIN_THRESHOLD`` or above 1.
        """
        if not MIN_THRESHOLD <= threshold <= 1:
            raise SettingsError(
                f"the threshold for near-duplicates is {threshold}: set it from {MIN_THRESHOLD} to 1."
            )
        self._differing = int((1 - threshold) * _SLOTS + 1e-9)
        self._connection = sqlite3.connect(path or ":memory:", isolation_level=None)
        # What a crash leaves of a staged file is thrown away; publishing syncs it as a whole.
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.executescript(_SCHEMA)
        self._connection.execute("BEGIN")

    def __len__(self) -> int:
        """How many chunks are kept."""
        return self._connection.execute("SELECT count(*) FROM signatures").fetchone()[0]

    def numbers(self) -> set[int]:
        """The numbers of the chunks that are kept."""
        return {row[0] for row in self._connection.execute("SELECT number FROM signatures")}

    def add(self, number: int, text: str, *, exact: bool = False, group: str = "") -> int | None:
        """The lowest number of a kept chunk that says the same; if there is none, this one is kept.

        Chunks of different groups never count as the same.
        """
        sign = signature(text, exact=exact)
        self.discard(number)
        keys = [_in_group(key, group) for key in _band_keys(sign, self._differing)]
        query = f"""SELECT DISTINCT signatures.number, sign FROM bands JOIN signatures
            ON signatures.number = bands.number WHERE key IN ({",".join("?" * len(keys))})"""
        same = [other for other, held in self._connection.execute(query, keys) if self._is_same(sign, held)]
        if same:
            return min(same)
        self._connection.execute("INSERT INTO signatures VALUES (?, ?)", (number, sign))
        self._connection.executemany(
            "INSERT OR IGNORE INTO bands VALUES (?, ?)", [(key, number) for key in keys]
        )
        return None

    def discard(self, number: int) -> None:
        """Forget a chunk, if it is kept."""
        if self._connection.execute("DELETE FROM signatures WHERE number = ?", (number,)).rowcount:
            self._connection.execute("DELETE FROM bands WHERE number = ?", (number,))

    def close(self) -> None:
        """Write what was added, and close."""
        self._connection.execute("COMMIT")
        self._connection.close()

    def abandon(self) -> None:
        """Close a file that is to be deleted; again, if need be."""
        self._connection.close()

    def _is_same(self, left: bytes, right: bytes) -> bool:
        if left[:_KEY_BYTES] == right[:_KEY_BYTES]:
            return True
        if left[_KEY_BYTES:_HEAD_BYTES] != right[_KEY_BYTES:_HEAD_BYTES] or len(left) != len(right):
            return False
        return int(np.count_nonzero(_slots(left) != _slots(right))) <= self._differing


def _in_group(key: bytes, group: str) -> bytes:
    return _digest(f"{group}\0{key.hex()}", 8) if group else key[:8]


def _band_keys(sign: bytes, differing: int) -> Iterator[bytes]:
    """What two signatures share at least one of if they differ in at most ``differing`` slots."""
    yield sign[:_KEY_BYTES]
    slots = sign[_HEAD_BYTES:]
    bands = differing + 1
    facts = sign[_KEY_BYTES:_HEAD_BYTES]
    for band in range(bands if slots else 0):
        start, end = (4 * (_SLOTS * edge // bands) for edge in (band, band + 1))
        yield blake2b(facts + slots[start:end], digest_size=8, salt=bytes([band])).digest()


def _slots(sign: bytes) -> NDArray[np.uint32]:
    return np.frombuffer(sign, dtype="<u4", offset=_HEAD_BYTES)
