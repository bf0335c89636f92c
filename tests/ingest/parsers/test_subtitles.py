from __future__ import annotations

import pytest

from ingest.errors import BrokenFileError
from ingest.parsers.subtitles import parse


def _paragraphs(source: str) -> list[str]:
    parsed = parse(source.encode())
    return [parsed.text[block.start : block.end] for block in parsed.blocks]


def _srt(*cues: tuple[int, str]) -> str:
    return "\n".join(
        f"{n}\n00:{start // 60:02}:{start % 60:02},000 --> 00:{start // 60:02}:{start % 60:02},900\n{text}\n"
        for n, (start, text) in enumerate(cues, 1)
    )


def test_cues_become_sentences_behind_their_time() -> None:
    assert _paragraphs(_srt((1, "<i>Hello</i>\nthere."), (2, "{\\an8}How are you?"))) == [
        "[00:00:01] Hello there. How are you?"
    ]


def test_a_pause_begins_a_paragraph() -> None:
    assert _paragraphs(_srt((1, "one"), (70, "你好\n世界"))) == ["[00:00:01] one", "[00:01:10] 你好世界"]


def test_long_speech_is_cut_at_the_end_of_a_sentence() -> None:
    cues = [
        (n, f"Cue number {n} of the talk goes on and" if n % 2 else "then it ends here.")
        for n in range(1, 40)
    ]
    paragraphs = _paragraphs(_srt(*cues))
    assert len(paragraphs) > 3
    assert all(paragraph.endswith("ends here.") for paragraph in paragraphs[:-1])
    assert all(len(paragraph) < 1000 for paragraph in paragraphs)


def test_a_number_that_is_spoken_is_no_cue_number() -> None:
    assert _paragraphs(_srt((1, "2024"), (2, "was a year"))) == ["[00:00:01] 2024 was a year"]


def test_webvtt_keeps_speakers_and_drops_notes_and_styles() -> None:
    source = (
        "WEBVTT - My talk\nKind: captions\n\nNOTE not shown\nat all\n\nSTYLE\n::cue {}\n\nintro\n"
        "00:01.000 --> 00:02.000 align:start\n<v Ann Lee>Hi &amp; hello</v>\n\n"
        "00:02.000 --> 00:03.000\n<v Bob>Yes\n\nlast\n01:00:03.000 --> 01:00:04.000\n<c.x>Bye</c>\n"
    )
    assert _paragraphs(source) == [
        "[00:00:01] Ann Lee: Hi & hello",
        "[00:00:02] Bob: Yes",
        "[01:00:03] Bye",
    ]
    assert parse(source.encode()).title == "My talk"


def test_lines_that_roll_up_are_read_once() -> None:
    source = (
        "WEBVTT\n\n00:01.000 --> 00:02.000\nfirst line\n\n00:02.000 --> 00:03.000\nfirst line\nsecond line\n"
    )
    assert _paragraphs(source) == ["[00:00:01] first line second line"]


@pytest.mark.parametrize("source", ["no cues at all", "WEBVTT\n\n"])
def test_a_file_without_cues_is_refused(source: str) -> None:
    with pytest.raises(BrokenFileError, match="-->"):
        parse(source.encode())
