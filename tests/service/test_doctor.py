from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from ingest.settings import GeneratorSettings, Settings, load_settings
from service.doctor import Finding, State, examine
from service.releases.release_history import CURRENT, RELEASES
from service.releases.served import first_release
from tests.service.conftest import COLLECTION


def findings(home: Path, **values: str) -> dict[str, Finding]:
    """What the doctor finds, by name, with settings given by ``section__key``."""
    overrides = {name.replace("__", "."): value for name, value in values.items()}
    settings = load_settings({"home": home, **overrides}, environment={}, directory=home.parent)
    return {finding.name: finding for finding in examine(settings)}


def test_a_working_installation_is_found_to_work(small_settings: Settings) -> None:
    found = findings(small_settings.home)
    for name in ("machine", "home", "embedder", "generator", "release"):
        assert found[name].state is State.OK
    assert COLLECTION in found["home"].detail
    assert found["release"].detail == first_release(GeneratorSettings()).name
    assert not any(finding.blocks for finding in found.values())


def test_an_empty_home_is_told_what_to_do_and_stays_empty(tmp_path: Path) -> None:
    found = findings(tmp_path / "new" / "home")
    assert found["home"].state is State.MISSING
    assert "troika ingest" in found["home"].remedy
    assert not found["home"].blocks
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_is_a_file_blocks(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder", "utf-8")
    assert findings(tmp_path / "file")["home"].blocks


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_home_that_cannot_be_written_blocks(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert findings(tmp_path / "home")["home"].blocks


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("generator", {"generator__model": "/nowhere/model.gguf"}),
        ("generator", {"generator__kind": "openai"}),
        ("generator", {"generator__kind": "openai", "generator__base_url": "http://127.0.0.1:9/v1"}),
        ("generator", {"generator__kind": "openai", "generator__base_url": "http://host:port/v1"}),
        ("embedder", {"embedder__model": "/nowhere/model"}),
        ("embedder", {"embedder__preset": "no-such-preset"}),
        ("embedder", {"embedder__backend": "openai"}),
    ],
)
def test_what_the_service_cannot_do_without_blocks_and_has_a_remedy(
    tmp_path: Path, name: str, values: dict[str, str]
) -> None:
    finding = findings(tmp_path / "home", **values)[name]
    assert finding.blocks
    assert finding.state in (State.MISSING, State.FAILED)
    assert finding.remedy


def test_a_server_that_listens_is_found(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        found = findings(tmp_path / "home", generator__kind="openai", generator__base_url=url)
    assert found["generator"].state is State.FAILED
    assert "ReadTimeout" in found["generator"].detail


def test_an_extractive_service_needs_no_model(tmp_path: Path) -> None:
    assert findings(tmp_path / "home", generator__kind="extractive")["generator"].state is State.OK


def test_a_broken_release_blocks_and_can_be_rolled_back(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / RELEASES).mkdir(parents=True)
    (home / RELEASES / CURRENT).write_text("7", "utf-8")
    finding = findings(home)["release"]
    assert (finding.state, finding.blocks) == (State.FAILED, True)
    assert finding.remedy == "troika adapters rollback"


def test_a_missing_extra_names_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.doctor.is_installed", lambda module: module == "xllamacpp")
    found = findings(tmp_path / "home")["extra ray"]
    assert (found.state, found.blocks) == (State.MISSING, False)
    assert found.remedy == 'pip install "troika[ray]"'


def test_a_finding_is_one_line_and_one_json_object() -> None:
    finding = Finding("generator", State.MISSING, "SmolLM2", "install it", blocks=True)
    assert finding.line() == "missing generator             SmolLM2  ->  install it"
    assert json.loads(json.dumps(finding.to_json())) == {
        "name": "generator",
        "state": "missing",
        "detail": "SmolLM2",
        "remedy": "install it",
        "blocks": True,
    }
