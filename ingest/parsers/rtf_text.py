"""RTF -> its paragraphs and table rows (Rich Text Format specification 1.9.1).

Bytes are decoded by the code page of their font, else of the file; a character given as ``\\u`` replaces the
bytes that follow it for old readers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ingest.parsers.rtf_codes import CHARACTERS, PARAGRAPH_ENDS, SHOWN, SKIPPED
from ingest.parsers.rtf_declared import Declared

_TOKEN = re.compile(
    rb"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<hex>[0-9a-fA-F]{2})|\\(?P<sign>[^a-zA-Z'])"
    rb"|(?P<brace>[{}])|(?P<text>[^\\{}\r\n]+)|[\r\n]+|."
)
_DEFAULT_CODE_PAGES = {"mac": 10000, "pc": 437, "pca": 850}
_PRIVATE_BULLET = "\uf0b7"
_INFO = frozenset(("title", "author", "subject", "keywords", "doccomm"))


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph. ``level`` is that of a heading; ``marker`` is what stands before a list item."""

    text: str
    level: int | None = None
    is_title: bool = False
    marker: str = ""
    indent: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A table's row."""

    cells: tuple[str, ...]
    is_header: bool


@dataclass(frozen=True, slots=True)
class _State:
    """What a group inherits and gives back when it closes."""

    target: str = "text"
    font: int | None = None
    fallbacks: int = 1
    is_hidden: bool = False


@dataclass(slots=True)
class _Layout:
    """The properties of the current paragraph."""

    in_table: bool = False
    style: int = 0
    outline: int | None = None
    indent: int = 0


