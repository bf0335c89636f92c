from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.document import BlockKind
from ingest.parsers.markdown import parse, parse_source
from ingest.parsers.text_builder import ParsedFile, clean_text

_SOURCE = """\
---
title: 适配器手册
tags: [lora, sft]
updated: 2026-01-02
nested: {a: 1}
---
Preamble before any heading.

# The *Adapter* `rank` { #rank }

First paragraph,
on two lines.

> A note.
> On two lines.

Setext heading
--------------

- one
  - nested
- two

1. first
2. second

| a | b |
|---|---|
| 1 | 2 |

```python
# not a heading
x = 1
```

    indented code

<!-- a comment -->

<div>Shown</div>

***

[reference]: https://example.org
"""


def _blocks(parsed: ParsedFile) -> list[tuple[BlockKind, str]]:
    return [(block.kind, parsed.text[block.start : block.end]) for block in parsed.blocks]


def test_every_block_is_a_stretch_of_the_source() -> None:
    assert _blocks(parse(_SOURCE.encode())) == [
        (BlockKind.PARAGRAPH, "Preamble before any heading."),
        (BlockKind.HEADING, "# The *Adapter* `rank` { #rank }"),
        (BlockKind.PARAGRAPH, "First paragraph,\non two lines."),
        (BlockKind.PARAGRAPH, "> A note.\n> On two lines."),
        (BlockKind.HEADING, "Setext heading\n--------------"),
        (BlockKind.LIST, "- one\n  - nested\n- two"),
        (BlockKind.LIST, "1. first\n2. second"),
        (BlockKind.TABLE, "| a | b |\n|---|---|\n| 1 | 2 |"),
        (BlockKind.CODE, "```python\n# not a heading\nx = 1\n```"),
        (BlockKind.CODE, "    indented code"),
        (BlockKind.PARAGRAPH, "<div>Shown</div>"),
    ]


def test_the_text_is_the_source_itself() -> None:
    assert parse(_SOURCE.replace("\n", "\r\n").encode()).text == _SOURCE


def test_heading_paths_are_plain_text() -> None:
    parsed = parse(_SOURCE.encode())
    assert parsed.blocks[0].heading_path == ()
    assert parsed.blocks[1].heading_path == ("The Adapter rank",)
    assert parsed.blocks[-1].heading_path == ("The Adapter rank", "Setext heading")


def test_front_matter_becomes_metadata() -> None:
    parsed = parse(_SOURCE.encode())
    assert parsed.title == "适配器手册"
    assert parsed.metadata == {"title": "适配器手册", "tags": ("lora", "sft"), "updated": "2026-01-02"}


def test_the_title_is_the_first_heading_of_level_one_without_front_matter() -> None:
    assert parse(b"## Part\n\n# Title\n\n# Second\n").title == "Title"
    assert parse(b"## Part\n\ntext\n").title is None


def test_what_is_no_yaml_mapping_is_body() -> None:
    assert parse(b"---\nNot a mapping, a rule above.\n---\n\ntext\n").metadata == {}
    assert parse(b"---\n: [broken\n---\n\ntext\n").blocks[-1].kind is BlockKind.PARAGRAPH


def test_a_linked_heading_shows_its_label() -> None:
    parsed = parse(b"# See [the docs](https://example.org) ![logo](x.png) <b>now</b>\n")
    assert parsed.blocks[0].heading_path == ("See the docs logo now",)


_LINES = """\
# h
##
text
中文段落。
- item
  - deep
> q
```
| a | b |
|---|---|

    x
---
===
***
<div>
</div>
<!--
-->
1. n
\t"""
_PIECES = st.lists(st.sampled_from(_LINES.split("\n")), max_size=25)


@given(_PIECES)
def test_blocks_are_ordered_and_not_empty_for_any_source(lines: list[str]) -> None:
    source = clean_text("\n".join(lines))
    parsed = parse_source(source)
    end = 0
    for block in parsed.blocks:
        assert end <= block.start < block.end <= len(source)
        assert source[block.start : block.end].strip()
        end = block.end


def test_the_header_of_a_table_is_its_first_row_and_the_line_below() -> None:
    parsed = parse(b"# T\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\nx\n")
    table = next(block for block in parsed.blocks if block.kind is BlockKind.TABLE)
    assert table.header is not None
    assert parsed.text[slice(*table.header)] == "| a | b |\n|---|---|"
    assert parsed.blocks[-1].header is None
