from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.errors import AdapterNotFoundError, AdapterRejectedError
from service.prompt import PROMPT_ID
from service.releases.adapters import Provenance, add_adapter, keep_adapter, list_adapters
from service.releases.promotion import promote
from service.releases.release import (
    ADAPTERS,
    MANIFEST,
    WEIGHTS,
    AdapterRecord,
)

PROVENANCE = Provenance("tiny@0123456789abcdef", PROMPT_ID, "d" * 64)


def trained(folder: Path, weights: bytes) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).write_bytes(weights)
    (folder / "adapter_config.json").write_text("{}")
    (folder / "adapter.gguf").write_bytes(b"gguf of " + weights)
    return sorted(folder.iterdir())


def keep(home: Path, weights: bytes, task: str = "sft") -> AdapterRecord:
    return keep_adapter(home, task, trained(home.parent / "run", weights), PROVENANCE)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_an_adapter_is_named_by_its_task_and_the_hash_of_its_weights(home: Path) -> None:
    record = keep(home, b"one")
    assert record.name == f"sft@{record.sha256[:8]}"
    assert set(record.files) == {WEIGHTS, "adapter_config.json", "adapter.gguf"}
    assert list_adapters(home) == [record]


def test_keeping_the_same_weights_again_changes_nothing(home: Path) -> None:
    first = keep(home, b"one")
    assert keep(home, b"one") == first
    assert len(list_adapters(home)) == 1


def test_an_adapter_comes_from_another_home_as_it_was_kept(home: Path, tmp_path: Path) -> None:
    elsewhere = keep(tmp_path / "elsewhere" / "home", b"one")
    added = add_adapter(home, elsewhere.path)
    assert added == replace(elsewhere, path=home / ADAPTERS / elsewhere.name)
    assert add_adapter(home, elsewhere.path) == added
    assert promote(home, added.name).name == added.name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda path: (path / "adapter.gguf").write_bytes(b"other"), "adapter.gguf"),
        (lambda path: (path / "adapter.gguf").unlink(), "has no adapter.gguf"),
        (lambda path: path.rename(path.with_name("sft@00000000")), "expected a name such as"),
        (lambda path: path.rename(path.with_name("mine")), "expected a name such as"),
        (lambda path: spoil_manifest(path, "../secret.json"), "files of its own folder"),
        (lambda path: spoil_manifest(path, "weights.bin"), "may hold"),
    ],
)
def test_an_adapter_from_elsewhere_is_not_taken_in_changed(
    home: Path, tmp_path: Path, change: Callable[[Path], object], said: str
) -> None:
    change(keep(tmp_path / "elsewhere" / "home", b"one").path)
    (found,) = (path for path in (tmp_path / "elsewhere" / "home" / ADAPTERS).iterdir() if path.is_dir())
    with pytest.raises(AdapterRejectedError, match=said):
        add_adapter(home, found)
    assert list_adapters(home) == []


def spoil_manifest(path: Path, name: str) -> None:
    """Have the manifest name one more file, and put it there."""
    (path / name).write_bytes(b"{}")
    manifest = json.loads((path / MANIFEST).read_text())
    manifest["files"][name] = hashlib.sha256(b"{}").hexdigest()
    (path / MANIFEST).write_text(json.dumps(manifest))


def test_a_half_written_adapter_is_never_listed(home: Path) -> None:
    record = keep(home, b"one")
    (record.path / MANIFEST).unlink()
    (home / ADAPTERS / f".dpo@12345678.{os.getpid()}").mkdir()
    (home / ADAPTERS / "dpo@12345678").mkdir()
    assert list_adapters(home) == []
    with pytest.raises(AdapterNotFoundError):
        promote(home, record.name)
    assert keep(home, b"one").name == record.name
    assert len(list_adapters(home)) == 1


def test_a_failed_write_leaves_nothing_behind(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path, text: str) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("service.releases.adapters.replace_text", fail)
    with pytest.raises(OSError, match="disk full"):
        keep(home, b"one")
    assert list((home / ADAPTERS).iterdir()) == []


@pytest.mark.parametrize("name", ["adapter_model.bin", "optimizer.pt", "code.py", MANIFEST])
def test_only_weights_that_run_no_code_and_texts_are_taken_in(home: Path, name: str) -> None:
    files = trained(home.parent / "run", b"one")
    extra = home.parent / "run" / name
    extra.write_bytes(b"pickle")
    with pytest.raises(AdapterRejectedError, match="safetensors"):
        keep_adapter(home, "sft", [*files, extra], PROVENANCE)


def test_an_adapter_that_llama_cpp_cannot_load_is_kept_without_that_form(home: Path) -> None:
    files = [path for path in trained(home.parent / "run", b"one") if path.name != "adapter.gguf"]
    record = keep_adapter(home, "sft", files, PROVENANCE)
    assert set(record.files) == {WEIGHTS, "adapter_config.json"}
    assert add_adapter(home.parent / "elsewhere", record.path).files == record.files


def test_a_file_that_is_to_be_kept_and_is_not_there_is_refused(home: Path) -> None:
    files = trained(home.parent / "run", b"one")
    (home.parent / "run" / "adapter.gguf").unlink()
    with pytest.raises(AdapterRejectedError, match=r"adapter\.gguf"):
        keep_adapter(home, "sft", files, PROVENANCE)


@pytest.mark.parametrize("missing", [WEIGHTS, "adapter_config.json"])
def test_an_incomplete_adapter_is_refused(home: Path, missing: str) -> None:
    files = [path for path in trained(home.parent / "run", b"one") if path.name != missing]
    with pytest.raises(AdapterRejectedError, match=missing):
        keep_adapter(home, "sft", files, PROVENANCE)
