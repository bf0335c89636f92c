from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from finetune.cli import finetune_app
from finetune.data.row_files import read_examples, read_pairs, read_rankings
from finetune.data.rows import ExampleKind
from ingest.errors import UsageError
from service.prompt import TEMPLATES

ROWS = [
    {"id": str(n), "question": f"Which port has server {n}?", "gold": [0], "answer": str(n),
     "contexts": [f"Its port is {n}.", "Its rank is 16."], "answerable": True, "lang": "en"}
    for n in (8080, 8081, 8082, 8083)
]  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TROIKA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(finetune_app, ["data", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def write(name: str, *rows: dict[str, Any]) -> str:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return name


def test_build_mixes_in_general_rows_and_holds_some_questions_out(home: Path) -> None:
    general = write("general.jsonl", *({"instruction": f"Say {n}.", "output": str(n)} for n in range(9)))
    built = run("build", write("qa.jsonl", *ROWS), "--own-contexts", "--target", "sentence",
                "--replay", general, "--replay-share", "0.25", "--valid-share", "0.25")  # fmt: skip
    assert (built["examples"], built["replay"], built["held_out"]) == (4, 1, 1)
    rows = read_examples(home / "data" / "qa.sft.jsonl")
    assert min(row.target for row in rows if row.kind is ExampleKind.GOLD).startswith("Its port is 808")
    assert len(read_pairs(home / "data" / "qa.dpo.jsonl")) == 3
    assert len(read_examples(home / "data" / "qa.valid.sft.jsonl")) == 1
    assert len(read_pairs(home / "data" / "qa.valid.dpo.jsonl")) == 1


def test_what_an_earlier_build_held_out_goes_when_its_questions_are_trained_on(home: Path) -> None:
    source = write("qa.jsonl", *ROWS)
    run("build", source, "--own-contexts", "--valid-share", "0.25")
    assert run("build", source, "--own-contexts")["held_out"] == 0
    assert sorted(path.name for path in (home / "data").iterdir()) == ["qa.dpo.jsonl", "qa.sft.jsonl"]


def test_general_rows_are_a_tenth_where_no_share_is_asked_for(home: Path) -> None:
    general = write("general.jsonl", *({"instruction": f"Say {n}.", "output": str(n)} for n in range(9)))
    rows = [ROWS[0] | {"id": str(n), "question": f"Which port has server {n}?"} for n in range(9)]
    assert run("build", write("qa.jsonl", *rows), "--own-contexts", "--replay", general)["replay"] == 1


@pytest.mark.parametrize(
    ("option", "value", "partner"),
    [("--replay-share", "0", "--replay"), ("--tokenizer", "smollm2", "--longest")],
)
def test_an_option_without_the_one_it_is_about_is_refused(
    home: Path, option: str, value: str, partner: str
) -> None:
    command = ["data", "build", write("qa.jsonl", *ROWS), "--own-contexts", option, value]
    result = CliRunner().invoke(finetune_app, command)
    assert isinstance(result.exception, UsageError)
    assert f"{option} is given without {partner}," in str(result.exception)
    assert not home.exists()


def test_own_contexts_are_mixed_anew_only_where_it_is_asked_for(home: Path) -> None:
    source = write("qa.jsonl", *ROWS)
    assert run("build", source, "--own-contexts")["refusals"] == 0
    assert {len(row.sources) for row in read_examples(home / "data" / "qa.sft.jsonl")} == {2}
    assert (
        run("build", source, "--own-contexts", "--distractors", "0", "--refusal-share", "0.2")["refusals"]
        == 1
    )
    rows = read_examples(home / "data" / "qa.sft.jsonl")
    assert {len(row.sources) for row in rows} == {1}
    assert {row.target for row in rows if row.kind is ExampleKind.REFUSAL} == {TEMPLATES["en"].refusal}


def test_import_writes_rows_for_the_method_that_is_asked_for(home: Path) -> None:
    source = write("pairs.jsonl", {"prompt": "Hi?", "chosen": "Hello.", "rejected": "No."})
    imported = run("import", source, "--as", "rm")
    assert (imported["form"], imported["kind"], imported["rows"]) == ("trl", "rm", 1)
    assert Path(imported["path"]) == home / "data" / "pairs.rm.jsonl"
    assert read_rankings(Path(imported["path"]))[0].answers == ("Hello.", "No.")


@pytest.mark.parametrize(("name", "count"), [("oasst_zh", 583), ("halluqa_zh", 485)])
def test_the_development_preferences_become_pairs_and_rankings(
    home: Path, shared_data: Path, name: str, count: int
) -> None:
    source = str(shared_data / "dev" / "dpo" / f"{name}.jsonl")
    assert run("import", source)["rows"] == count
    merged = run("import", source, "--as", "rm")
    assert 0 < merged["rows"] < count
    assert len(read_rankings(Path(merged["path"]))) == merged["rows"]


def test_the_development_questions_are_built_whole(home: Path, shared_data: Path) -> None:
    source = shared_data / "dev" / "sft" / "valid.jsonl"
    built = run("build", str(source), "--own-contexts")
    assert (built["examples"], built["refusals"], built["skipped"]) == (379, 54, {})
    rows = {row.id.partition(":")[0]: row for row in read_examples(home / "data" / "valid.sft.jsonl")}
    for line in source.read_text("utf-8").splitlines():
        given = json.loads(line)
        row = rows[given["id"]]
        assert list(row.sources) == given["contexts"]
        if not given["answerable"]:
            assert row.target == TEMPLATES[row.language].refusal
        elif given["style"] == "short":
            assert row.target.lower().startswith(given["answer"][:4].lower())
