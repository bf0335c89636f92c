"""Which files are found."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from ingest.errors import MetadataError, PathNotFoundError, UnreadableFileError
from ingest.sources.files import Sources, find_files


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


def found(folder: Path, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> list[str]:
    return names(find_files([folder], include=include, exclude=exclude), folder)


def write(folder: Path, *names: str, text: str = "text") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


def test_include_and_exclude_are_matched_below_the_root(tree: Path) -> None:
    write(tree, "sub/deep/d.txt", "sub/E.MD")
    assert found(tree, ["*.md"]) == ["a.md", "b.md", "sub/E.MD", "sub/c.md"]
    assert found(tree, ["/sub/*"], ["*.txt"]) == ["sub/E.MD", "sub/c.md"]
    assert found(tree, (), ["sub/"]) == ["a.md", "b.md", "sub/c.md"]  # the link in.md leads there
    assert names(find_files([tree / "a.md", tree / "b.md"], exclude=["b.*"]), tree) == ["a.md"]


def test_ignore_files_hold_below_their_folder(tmp_path: Path) -> None:
    write(tmp_path, "a.log", "a.md", "s/b.log", "s/keep.log", "s/t/c.log", "drafts/d.md", "s/drafts/e.md")
    write(tmp_path, ".troikaignore", text="*.log\n/drafts/\n")
    write(tmp_path, "s/.troikaignore", text="!keep.log\n")
    assert found(tmp_path) == ["a.md", "s/drafts/e.md", "s/keep.log"]


def test_gitignore_is_read_only_when_asked(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "b.md", "c.md")
    write(tmp_path, ".gitignore", text="*.md\n!c.md\n")
    write(tmp_path, ".troikaignore", text="!b.md\n")
    assert found(tmp_path) == ["a.md", "b.md", "c.md"]
    assert names(find_files([tmp_path], gitignore=True), tmp_path) == ["b.md", "c.md"]


def test_a_folder_whose_ignore_file_cannot_be_used_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "s/b.md", "s/t/c.md", "z/d.md")
    write(tmp_path, "s/.troikaignore", text="[z-a]\n")
    os.mkfifo(tmp_path / "z" / ".troikaignore")
    sources = find_files([tmp_path])
    assert names(sources, tmp_path) == ["a.md"]
    assert [failure.uri for failure in sources.failures] == [(tmp_path / n).as_uri() for n in ("s", "z")]
    assert not sources.covers((tmp_path / "s/t/c.md").as_uri())


def test_a_stamp_tells_size_and_time(tmp_path: Path) -> None:
    write(tmp_path, "a.md", text="12345")
    os.utime(tmp_path / "a.md", ns=(1, 1_700_000_000_123_456_789))
    [file] = find_files([tmp_path]).files
    assert (file.stamp.size, file.stamp.modified_ns) == (5, 1_700_000_000_123_456_789)


def test_what_a_run_was_not_asked_for_is_not_covered_but_what_is_ignored_is(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "b.log")
    write(tmp_path, ".troikaignore", text="b.log\n")
    sources = find_files([tmp_path], include=["*.md", "*.log"], exclude=["old/"])
    base = tmp_path.as_uri()
    assert sources.covers(f"{base}/gone.md")
    assert sources.covers(f"{base}/b.log")
    assert not sources.covers(f"{base}/gone.pdf")
    assert not sources.covers(f"{base}/old/gone.md")


def test_what_lies_inside_a_file_is_covered_with_it(tmp_path: Path) -> None:
    write(tmp_path, "a.zip", "b.zip", "a.zip!/c.md")
    sources = find_files([tmp_path / "a.zip"])
    base = tmp_path.as_uri()
    assert sources.covers(f"{base}/a.zip!/inner/x.md")
    assert not sources.covers(f"{base}/b.zip!/inner/x.md")
    assert not sources.covers(f"{base}/a.zip%21/c.md")
    assert find_files([tmp_path], include=["*.zip"]).covers(f"{base}/b.zip!/x.md")


def test_names_in_any_bytes_and_normal_forms_are_files_like_others(tmp_path: Path) -> None:
    raw = os.fsdecode(b"caf\xe9.md")
    write(tmp_path, "re\u0301sume\u0301.md", "résumé.md", "A.md", "a.md", raw, "new\nline.md")
    sources = find_files([tmp_path])
    assert len(sources.files) == 6
    assert f"{tmp_path.as_uri()}/caf%E9.md" in [file.uri for file in sources.files]
    assert all(file.path.is_file() and file.uri == file.path.as_uri() for file in sources.files)
    assert all(sources.covers(file.uri) for file in sources.files)


def test_a_link_to_a_folder_of_a_like_name_leads_out(tmp_path: Path) -> None:
    write(tmp_path, "root/a.md", "root!/b.md", "root2/c.md")
    for name in ("root!/b.md", "root2/c.md"):
        (tmp_path / "root" / Path(name).name).symlink_to(tmp_path / name)
    assert found(tmp_path / "root") == ["a.md"]


def test_a_pipe_named_outright_is_a_failure_and_is_not_opened(tree: Path) -> None:
    sources = find_files([tree / "pipe.md", tree / "a.md"])
    assert names(sources, tree) == ["a.md"]
    assert [type(failure.error) for failure in sources.failures] == [UnreadableFileError]


def test_very_deep_folders_are_walked(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(1010):
        deep = deep / "d"
        deep.mkdir()
    write(deep, "a.md")
    assert [file.path for file in find_files([tmp_path]).files] == [deep / "a.md"]
    # Removed from the bottom up, because the standard tools recurse.
    (deep / "a.md").unlink()
    while deep != tmp_path:
        deep.rmdir()
        deep = deep.parent


def test_sidecars_are_metadata_and_no_documents(tmp_path: Path) -> None:
    write(tmp_path, "a.pdf", "b.pdf", "b.txt", "c.md", "sub/d.md", "sub/deep/e.md")
    write(tmp_path, "a.pdf.meta.json", text='{"acl": ["hr"], "n": 1}')
    write(tmp_path, "b.meta.json", text='{"n": 2}')
    write(tmp_path, "b.txt.meta.json", text='{"n": 3}')
    write(tmp_path, "sub/.meta.json", text='{"acl": ["legal"], "site": "x"}')
    write(tmp_path, "sub/deep/.meta.json", text='{"site": "y"}')
    sources = find_files([tmp_path], metadata={"run": 7})
    assert {file.path.name: dict(file.metadata) for file in sources.files} == {
        "a.pdf": {"acl": ("hr",), "n": 1, "run": 7},
        "b.pdf": {"n": 2, "run": 7},
        "b.txt": {"n": 3, "run": 7},
        "c.md": {"run": 7},
        "d.md": {"acl": ("legal",), "site": "x", "run": 7},
        "e.md": {"acl": ("legal",), "site": "y", "run": 7},
    }
    assert sources.failures == ()


def test_options_override_sidecars(tmp_path: Path) -> None:
    write(tmp_path, "a.md")
    write(tmp_path, "a.md.meta.json", text='{"acl": ["hr"], "n": 1}')
    [file] = find_files([tmp_path], metadata={"acl": ("staff",)}).files
    assert file.metadata == {"acl": ("staff",), "n": 1}


def test_what_is_known_of_a_file_does_not_hang_on_how_it_was_named(tmp_path: Path) -> None:
    write(tmp_path, "hr/plans/re\u0301sume\u0301.md")
    write(tmp_path, "hr/.meta.json", text='{"acl": ["hr"]}')
    write(tmp_path, "hr/plans/résumé.md.meta.json", text='{"n": 1}')
    file = tmp_path / "hr/plans/re\u0301sume\u0301.md"
    (tmp_path / "link.md").symlink_to(file)
    for path in (tmp_path, tmp_path / "hr", file.parent, file, tmp_path / "link.md"):
        assert [dict(source.metadata) for source in find_files([path]).files] == [{"acl": ("hr",), "n": 1}]


def test_sidecars_named_outright_with_their_files_are_no_documents(tmp_path: Path) -> None:
    write(tmp_path, "a.md")
    write(tmp_path, "a.md.meta.json", "b.md.meta.json", text="{}")
    sources = find_files(sorted(tmp_path.iterdir()))
    assert names(sources, tmp_path) == ["a.md", "b.md.meta.json"]


@pytest.mark.parametrize(
    "content", ['{"acl": []}', '{"acl": null}', '{"acl": ["hr"]', "acl: hr", '{"acl": ["hr", ""]}', ""]
)
def test_a_broken_sidecar_fails_its_file_alone(tmp_path: Path, content: str) -> None:
    write(tmp_path, "a.md", "b.md")
    write(tmp_path, "a.md.meta.json", text=content)
    for sources in (find_files([tmp_path]), find_files([tmp_path / "a.md", tmp_path / "b.md"])):
        assert names(sources, tmp_path) == ["b.md"]
        [failure] = sources.failures
        assert failure.uri == (tmp_path / "a.md").as_uri()
        assert isinstance(failure.error, MetadataError)
        assert "a.md.meta.json" in str(failure.error)
        assert not sources.covers(failure.uri)


def test_a_broken_sidecar_of_a_folder_fails_all_of_it_once(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "hr/b.md", "hr/deep/c.md")
    write(tmp_path, "hr/.meta.json", text="{")
    (tmp_path / "link.md").symlink_to(tmp_path / "hr/b.md")
    sources = find_files([tmp_path])
    assert names(sources, tmp_path) == ["a.md"]
    assert [failure.uri for failure in sources.failures] == [
        (tmp_path / "hr").as_uri(),
        (tmp_path / "hr/b.md").as_uri(),
    ]
    assert find_files([tmp_path / "hr/deep"]).files == ()


def test_a_sidecar_that_is_a_pipe_or_a_dead_link_fails_its_file(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "b.md", "c.md")
    os.mkfifo(tmp_path / "a.md.meta.json")
    (tmp_path / "b.md.meta.json").symlink_to("absent")
    sources = find_files([tmp_path])
    assert names(sources, tmp_path) == ["c.md"]
    assert [type(failure.error) for failure in sources.failures] == [MetadataError] * 2


def test_a_sidecar_of_no_file_is_told_since_it_may_restrict_one(tmp_path: Path) -> None:
    write(tmp_path, "report.pdf", "x/y.md")
    write(tmp_path, "Report.pdf.meta.json", "x/z.meta.json", text='{"acl": ["hr"]}')
    sources = find_files([tmp_path], exclude=["x/"])
    assert names(sources, tmp_path) == ["report.pdf"]
    assert [failure.uri for failure in sources.failures] == [(tmp_path / "Report.pdf.meta.json").as_uri()]


def test_links_are_looked_up_where_there_are_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking up those of every file takes three times as long as all the rest."""
    for file in range(100):
        (tmp_path / f"{file}.md").touch()
    (tmp_path / "link.md").symlink_to(tmp_path / "1.md")
    looked_up: list[str] = []
    real = os.path.realpath

    def realpath(path: str, *, strict: bool = False) -> str:
        looked_up.append(str(path))
        return real(path, strict=strict)

    monkeypatch.setattr("ingest.sources.files.os.path.realpath", realpath)
    sources = find_files([tmp_path])
    assert [path for path in looked_up if path.endswith(".md")] == [str(tmp_path / "link.md")]
    assert len(sources.files) == 100
