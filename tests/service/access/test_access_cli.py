from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ingest.errors import KeyNotFoundError, SettingsError
from service.access.cli import keys_app
from service.access.keys import split_key


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TROIKA_HOME", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(keys_app, list(arguments), catch_exceptions=False)


def test_a_key_is_printed_once_and_alone(run: Any) -> None:
    options = ["--scope", "query", "--scope", "admin", "--group", "hr", "--rate", "60/min"]
    made = run("create", "app", *options, "--quota", "10000/day", "--expires", "90d")
    told = made.stdout.strip()
    split = split_key(told)
    assert split is not None
    listed = run("list", "--json").stdout
    assert split[1] not in listed + run("list").stdout
    (row,) = json.loads(listed)
    assert row["expires_at"] > row["created_at"]
    assert (row["scopes"], row["groups"], row["rate"], row["quota"]) == (
        ["admin", "query"],
        ["hr"],
        "60/min",
        "10000/day",
    )


def test_a_key_may_ask_and_judge_unless_it_is_said_otherwise(run: Any) -> None:
    row = json.loads(run("create", "app", "--json").stdout)
    assert (row["scopes"], row["groups"], row["expires_at"]) == (["feedback", "query"], [], None)
    assert split_key(row["key"]) is not None


def test_keys_are_rotated_and_revoked(run: Any) -> None:
    first = run("create", "app").stdout.strip()
    second = run("rotate", "app", "--overlap", "1h").stdout.strip()
    assert first != second
    assert [row["state"] for row in json.loads(run("list", "--json").stdout)] == ["valid", "valid"]
    assert len(json.loads(run("revoke", "app", "--json").stdout)) == 2
    assert [row["state"] for row in json.loads(run("list", "--json").stdout)] == ["revoked", "revoked"]
    with pytest.raises(KeyNotFoundError):
        run("rotate", "app")


@pytest.mark.parametrize(
    "options", [["--rate", "60"], ["--quota", "1/week"], ["--expires", "soon"], ["--expires", "0d"]]
)
def test_what_cannot_be_read_is_said(run: Any, options: list[str]) -> None:
    with pytest.raises(SettingsError, match="expected as"):
        run("create", "app", *options)
