"""Tuning as the command line runs it, on the real embedder and index."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from eval.cli import eval_app
from ingest.errors import CasesError, CollectionNotFoundError, UsageError
from ingest.pipeline import ingest_paths
from ingest.settings import Origin, Settings, load_settings, load_settings_with_origins
from ingest.snapshots.collection import list_collections

ANIMALS = ("otter", "heron", "badger", "lynx", "marten", "stoat", "vole", "shrew")
FACTS = ("weighs", "eats", "sleeps")


@pytest.fixture
def cases(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of a file with cases about a page for each animal."""
    pages = tmp_path / "pages"
    pages.mkdir()
    rows: list[dict[str, object]] = []
    for number, animal in enumerate(ANIMALS):
        lines = [f"The {animal} {fact} {number + 2} of what others do." for fact in FACTS]
        (pages / f"{animal}.md").write_text("\n\n".join(lines), "utf-8")
        rows += [
            {
                "id": f"{animal}-{fact}",
                "question": f"What is known of the {animal} that {fact}?",
                "language": "en",
                "answerable": True,
                "answers": [line],
                "document": f"{animal}.md",
            }
            for fact, line in zip(FACTS, lines, strict=True)
        ]
    path = tmp_path / "cases.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TROIKA_HOME", str(settings.home))
    return path


@pytest.fixture
def animals(cases: Path, settings: Settings) -> Path:
    """The same, with the pages published."""
    ingest_paths([cases.parent / "pages"], "default", settings)
    return cases


def tune(*arguments: str) -> dict[str, Any]:
    """Run ``troika eval tune`` and read the one JSON document on its standard output."""
    result = CliRunner().invoke(eval_app, ["tune", *arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    return json.loads(result.stdout)


def test_a_search_is_reported_and_leaves_nothing_but_its_folder(animals: Path, settings: Settings) -> None:
    out = animals.parent / "out"
    arguments = ("--cases", str(animals), "--trials", "3", "--out", str(out), "--max-latency-ms", "60000")
    found = tune(*arguments)
    assert (found["cases"], found["trials"], found["collection"]) == (24, 3, "default")
    assert found["measured"][0] == found["current"]
    assert {trial["settings"]["chunking.max_tokens"] for trial in found["measured"]} == {128, 64, 256}
    low, high = found["interval"]
    assert low <= found["difference"] <= high
    assert found["current"]["mean"] > 0.9
    assert not found["established"]
    assert not (out / "troika.toml").exists()
    assert json.loads((out / "tuning.json").read_text("utf-8")) == found
    assert list_collections(settings.home) == ["default"]


def test_a_search_that_is_run_again_measures_nothing_and_may_be_forced_to_write(animals: Path) -> None:
    out = animals.parent / "out"
    arguments = ("--cases", str(animals), "--keep-index", "--trials", "4", "--out", str(out))
    first = tune(*arguments)
    again = tune(*arguments, "--timeout", "0", "--force")
    assert again["measured"] == first["measured"]
    with (out / "troika.toml").open("rb") as file:
        written = tomllib.load(file)
    _, origins = load_settings_with_origins(environment={}, directory=out)
    assert {key for key, origin in origins.items() if origin is Origin.FILE} == {
        f"{section}.{key}" for section, values in written.items() for key in values
    }
    shown = CliRunner().invoke(eval_app, ["tune", *arguments], catch_exceptions=False).stdout
    assert f"24 cases of cases.jsonl, {len(first['measured'])} settings" in shown
    assert "no gain is established" in shown
    assert not (out / "troika.toml").exists()


@pytest.mark.slow
def test_answers_are_judged_with_how_much_is_read(animals: Path) -> None:
    arguments = ("--cases", str(animals), "--objective", "f1", "--generator", "extractive", "--keep-index")
    found = tune(*arguments, "--trials", "2")
    assert {"retrieval.passages", "retrieval.passage_tokens"} < set(found["current"]["settings"])
    assert 0.3 < found["current"]["mean"] <= 1.0


@pytest.mark.parametrize(
    ("arguments", "error", "reason"),
    [
        ((), UsageError, "give --cases or --dataset"),
        (("--cases", "nowhere.jsonl"), CasesError, "cannot be read"),
        (("--cases", "cases.jsonl", "--collection", "none"), CollectionNotFoundError, "none"),
    ],
)
def test_wrong_use_is_a_usage_error(
    cases: Path, arguments: tuple[str, ...], error: type[UsageError], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        CliRunner().invoke(eval_app, ["tune", *arguments], catch_exceptions=False)


def test_a_collection_that_was_cut_otherwise_than_is_set_is_refused(
    animals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TROIKA_CHUNKING__MAX_TOKENS", "99")
    with pytest.raises(UsageError, match="bring it up to date"):
        tune("--cases", str(animals))


def test_a_configuration_that_a_person_wrote_is_not_overwritten(cases: Path) -> None:
    written = cases.parent / "troika.toml"
    written.write_text("[server]\nport = 9000\n", "utf-8")
    with pytest.raises(UsageError, match="name another folder"):
        tune("--cases", str(cases), "--out", str(cases.parent))
    assert load_settings(environment={}, directory=cases.parent).server.port == 9000