@dataclass(slots=True)
class _Texts:
    """Text that is being collected, by the kind of group it stands in."""

    parts: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def add(self, target: str, text: str) -> None:
        self.parts.setdefault(target, []).append(text)

    def take(self, target: str) -> str:
        text = "".join(self.parts.pop(target, ()))
        # Characters beyond the first plane come as two halves.
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class RtfReader:
    """Reads one file; ``info`` holds its stated properties when all is read."""

    def __init__(self, content: bytes) -> None:
        self.info: dict[str, str] = {}
        self._content = content
        self._state: _State = _State()
        self._stack: list[_State] = []
        self._layout: _Layout = _Layout()
        self._texts = _Texts()
        self._bytes = bytearray()
        self._declared = Declared()
        self._optional = False
        self._to_skip = 0
        self._cells: list[str] = []
        self._is_header_row = False
        self._notes: list[str] = []
        self._ready: list[Paragraph | Row] = []

    def read(self) -> Iterator[Paragraph | Row]:
        """All paragraphs and rows, in order."""
        position = 0
        while match := _TOKEN.match(self._content, position):
            position = match.end()
            if match["text"]:
                self._take_bytes(match["text"])
            elif match["hex"]:
                self._take_bytes(bytes([int(match["hex"], 16)]))
            elif match["brace"]:
                self._brace(match["brace"])
            elif match["sign"]:
                self._sign(match["sign"].decode("latin-1"))
            elif match["word"]:
                number = int(match["number"]) if match["number"] else None
                word = match["word"].decode("ascii")
                if word == "bin":
                    position += max(0, number or 0)
                else:
                    self._word(word, number)
            if self._ready:
                yield from self._ready
                self._ready.clear()
        self._flush_bytes()
        self._end_paragraph()
        yield from self._ready

    def _take_bytes(self, content: bytes) -> None:
        self._optional = False
        if self._to_skip:
            skipped = min(self._to_skip, len(content))
            self._to_skip -= skipped
            content = content[skipped:]
        if content and self._state.target != "skip" and not self._state.is_hidden:
            self._bytes += content

    def _flush_bytes(self) -> None:
        if self._bytes:
            text = self._declared.decoded(bytes(self._bytes), self._state.font)
            self._bytes.clear()
            self._add(text)

    def _add(self, text: str) -> None:
        if self._state.target not in ("skip", "fonttbl") and not self._state.is_hidden:
            self._texts.add(self._state.target, text)

    def _brace(self, brace: bytes) -> None:
        self._flush_bytes()
        self._to_skip = 0
        self._optional = False
        if brace == b"{":
            self._stack.append(self._state)
        elif self._stack:
            closed, self._state = self._state, self._stack.pop()
            if closed.target != self._state.target or closed.target == "stylesheet":
                self._close(closed.target)

    def _close(self, target: str) -> None:
        """A group of its own kind ends."""
        if target in _INFO:
            self.info[target] = self._texts.take(target).strip()
        elif target == "stylesheet":
            self._declared.name_style(self._texts.take("stylesheet").strip().rstrip(";"))
        elif target == "footnote":
            self._notes.append(" ".join(self._texts.take(target).split()))

    def _sign(self, sign: str) -> None:
        if sign == "*":
            self._flush_bytes()
            self._optional = True
        elif sign in "{}\\":
            self._take_bytes(sign.encode("ascii"))
        else:
            self._flush_bytes()
            self._word(sign, None)

    def _word(self, word: str, number: int | None) -> None:
        self._flush_bytes()
        optional, self._optional = self._optional, False
        if word == "u":
            self._unicode(number or 0)
            return
        self._to_skip = 0
        if self._enter_group(word, optional=optional):
            return
        if word in CHARACTERS:
            self._add(CHARACTERS[word])
        elif word in PARAGRAPH_ENDS:
            if self._state.target == "text":
                self._end_paragraph()
            else:
                self._add("\n")
        else:
            self._set(word, number)

    def _unicode(self, number: int) -> None:
        character = chr(number & 0xFFFF)
        if "\uf020" <= character <= "\uf0ff":
            character = "•" if character == _PRIVATE_BULLET else ""
        self._add(character)
        self._to_skip = self._state.fallbacks

    def _enter_group(self, word: str, *, optional: bool) -> bool:
        """Whether ``word`` says what kind of group this is."""
        state = self._state
        if word in SHOWN:
            return True
        if word == "ud" and len(self._stack) > 1:
            # The same as in the group before it, which old readers take, so it belongs where both stand.
            self._state = replace(state, target=self._stack[-2].target)
        elif word in ("fonttbl", "stylesheet", "footnote") or word in _INFO:
            inside = word not in _INFO or state.target == "info"
            self._state = replace(state, target=word if inside else "skip")
        elif word in ("listtext", "pntext"):
            self._state = replace(state, target="marker")
        elif word == "info":
            self._state = replace(state, target="info")
        elif word in SKIPPED or optional:
            self._state = replace(state, target="skip")
        else:
            return False
        return True

    def _set(self, word: str, number: int | None) -> None:
        """A property of the characters, the paragraph, a font or a style."""
        layout, state = self._layout, self._state
        if word == "f" and number is not None:
            self._state = replace(state, font=number)
        elif word == "uc":
            self._state = replace(state, fallbacks=max(0, number or 0))
        elif word in ("v", "deleted", "htmlrtf"):
            self._state = replace(state, is_hidden=number != 0)
        elif word == "plain":
            self._state = replace(state, is_hidden=False)
        elif word == "fcharset" and state.font is not None and state.target == "fonttbl":
            self._declared.set_charset(state.font, number or 0)
        elif word == "ansicpg" and number:
            self._declared.code_page = number
        elif word in _DEFAULT_CODE_PAGES:
            self._declared.code_page = _DEFAULT_CODE_PAGES[word]
        elif state.target == "stylesheet":
            self._declared.set_style(word, number)
        elif word == "pard":
            self._layout = _Layout()
        elif word == "intbl":
            layout.in_table = True
        elif word == "s":
            layout.style = number or 0
        elif word == "outlinelevel":
            layout.outline = number
        elif word == "ilvl":
            layout.indent = max(0, min(number or 0, 8))
        elif word in ("cell", "row", "trowd", "trhdr"):
            self._table(word)

    def _table(self, word: str) -> None:
        if word == "cell":
            self._cells.append(" ".join(self._texts.take("text").split()))
            self._texts.take("marker")
        elif word == "trowd":
            self._is_header_row = False
        elif word == "trhdr":
            self._is_header_row = True
        elif self._cells:
            self._ready.append(Row(tuple(self._cells), self._is_header_row))
            self._cells = []

    def _end_paragraph(self) -> None:
        if self._layout.in_table and self._stack:
            self._add("\n")
            return
        text, marker = self._texts.take("text").strip(), self._texts.take("marker").strip()
        layout = self._layout
        if text:
            level = self._declared.heading_level(layout.style, layout.outline)
            is_title = self._declared.is_title(layout.style)
            self._ready.append(Paragraph(text, level, is_title, marker, layout.indent))
        self._ready += [Paragraph(note) for note in self._notes if note]
        self._notes = []
