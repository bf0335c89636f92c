from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("trl")

from finetune.cli import finetune_app
from ingest.errors import ModelNotFoundError, SettingsError, UsageError


@pytest.mark.parametrize("method", ["sft", "rm", "kto"])
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], UsageError),
        (["--data", "rows.jsonl", "model.name_or_path=nowhere"], ModelNotFoundError),
        (["--data", "rows.jsonl", "train.seed=-1"], SettingsError),
        (["--resume", "nowhere"], UsageError),
        (["--resume", "nowhere", "--adapter", "sft@1"], UsageError),
    ],
)
def test_the_methods_check_what_they_are_told(
    method: str,
    arguments: list[str],
    error: type[Exception],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TROIKA_HOME", str(tmp_path / "home"))
    result = CliRunner().invoke(finetune_app, [method, *arguments])
    assert type(result.exception) is error
