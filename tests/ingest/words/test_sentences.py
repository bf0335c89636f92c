"""Sentences: exact spans, and where a sentence does and does not end."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.words.sentences import sentence_spans

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
        (
            "Prof. Wu left in Sept. 2024. It cost 3.14 dollars... Then he paid.",
            ["Prof. Wu left in Sept. 2024.", "It cost 3.14 dollars...", "Then he paid."],
        ),
        ("He waited... and left. Gone.", ["He waited... and left.", "Gone."]),
        ("他等了很久……然后走了。", ["他等了很久……然后走了。"]),
        ("她说：“真的！”他笑了？（见图1。）好。", ["她说：“真的！”", "他笑了？", "（见图1。）", "好。"]),
        (" \n ", []),
    ],
)
def test_a_sentence_ends_where_a_reader_says(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "The index is rebuilt whenever the embedder changes, because vectors of\ntwo models do not compare.",
        "This page explains how a service that was installed by the package of the\nTroika project is run.",
        "检索增强生成先从文档中找出与问题最相关的几个段落，\n再让模型根据这些段落回答问题。",
    ],
)
def test_prose_that_was_wrapped_to_a_width_goes_on(text: str) -> None:
    assert sentences(text) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "A short line\nand another",
        "A heading that is long enough to be taken for a wrapped line:\nthe text",
        "The first of several long items without a stop at their ends\n- the second item",
        "The first of several long items without a stop at their ends\n2. the second item",
        "The name of a chapter in a table of contents, and its page 12\nThe name of another",
        "一个足够长的标题，但是它后面是一行英文\nEnglish text",
    ],
)
def test_a_line_that_was_ended_on_purpose_is_a_sentence(text: str) -> None:
    assert sentences(text) == text.split("\n")


@pytest.mark.parametrize("text", [" ", "a" * 40 + "\n", "A. ", ". ", '."', "。", "\n", "! (", "No. "])
def test_repetitive_text_takes_linear_time(text: str) -> None:
    started = time.process_time()
    sentence_spans(text * 50_000)
    assert time.process_time() - started < 5
