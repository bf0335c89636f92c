"""Subtitles (SubRip, WebVTT) -> paragraphs of a few cues, each behind the time at which it begins.

Cues are cut to fit a screen; joined they are sentences again. A paragraph ends at a pause, at a change of
speaker, or at the end of a sentence once it is long enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from ingest.document import BlockKind
from ingest.errors import BrokenFileError
from ingest.parsers.decode import decode_text
from ingest.parsers.text_builder import ParsedFile, TextBuilder, collapse_space, joint

_TIMING = re.compile(
    r"^[ \t]*(?:(?P<hours>\d{1,3}):)?(?P<minutes>\d{1,2}):(?P<seconds>\d{2})[.,]\d{1,3}[ \t]*-->[ \t]*"
    r"(?:(?P<end_hours>\d{1,3}):)?(?P<end_minutes>\d{1,2}):(?P<end_seconds>\d{2})[.,]\d{1,3}[^\n]*$",
    re.MULTILINE,
)
_VOICE = re.compile(r"<v(?:\.[\w.-]*)?[ \t]+(?P<name>[^<>]{1,80})>")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}")
_COUNTER = re.compile(r"\n[ \t]*\n[ \t]*\d+[ \t]*\n?\Z")
_IDENTIFIER = re.compile(r"\n[ \t]*\n[^\n]*\n?\Z")
_NOT_SHOWN = re.compile(r"^(?:NOTE|STYLE|REGION)\b.*?(?:\n[ \t]*\n|\Z)", re.MULTILINE | re.DOTALL)
_VTT_TITLE = re.compile(r"WEBVTT[ \t]+(?:-[ \t]*)?(?P<title>[^\n]+)")
_SENTENCE_END = re.compile(r"[.!?。！？…][\"'”’」』)）]*\Z")
_PAUSE_SECONDS = 4
_MIN_CHARACTERS = 240
_MAX_CHARACTERS = 900
_MAX_CUES = 12


@dataclass(frozen=True, slots=True)
class _Cue:
    """What is shown at once. Times in seconds from the start."""

    start: int
    end: int
    speaker: str
    text: str


def parse(content: bytes) -> ParsedFile:
    """The spoken text, a time before each paragraph: "[00:01:23] …".

    Raises:
        BrokenFileError: there is no line with a cue's times.
    """
    text = decode_text(content)
    is_vtt = text.lstrip().startswith("WEBVTT")
    cues = list(_cues(text, is_vtt=is_vtt))
    if not cues:
        raise BrokenFileError("it has no cue (a line like 00:01:02,000 --> 00:01:04,500): check what it is.")
    builder = TextBuilder()
    for paragraph in _paragraphs(cues):
        builder.add(BlockKind.PARAGRAPH, _joined(paragraph))
    title = _VTT_TITLE.match(text.lstrip()) if is_vtt else None
    return builder.build(collapse_space(title["title"]) if title else None)


def _cues(text: str, *, is_vtt: bool) -> Iterator[_Cue]:
    """The cues in order; without those that repeat the one before, as captions made live do."""
    if is_vtt:
        text = _NOT_SHOWN.sub("\n", text)
    timings = list(_TIMING.finditer(text))
    shown = ""
    for index, timing in enumerate(timings):
        is_last = index + 1 == len(timings)
        body = text[timing.end() : len(text) if is_last else timings[index + 1].start()]
        if not is_last:
            # The next cue's number or name stands between a blank line and its times.
            body = (_IDENTIFIER if is_vtt else _COUNTER).sub("", body)
        voice = _VOICE.search(body)
        lines = [line for line in _lines(body, is_vtt=is_vtt) if line != shown]
        if lines:
            shown = lines[-1]
            speaker = collapse_space(voice["name"]) if voice else ""
            yield _Cue(_seconds(timing, ""), _seconds(timing, "end_"), speaker, _one_line(lines))


def _lines(body: str, *, is_vtt: bool) -> Iterator[str]:
    for line in body.split("\n"):
        plain = _TAG.sub("", line)
        if stripped := collapse_space(unescape(plain) if is_vtt else plain):
            yield stripped


def _paragraphs(cues: list[_Cue]) -> Iterator[list[_Cue]]:
    paragraph: list[_Cue] = []
    length = 0
    for cue in cues:
        if paragraph and _is_break(paragraph, length, cue):
            yield paragraph
            paragraph, length = [], 0
        paragraph.append(cue)
        length += len(cue.text)
    yield paragraph


def _is_break(paragraph: list[_Cue], length: int, cue: _Cue) -> bool:
    """Whether a new paragraph begins with ``cue``."""
    last = paragraph[-1]
    if cue.start - last.end >= _PAUSE_SECONDS or (cue.speaker and cue.speaker != last.speaker):
        return True
    if length >= _MAX_CHARACTERS or len(paragraph) >= _MAX_CUES:
        return True
    return length >= _MIN_CHARACTERS and _SENTENCE_END.search(last.text) is not None


def _joined(paragraph: list[_Cue]) -> str:
    first = paragraph[0]
    clock = f"[{first.start // 3600:02}:{first.start // 60 % 60:02}:{first.start % 60:02}]"
    speaker = f" {first.speaker}:" if first.speaker else ""
    return f"{clock}{speaker} {_one_line([cue.text for cue in paragraph])}"


def _one_line(lines: list[str]) -> str:
    parts: list[str] = []
    for line in lines:
        parts += [joint(parts[-1], line) if parts else "", line]
    return "".join(parts)


def _seconds(timing: re.Match[str], prefix: str) -> int:
    hours, minutes = timing[f"{prefix}hours"] or "0", timing[f"{prefix}minutes"]
    return int(hours) * 3600 + int(minutes) * 60 + int(timing[f"{prefix}seconds"])
