from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.document import BlockKind
from ingest.parsers.text_builder import TextBuilder, clean_text, collapse_space, joint


@given(st.text())
def test_clean_text_leaves_only_usable_characters(text: str) -> None:
    cleaned = clean_text(text)
    assert clean_text(cleaned) == cleaned
    assert not set(cleaned) & set("\0\r\f\v\ufeff\u2028")
    cleaned.encode("utf-8")


def test_clean_text_unifies_line_ends() -> None:
    assert clean_text("a\r\nb\rc\fd\u2028e") == "a\nb\nc\nd\ne"


def test_clean_text_removes_lone_surrogates_and_nuls() -> None:
    assert clean_text("a\0b\ud800c") == "abc"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  a \n\t b\u00a0c ", "a b c"),
        ("第一行\n  第二行", "第一行第二行"),
        ("使用\nPython", "使用 Python"),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"),
    ],
)
def test_collapse_space_shows_text_as_a_browser_does(text: str, shown: str) -> None:
    assert collapse_space(text) == shown


@pytest.mark.parametrize(
    ("left", "right", "between"),
    [
        ("word", "next", " "),
        ("中文", "继续", ""),
        ("结束。", "compose", ""),
        ("使用", "Python", " "),
        ("", "next", ""),
        ("word ", "next", ""),
    ],
)
def test_joint_of_two_lines_follows_the_script(left: str, right: str, between: str) -> None:
    assert joint(left, right) == between


_KINDS = st.sampled_from([kind for kind in BlockKind if kind is not BlockKind.HEADING])
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), _KINDS, st.text(max_size=20)),
        st.tuples(st.just("heading"), st.integers(0, 6), st.text(max_size=20)),
        st.tuples(st.just("page"), st.just(0), st.just("")),
    ),
    max_size=30,
)


@given(_STEPS)
def test_blocks_are_ordered_and_pages_cover_the_text(steps: list[tuple[str, BlockKind | int, str]]) -> None:
    builder = TextBuilder()
    builder.start_page(1)
    page = 1
    for step, argument, text in steps:
        if isinstance(argument, BlockKind):
            builder.add(argument, text)
        elif step == "heading":
            builder.add_heading(text, argument)
        else:
            page += 1
            builder.start_page(page)
    parsed = builder.build()
    end = 0
    for block in parsed.blocks:
        assert end <= block.start < block.end <= len(parsed.text)
        assert parsed.text[block.start : block.end].strip()
        end = block.end
    covered = 0
    for span in parsed.pages:
        assert span.start == covered < span.end
        covered = span.end
    assert covered == len(parsed.text)


def test_headings_close_those_of_their_level_or_deeper() -> None:
    builder = TextBuilder()
    for level, text in ((1, "A"), (2, "B"), (3, "C"), (2, "D")):
        builder.add_heading(text, level)
    builder.add(BlockKind.PARAGRAPH, "text")
    assert [block.heading_path for block in builder.build().blocks] == [
        ("A",),
        ("A", "B"),
        ("A", "B", "C"),
        ("A", "D"),
        ("A", "D"),
    ]


def test_a_block_may_go_on_over_a_page_break() -> None:
    builder = TextBuilder()
    builder.start_page(1)
    builder.add(BlockKind.PARAGRAPH, "begins here")
    builder.start_page(2)
    builder.extend(" and ends there")
    parsed = builder.build()
    assert len(parsed.blocks) == 1
    assert parsed.text == "begins here and ends there"
    assert [(page.number, page.start, page.end) for page in parsed.pages] == [(1, 0, 11), (2, 11, 26)]
