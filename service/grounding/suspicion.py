"""Passages that speak to a model instead of a reader: instructions that somebody has put into a document.

Rules for English and Chinese, over the text as a model would read it: without invisible characters and
look-alike letters, with what is spelt out or encoded in it. What is found is told with the answer, and no
answer is made from it unless ``answer.withhold_suspicious`` is off. Whoever words an instruction as no rule
knows it is not found: then the prompt, which quotes its sources (``service.prompt``), and the check of every
sentence against them stand alone, and the passage can do what any wrong document can.
"""

from __future__ import annotations

import base64
import html
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import unquote

from service.answer import Passage
from service.grounding.suspicion_rules import suspicion_rules
from service.prompt import without_turn_marks

_DISGUISED = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\uff21-\uff5a\u0370-\u04ff"
    "\U0001d400-\U0001d7ff\U000e0020-\U000e007e]"
)
"""Characters that are not seen, and letters that look like those of the Latin alphabet."""

_LOOK_ALIKES = str.maketrans("аеорсухіјѕԁɡοαεικνρτυ", "aeopcyxijsdgoaeikvptu")
_TAGS = {0xE0000 + code: chr(code) for code in range(0x20, 0x7F)}
_BASE64 = re.compile(r"[A-Za-z0-9+/]{24,4000}={0,2}", re.ASCII)
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){16,2000}", re.ASCII)
_ESCAPED = re.compile(r"%[0-9a-fA-F]{2}|&#?\w{2,8};")
_SPELT = re.compile(r"\b[^\W_]([ .*_\-])[^\W_](?:\1[^\W_]){4,200}\b")
_BETWEEN = re.compile(r"[ .*_\-]")
_LONG_WORD = 24


def suspicious_markers(passages: Sequence[Passage]) -> tuple[int, ...]:
    """The markers of the passages that hold instructions to a model, in their order."""
    return tuple(
        passage.marker
        for passage in passages
        if is_suspicious(f"{passage.chunk.headline}\n{passage.chunk.text}")
    )


def is_suspicious(text: str) -> bool:
    """Whether ``text`` holds an instruction to a model, written plainly, disguised or encoded."""
    return any(map(_instructs, _readings(text)))


def _instructs(text: str) -> bool:
    return without_turn_marks(text) != text or suspicion_rules().match(f"\n{text.lower()}")


def _readings(text: str) -> Iterator[str]:
    """``text`` as a model would read it, and what is spelt out or encoded in it."""
    if not text.isascii() and _DISGUISED.search(text):
        text = _undisguised(text)
    yield text
    joined = _SPELT.sub(lambda letters: _BETWEEN.sub("", letters.group()), text)
    if joined != text:
        yield joined
    if _ESCAPED.search(text):
        yield unquote(html.unescape(text))
    for word in text.split():
        if len(word) >= _LONG_WORD:
            yield from (_decoded(code, base64.b64decode) for code in _BASE64.findall(word))
            yield from (_decoded(code, bytes.fromhex) for code in _HEX.findall(word))


def _undisguised(text: str) -> str:
    """``text`` without characters that nobody sees, and with look-alikes as what they look like."""
    shown = unicodedata.normalize("NFKC", text.translate(_TAGS)).lower()
    visible = (character for character in shown if unicodedata.category(character) != "Cf")
    return "".join(visible).translate(_LOOK_ALIKES)


def _decoded(code: str, decode: Callable[[str], bytes]) -> str:
    """What ``code`` stands for; nothing where it is no code, or none of a text."""
    try:
        return decode(code).decode()
    except ValueError:
        return ""
