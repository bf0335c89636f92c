from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from finetune.cli import adapters_app, finetune_app
from finetune.data.row_files import read_examples, read_pairs
from ingest.errors import (
    AdapterNotFoundError,
    CollectionNotFoundError,
    PromotionRefusedError,
    ReleaseHistoryError,
    TrainingDataError,
    TroikaError,
    UsageError,
)
from ingest.settings import GeneratorSettings
from service.prompt import PROMPT_ID
from service.releases.adapters import Provenance, keep_adapter
from service.releases.promotion import promote, start_canary, take_back
from service.releases.release import WEIGHTS
from service.releases.served import first_release

ROW = {
    "id": "a", "question": "Which port?", "contexts": ["The rank is 16.", "The port is 8080."], "gold": [1],
    "answer": "8080", "answerable": True, "lang": "en",
}  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TROIKA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(app: Any, *arguments: str) -> Any:
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, TroikaError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout) if "--json" in arguments else result.output


def kept(home: Path, weights: bytes) -> str:
    folder = home.parent / "run"
    folder.mkdir(exist_ok=True)
    for name in (WEIGHTS, "adapter_config.json", "adapter.gguf"):
        (folder / name).write_bytes(weights)
    return keep_adapter(home, "sft", sorted(folder.iterdir()), Provenance("tiny@0", PROMPT_ID, "d")).name


def test_data_is_built_from_questions_that_bring_their_contexts(home: Path, tmp_path: Path) -> None:
    questions = tmp_path / "qa.jsonl"
    questions.write_text(json.dumps(ROW) + "\n")
    built = run(finetune_app, "data", "build", str(questions), "--own-contexts", "--json")
    assert (built["examples"], built["pairs"], built["snapshot_id"]) == (1, 1, None)
    assert len(read_examples(home / "data" / "qa.sft.jsonl")) == 1
    assert len(read_pairs(home / "data" / "qa.dpo.jsonl")) == 1


def test_building_from_a_missing_collection_or_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(CollectionNotFoundError):
        run(finetune_app, "data", "build", str(tmp_path / "qa.jsonl"), "--collection", "nowhere")
    with pytest.raises(TrainingDataError, match="cannot be read"):
        run(finetune_app, "data", "build", str(tmp_path / "qa.jsonl"), "--own-contexts")
    with pytest.raises(UsageError, match="--own-contexts"):
        run(finetune_app, "data", "build", "qa.jsonl", "--own-contexts", "--collection", "handbook")


def test_adapters_are_listed_and_rolled_back(home: Path) -> None:
    packaged = first_release(GeneratorSettings()).name
    listed = run(adapters_app, "list", "--json")
    assert (listed["served"], [row["name"] for row in listed["adapters"]]) == (packaged, [packaged])
    first, second = kept(home, b"one"), kept(home, b"two")
    promote(home, first)
    promote(home, second)
    listed = run(adapters_app, "list", "--json")
    assert listed["served"] == second
    assert {row["name"]: row["served"] for row in listed["adapters"]} == {
        packaged: False,
        first: False,
        second: True,
    }
    assert first in run(adapters_app, "list")
    assert run(adapters_app, "rollback", "--json")["release"] == first
    assert run(adapters_app, "promote", "base", "--json") == {
        "release": "base",
        "adapter": None,
        "prompt_id": PROMPT_ID,
        "canary": None,
    }


def test_an_adapter_is_not_promoted_without_a_report(home: Path) -> None:
    name = kept(home, b"one")
    for canary in ((), ("--canary", "5%")):
        with pytest.raises(PromotionRefusedError, match="no gate's report was given"):
            run(adapters_app, "promote", name, *canary)
    with pytest.raises(UsageError, match="expected a percentage"):
        run(adapters_app, "promote", name, "--canary", "some")
    assert run(adapters_app, "history", "--json") == {"verified": False, "releases": []}


def test_the_canary_that_runs_is_shown_with_its_guards(home: Path) -> None:
    assert run(adapters_app, "canary") == "no canary runs\n"
    name = kept(home, b"one")
    start_canary(home, name, 0.05)
    shown = run(adapters_app, "canary", "--json")["canary"]
    assert (shown["release"], shown["share"], len(shown["guards"])) == (name, 0.05, 4)
    assert f"{name} answers 5.000% since" in run(adapters_app, "canary")
    assert run(adapters_app, "rollback") == "served: base\n"


def test_the_history_says_what_replaced_what_and_why(home: Path) -> None:
    first, second = kept(home, b"one"), kept(home, b"two")
    promote(home, first)
    canary = start_canary(home, second, 0.05)
    take_back(home, canary.number, "it was slow")
    shown = run(adapters_app, "history", "--verify", "--json")
    assert shown["verified"]
    fields = ("number", "change", "release", "replaced", "ended_by")
    assert [tuple(row[field] for field in fields) for row in shown["releases"]] == [
        (1, "promoted", first, None, f"{second} was let answer 0.05 of the conversations"),
        (2, "canary", first, first, "it was slow"),
        (3, "taken_back", first, first, None),
    ]
    assert "the chain of 3 records is whole" in run(adapters_app, "history", "--verify")
    (home / "releases" / "000002.json").write_text("{}")
    with pytest.raises(ReleaseHistoryError, match="000002"):
        run(adapters_app, "history", "--verify")


def test_wrong_use_of_adapters_is_an_error_with_a_code(home: Path) -> None:
    with pytest.raises(AdapterNotFoundError):
        run(adapters_app, "promote", "sft@00000000")
    with pytest.raises(UsageError):
        run(adapters_app, "rollback")


def test_the_commands_import_no_machine_learning_library() -> None:
    heavy = [
        "torch",
        "transformers",
        "trl",
        "peft",
        "datasets",
        "gguf",
        "xllamacpp",
        "faiss",
        "openvino",
        "numpy",
    ]
    code = f"import sys, finetune.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parents[2])  # fmt: skip
    assert done.stdout.strip() == "[]"
