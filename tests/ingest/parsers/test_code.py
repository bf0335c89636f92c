from __future__ import annotations

import pytest

from ingest.document import BlockKind
from ingest.parsers.code import parse

_PYTHON = '''"""Doc."""
import os

LIMIT = 1

# why this is here
@decorated
def first(a):
    return a


class Box(Base):
    """Doc."""

    size = 1

    def open(self):
        pass

    async def close(self): pass

if __name__ == "__main__":
    first(1)
'''
_OTHERS = {
    "javascript": (
        'import x from "y";\n\n/** Doc. */\nexport async function load(a) {\n  if (a) {\n'
        "    return 1;\n  }\n}\n\nexport const save = (x) => {\n  return x;\n};\n\n"
        "class Shape extends Base {\n  area() { return 1; }\n}\n",
        [(), ("load",), ("save",), ("Shape",)],
    ),
    "go": (
        "package main\n\n// T is a type.\ntype T struct {\n\tA int\n}\n\n"
        "func (t *T) Get(x int) int {\n\treturn 1\n}\n",
        [(), ("T",), ("Get",)],
    ),
    "rust": (
        "use std::io;\n\n#[derive(Debug)]\npub struct P {\n  x: i32,\n}\n\nimpl<T> Tr for P {\n}\n",
        [(), ("P",), ("Tr",)],
    ),
    "c": (
        "#include <x.h>\n\nstatic int add(int a)\n{\n  return a;\n}\n\nint main(void) {\n  return 0;\n}\n",
        [(), ("add",), ("main",)],
    ),
    "sql": (
        "CREATE TABLE IF NOT EXISTS users (\n  id INT\n);\n\nSELECT *\nFROM users;\n",
        [("users",), ()],
    ),
    "toml": (
        "[tool.x]\na = 1\n\n[tool.y]\nb = 2\n",
        [("tool.x",), ("tool.y",)],
    ),
    "yaml": (
        "version: 3\nservices:\n  web:\n    image: x\n\n  db: y\nvolumes:\n  data: z\n",
        [(), ("services",), ("volumes",)],
    ),
    "shell": (
        "set -e\n\nbuild() {\n  make\n}\n\nbuild\n",
        [(), ("build",), ()],
    ),
    "css": (
        ".a, .b > c {\n  color: red;\n}\n",
        [(".a, .b > c",)],
    ),
    "plain": (
        "a = 1\nb = 2\n",
        [()],
    ),
}


def test_python_is_cut_by_its_definitions() -> None:
    parsed = parse(_PYTHON.encode())
    blocks = [(block.heading_path, parsed.text[block.start : block.end].strip()) for block in parsed.blocks]
    assert [path for path, _ in blocks] == [
        (),
        ("first",),
        ("Box",),
        ("Box", "open"),
        ("Box", "close"),
        (),
    ]
    assert blocks[1][1].startswith("# why this is here\n@decorated\ndef first")
    assert blocks[2][1].startswith("class Box(Base):")
    assert {block.kind for block in parsed.blocks} == {BlockKind.CODE}
    assert parsed.title is None


@pytest.mark.parametrize("language", sorted(_OTHERS))
def test_other_languages_are_cut_by_their_lines(language: str) -> None:
    source, paths = _OTHERS[language]
    parsed = parse(source.encode())
    assert [block.heading_path for block in parsed.blocks] == paths


@pytest.mark.parametrize(
    "source", [_PYTHON, *(source for source, _ in _OTHERS.values()), "def broken(:\n  pass\n"]
)
def test_the_text_is_the_source_and_blocks_cover_it(source: str) -> None:
    parsed = parse(source.encode())
    assert parsed.text == source
    covered = "".join(parsed.text[block.start : block.end] for block in parsed.blocks)
    assert "".join(covered.split()) == "".join(source.split())
    starts = [block.start for block in parsed.blocks]
    assert starts == sorted(starts)


def test_a_long_class_is_cut_into_its_members() -> None:
    members = "".join(
        f"    /** Doc. */\n    public int get{n}(int a) {{\n        return {n};\n    }}\n\n"
        for n in range(20)
    )
    parsed = parse(f"public class Big {{\n{members}}}\n".encode())
    assert ("Big", "get7") in [block.heading_path for block in parsed.blocks]
    block = next(block for block in parsed.blocks if block.heading_path == ("Big", "get7"))
    assert parsed.text[block.start : block.end].lstrip().startswith("/** Doc. */")


@pytest.mark.parametrize(
    "source",
    [
        "(" * 100_000,
        "def f():\n" + "(" * 5000,
        "a " * 200_000,
        ("a{" * 50 + "\n") * 2000,
        "\\d = '\\d'\ndef f(): pass\n",
    ],
)
def test_what_no_grammar_reads_is_still_text(source: str) -> None:
    assert parse(source.encode()).text == source
