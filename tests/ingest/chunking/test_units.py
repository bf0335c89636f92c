"""Units: where lists, code and overlong sentences are cut."""

from __future__ import annotations

from ingest.chunking.chunk import ChunkingSpec
from ingest.chunking.units import definition_spans, item_spans, line_spans, nested_item_spans, paragraph_spans
from ingest.document import BlockKind
from ingest.embed import Embedder
from tests.ingest.chunk_checks import check, document_of

LIST = """- Copy the home directory.
  Do it while the server runs.
  * Snapshots never change.
- Restore it.

  Then start the server."""

CODE = '''import os


def first(value):
    """Doc."""

    return value


class Second:
    size = 1

    def method(self):
        return os.sep
'''


def parts(text: str, spans: list[tuple[int, int]]) -> list[str]:
    return [text[start:end] for start, end in spans]


def test_a_list_is_cut_at_its_outermost_items() -> None:
    assert parts(LIST, item_spans(LIST)) == [
        "- Copy the home directory.\n  Do it while the server runs.\n  * Snapshots never change.",
        "- Restore it.\n\n  Then start the server.",
    ]


def test_an_item_is_cut_at_the_items_in_it() -> None:
    item = LIST[: LIST.index("- Restore")]
    assert parts(item, nested_item_spans(item))[1] == "  * Snapshots never change."


def test_numbers_letters_and_chinese_numbers_mark_items() -> None:
    for marks in (
        ("1.", "2."),
        ("a)", "b)"),
        ("(1)", "(2)"),
        ("一、", "二、"),
        ("（1）", "（2）"),
        ("•", "•"),
    ):
        text = f"Intro\n{marks[0]} one\n{marks[1]} two"
        assert parts(text, item_spans(text)) == ["Intro", f"{marks[0]} one", f"{marks[1]} two"]


def test_a_list_without_marks_is_cut_at_its_lines() -> None:
    assert parts("one\ntwo\n\nthree", item_spans("one\ntwo\n\nthree")) == ["one", "two", "three"]


def test_code_is_cut_at_its_definitions_and_then_at_blank_lines() -> None:
    definitions = parts(CODE, definition_spans(CODE))
    assert [part.split("\n")[0] for part in definitions] == [
        "import os",
        "def first(value):",
        "class Second:",
    ]
    assert parts(definitions[1], paragraph_spans(definitions[1]))[1] == "    return value"


def test_the_lines_of_code_keep_their_indentation() -> None:
    assert parts(" a\n\n  b \n", line_spans(" a\n\n  b \n")) == [" a", "  b"]


def test_chunks_of_code_begin_with_a_definition_where_they_can(embedder: Embedder) -> None:
    code = "\n\n".join(CODE.replace("first", f"function_{index}") for index in range(8)).strip()
    chunks = check(document_of(code, BlockKind.CODE), embedder, ChunkingSpec(100, 48))
    openings = {chunk.text.split("(")[0].split("_")[0].strip() for chunk in chunks}
    assert openings <= {
        "import os",
        "import os\n\n\ndef function",
        "def function",
        "class Second:\n    size = 1\n\n    def method",
    }


def test_items_stay_whole_where_they_fit(embedder: Embedder) -> None:
    items = [f"- Item {index}. It has two sentences, and {index * 3} words." for index in range(40)]
    chunks = check(document_of("\n".join(items), BlockKind.LIST), embedder)
    assert [line for chunk in chunks for line in chunk.text.split("\n")] == items


def test_an_overlong_chinese_sentence_is_cut_behind_a_clause(embedder: Embedder) -> None:
    text = "检索增强生成先从文档中找出段落，再让模型回答问题，" * 30
    chunks = check(document_of(text), embedder)
    assert {chunk.text[-1] for chunk in chunks} == {"，"}
