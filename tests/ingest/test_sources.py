"""Which files are found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.errors import PathNotFoundError
from ingest.sources import Sources, find_files


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with files, hidden files, a subfolder and links; beside it a file that is out of bounds."""
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / ".git").mkdir()
    for name in ("b.md", "a.md", "sub/c.md", ".hidden.md", ".git/config", "../outside.md"):
        (tree / name).write_text(name)
    (tree / "in.md").symlink_to("sub/c.md")
    (tree / "out.md").symlink_to("../outside.md")
    (tree / "gone.md").symlink_to("absent.md")
    (tree / "loop.md").symlink_to("loop.md")
    (tree / "up").symlink_to("..")
    os.mkfifo(tree / "pipe.md")
    return tree


def names(sources: Sources, tree: Path) -> list[str]:
    return [file.path.relative_to(tree.resolve()).as_posix() for file in sources.files]


def test_files_are_found_in_order_each_once_none_hidden_none_outside(tree: Path) -> None:
    assert names(find_files([tree, tree / "a.md", tree / "sub"]), tree) == ["a.md", "b.md", "sub/c.md"]


def test_a_file_named_outright_is_taken_whatever_its_name(tree: Path) -> None:
    assert names(find_files([tree / ".hidden.md"]), tree) == [".hidden.md"]


def test_an_address_is_absolute_and_escaped(tmp_path: Path) -> None:
    (tmp_path / "手册 1.md").write_text("x")
    [file] = find_files([tmp_path]).files
    assert file.uri == f"{tmp_path.resolve().as_uri()}/%E6%89%8B%E5%86%8C%201.md"


@pytest.mark.parametrize("name", ["absent", "absent/more", "b.md/more"])
def test_a_path_that_does_not_exist_is_named(tree: Path, name: str) -> None:
    with pytest.raises(PathNotFoundError, match=f"{name} does not exist"):
        find_files([tree, tree / name])


def test_sources_cover_what_lies_under_their_roots_and_nothing_beside_them(tree: Path) -> None:
    sources = find_files([tree / "sub", tree / "a.md"])
    base = tree.resolve().as_uri()
    assert sources.covers(f"{base}/sub/vanished.md")
    assert sources.covers(f"{base}/a.md")
    assert not sources.covers(f"{base}/b.md")
    assert not sources.covers(f"{base}/subway.md")
    assert not sources.covers(f"{base}/a.md.bak")


def test_the_whole_disk_may_be_a_root() -> None:
    assert Sources((), (Path("/").as_uri(),)).covers("file:///etc/hosts")


def test_a_folder_that_cannot_be_read_is_told_and_not_covered(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("sub"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    sources = find_files([tree])
    base = tree.resolve().as_uri()
    assert [str(error.filename) for error in sources.unreadable] == [str(tree.resolve() / "sub")]
    assert not sources.covers(f"{base}/sub/c.md")
    assert sources.covers(f"{base}/vanished.md")
