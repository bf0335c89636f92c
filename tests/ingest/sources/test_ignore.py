"""Patterns of files: the syntax of .gitignore."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import GlobError
from ingest.sources.ignore import IgnoreRules, read_ignore_file, select


@pytest.mark.parametrize(
    ("include", "exclude", "path", "taken"),
    [
        ([], [], "a.md", True),
        (["*.pdf"], [], "a/b/Report.PDF", True),
        (["*.pdf"], [], "a/b/report.md", False),
        (["/*.md"], [], "sub/a.md", False),
        (["manuals/"], [], "old/manuals/a.md", True),
        (["manuals/**/*.md"], [], "manuals/de/a.md", True),
        (["*.md", "!draft-*"], [], "draft-1.md", False),
        (["*.md"], ["archive/"], "archive/a.md", False),
        ([], ["*.log"], "x/y.LOG", False),
        ([], ["résumé.md"], "re\u0301sume\u0301.md", False),
        (["手册/"], [], "手册/一.md", True),
    ],
)
def test_a_selection_takes_what_is_included_and_not_excluded(
    include: list[str], exclude: list[str], path: str, taken: bool
) -> None:
    assert select(include, exclude).takes(path) is taken


def test_an_excluded_folder_is_not_entered() -> None:
    selection = select(["*.md"], ["build/"])
    assert not selection.enters("a/build")
    assert selection.enters("a")


@pytest.mark.parametrize("pattern", ["", " ", "!", "/", "# note", "a\\", "[z-a]"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(GlobError, match="--exclude"):
        select([], ["*.md", pattern])


def test_the_innermost_ignore_file_decides() -> None:
    rules = IgnoreRules().joined_by("", ["*.log", "tmp/"]).joined_by("a/b", ["!keep.log", "/top.md"])
    assert rules.ignores("a/x.log")
    assert rules.ignores("a/b/x.log")
    assert not rules.ignores("a/b/keep.log")
    assert rules.ignores("a/keep.log")
    assert rules.ignores("a/b/top.md")
    assert not rules.ignores("a/b/c/top.md")
    assert rules.ignores("a/tmp", folder=True)
    assert not rules.ignores("a/tmp")


def test_an_ignore_file_is_read_whatever_its_line_ends_and_bytes(tmp_path: Path) -> None:
    path = tmp_path / "ignore"
    path.write_bytes(b"\xef\xbb\xbf*.log\r\n# note\r\n\xff.md\n")
    assert read_ignore_file(str(path)) == ["*.log", "# note", os.fsdecode(b"\xff.md")]


def test_an_ignore_file_that_is_none_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "binary").write_bytes(b"a\0b")
    (tmp_path / "huge").write_bytes(b"a\n" * 600_000)
    for name in ("pipe", "binary", "huge", "absent"):
        with pytest.raises(OSError, match=r"no regular file|no text file|more than|No such file"):
            read_ignore_file(str(tmp_path / name))


_part = st.text(alphabet="ab*?/!.[]-", min_size=1, max_size=6)


@given(_part, st.lists(st.text(alphabet="ab.", min_size=1, max_size=3), min_size=1, max_size=3))
def test_any_line_is_a_pattern_or_an_error(pattern: str, parts: list[str]) -> None:
    try:
        rules = IgnoreRules().joined_by("", [pattern])
    except ValueError:
        return
    assert rules.ignores("/".join(parts)) in (True, False)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed to compare with")
def test_files_are_ignored_as_git_ignores_them(tmp_path: Path) -> None:
    lines = [
        "*.log",
        "!keep.log",
        "build/",
        "/top.md",
        "a/**/z.md",
        "doc/*.txt",
        "[xy].md",
        "\\#odd",
        "sp ace ",
    ]
    paths = [
        "x.log", "a/keep.log", "a/b/build/q", "build", "top.md", "a/top.md", "a/z.md", "a/b/c/z.md", "b/z.md",
        "doc/n.txt", "doc/d/n.txt", "x.md", "a/y.md", "xy.md", "#odd", "sp ace", "plain.md",
    ]  # fmt: skip
    (tmp_path / ".gitignore").write_text("\n".join(lines))
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True, timeout=30)
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        cwd=tmp_path, input="\n".join(paths), capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    rules = IgnoreRules().joined_by("", lines)
    assert [path for path in paths if rules.ignores(path)] == done.stdout.splitlines()
