"""Sentences: exact spans, and where a sentence does and does not end."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sentences import sentence_spans

PROSE = st.text(st.sampled_from(list("aB1 .!?。！？；\n\t\"'”’）」(【[é中𠮷🐎")), max_size=80)


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@given(st.one_of(PROSE, st.text()))
def test_spans_are_exact_ordered_and_cover_all_but_white_space(text: str) -> None:
    spans = sentence_spans(text)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    covered = {index for start, end in spans for index in range(start, end)}
    assert all(index in covered for index, character in enumerate(text) if not character.isspace())
    assert all(part == part.strip() for part in sentences(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It works. Try it! Why? 3 reasons.", ["It works.", "Try it!", "Why?", "3 reasons."]),
        ("He said “Go.” Then he left.", ["He said “Go.”", "Then he left."]),
        (
            "Dr. Smith knows e.g. Paris, cf. Fig. 2 and J. Doe.",
            ["Dr. Smith knows e.g. Paris, cf. Fig. 2 and J. Doe."],
        ),
        ("Version 1.2 is out. iPhone too.", ["Version 1.2 is out. iPhone too."]),
        ("1. Install it. 2. Run it.", ["1. Install it.", "2. Run it."]),
        ("First line\nsecond line", ["First line", "second line"]),
        ("Ask Dr.\nSmith", ["Ask Dr.", "Smith"]),
        ("C'est fini. Être ou ne pas être.", ["C'est fini.", "Être ou ne pas être."]),
        ("Это так. Вот.", ["Это так.", "Вот."]),
        ("先检索。再回答！对吗？对；好", ["先检索。", "再回答！", "对吗？", "对；", "好"]),
        ("他说：“好。”然后走了。", ["他说：“好。”", "然后走了。"]),
        ("真的吗？！真的。。。", ["真的吗？！", "真的。。。"]),
        ("Use LoRA. 中文也行。", ["Use LoRA.", "中文也行。"]),
        (" \n ", []),
    ],
)
def test_a_sentence_ends_where_a_reader_says(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize("text", [" ", "A. ", ". ", '."', "。", "\n", "! (", "No. "])
def test_repetitive_text_takes_linear_time(text: str) -> None:
    started = time.process_time()
    sentence_spans(text * 50_000)
    assert time.process_time() - started < 5
