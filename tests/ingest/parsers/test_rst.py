from __future__ import annotations

import datetime

import pytest

from ingest.document import BlockKind
from ingest.errors import BrokenFileError, UnsafeFileError
from ingest.parsers.rst import parse
from ingest.parsers.text_builder import ParsedFile

_SOURCE = """\
:Author: Ada
:Date: 2024-01-01

.. _start:

=========
The Title
=========

Intro with :ref:`a link <target>`, :class:`~box.Foo`, |sub|, `ext <http://x>`_, [1]_ and ``code``.

.. |sub| replace:: SUBSTITUTE

.. [1] A note.

.. a comment

Sub
---

- one
- two

  1. deep

term
  meaning

+------+------+
| name | port |
+======+======+
| http | 80   |
+------+------+

Literal::

   x = 1

     y
"""
_SPHINX = """\
.. toctree::
   :maxdepth: 2

   other

.. code-block:: python
   :linenos:

   def f():
       pass

.. versionadded:: 2.0
   The *new* thing :func:`x`.

.. py:function:: foo(a)

   .. deprecated:: 3
      Use :meth:`bar`.

   :param a: the a

.. note:: Be careful.
"""


def _blocks(source: str) -> list[tuple[BlockKind, str]]:
    parsed = parse(source.encode())
    return [(block.kind, parsed.text[block.start : block.end]) for block in parsed.blocks]


def test_a_document_is_read_as_its_reader_sees_it() -> None:
    assert _blocks(_SOURCE) == [
        (BlockKind.HEADING, "The Title"),
        (BlockKind.PARAGRAPH, "Intro with a link, box.Foo, SUBSTITUTE, ext, [1] and code."),
        (BlockKind.PARAGRAPH, "[1] A note."),
        (BlockKind.HEADING, "Sub"),
        (BlockKind.LIST, "- one\n- two\n  1. deep"),
        (BlockKind.LIST, "- term\n  meaning"),
        (BlockKind.TABLE, "name | port\nhttp | 80"),
        (BlockKind.PARAGRAPH, "Literal:"),
        (BlockKind.CODE, "x = 1\n\n  y"),
    ]


def test_title_metadata_paths_and_header_are_kept() -> None:
    parsed: ParsedFile = parse(_SOURCE.encode())
    assert parsed.title == "The Title"
    assert parsed.metadata == {"author": "Ada", "created": "2024-01-01"}
    assert parsed.blocks[-1].heading_path == ("The Title", "Sub")
    table = next(block for block in parsed.blocks if block.kind is BlockKind.TABLE)
    assert table.header == (table.start, table.start + len("name | port"))


def test_sections_below_a_lone_title_stand_under_it() -> None:
    parsed = parse(b"Top\n===\n\ntext\n\nSub\n---\n\nmore\n")
    assert [block.heading_path for block in parsed.blocks] == [
        ("Top",),
        ("Top",),
        ("Top", "Sub"),
        ("Top", "Sub"),
    ]
    two = parse(b"One\n===\n\na\n\nTwo\n===\n\nb\n")
    assert [block.heading_path for block in two.blocks] == [("One",), ("One",), ("Two",), ("Two",)]


def test_directives_of_sphinx_keep_their_text() -> None:
    assert _blocks(_SPHINX) == [
        (BlockKind.CODE, "def f():\n    pass"),
        (BlockKind.PARAGRAPH, "2.0"),
        (BlockKind.PARAGRAPH, "The new thing x."),
        (BlockKind.PARAGRAPH, "foo(a)"),
        (BlockKind.PARAGRAPH, "3"),
        (BlockKind.PARAGRAPH, "Use bar."),
        (BlockKind.LIST, "- param a: the a"),
        (BlockKind.PARAGRAPH, "Be careful."),
    ]


def test_damaged_marks_and_tables_lose_no_text() -> None:
    text = parse(b"An *open mark and `another\n\n+---+--+\n| a | b |\n+---+---+\n").text
    assert "open mark and `another" in text
    assert "| a | b |" in text


def test_no_file_is_read_and_no_raw_output_shown() -> None:
    source = (
        ".. include:: /etc/passwd\n\n.. raw:: html\n   :file: /etc/passwd\n\n"
        ".. csv-table:: T\n   :file: /etc/passwd\n\nend"
    )
    text = parse(source.encode()).text
    assert "root:" not in text
    assert text.endswith("end")


def test_the_text_does_not_depend_on_the_day() -> None:
    text = parse(b".. |today| date::\n\nAs of |today|.\n").text
    assert str(datetime.datetime.now(tz=datetime.UTC).year) not in text


def test_chinese_lines_join_without_a_space() -> None:
    assert parse("中文段落第一行\n第二行。\n".encode()).text == "中文段落第一行第二行。"


@pytest.mark.parametrize(
    "source",
    ["- " * 3000 + "x", "\n".join(" " * n + "x" for n in range(600)), "`" * 20_000, ".. " * 3000, "===\n"],
)
def test_hostile_sources_end(source: str) -> None:
    try:
        parse(source.encode())
    except BrokenFileError as error:
        assert "deep" in str(error)


@pytest.mark.parametrize(
    "source",
    [
        "".join(f".. |a{n}| replace:: {f'|a{n + 1}| ' * 10}\n" for n in range(8))
        + ".. |a8| replace:: x\n\n|a0|\n",
        "|a| " * 5000 + "\n\n.. |a| replace:: |b| |b|\n.. |b| replace:: |a|\n",
        "|a| " * 5000 + f"\n\n.. |a| replace:: {'x' * 5000}\n",
    ],
)
def test_substitutions_that_multiply_are_refused(source: str) -> None:
    with pytest.raises(UnsafeFileError, match="substitution"):
        parse(source.encode())
