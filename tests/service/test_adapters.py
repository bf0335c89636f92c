from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.errors import AdapterNotFoundError, AdapterRejectedError, UsageError
from service.adapters import Provenance, keep_adapter, list_adapters, promote, rollback
from service.prompt import PROMPT_ID
from service.release import ADAPTERS, BASE, MANIFEST, WEIGHTS, AdapterRecord, read_release

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

    monkeypatch.setattr("service.adapters.replace_text", fail)
    with pytest.raises(OSError, match="disk full"):
        keep(home, b"one")
    assert list((home / ADAPTERS).iterdir()) == []


@pytest.mark.parametrize("name", ["adapter_model.bin", "optimizer.pt", "code.py", MANIFEST])
def test_only_safetensors_gguf_and_json_are_taken_in(home: Path, name: str) -> None:
    files = trained(home.parent / "run", b"one")
    extra = home.parent / "run" / name
    extra.write_bytes(b"pickle")
    with pytest.raises(AdapterRejectedError, match="safetensors"):
        keep_adapter(home, "sft", [*files, extra], PROVENANCE)


@pytest.mark.parametrize("missing", [WEIGHTS, "adapter_config.json", "adapter.gguf"])
def test_an_incomplete_adapter_is_refused(home: Path, missing: str) -> None:
    files = [path for path in trained(home.parent / "run", b"one") if path.name != missing]
    with pytest.raises(AdapterRejectedError, match=missing):
        keep_adapter(home, "sft", files, PROVENANCE)


@pytest.mark.parametrize("name", ["sft@00000000", "../sft@00000000", "", "x" * 500])
def test_promoting_an_unknown_adapter_leaves_the_release_as_it_was(home: Path, name: str) -> None:
    first = promote(home, keep(home, b"one").name)
    with pytest.raises(AdapterNotFoundError):
        promote(home, name)
    assert read_release(home) == first


def test_an_adapter_for_another_prompt_is_not_promoted(home: Path) -> None:
    files = trained(home.parent / "run", b"one")
    record = keep_adapter(home, "sft", files, Provenance("tiny@0", "another-prompt", "d" * 64))
    with pytest.raises(AdapterRejectedError, match="prompt"):
        promote(home, record.name)
    assert read_release(home).name == BASE


def test_rolling_back_walks_through_what_was_served_before(home: Path) -> None:
    one, two = keep(home, b"one"), keep(home, b"two", "dpo")
    promote(home, one.name)
    promote(home, two.name)
    promote(home, BASE)
    assert read_release(home).name == BASE
    assert rollback(home).name == two.name
    assert rollback(home).name == one.name
    assert rollback(home).name == BASE
    assert read_release(home).name == BASE
    with pytest.raises(UsageError, match="nothing to roll back"):
        rollback(home)


def test_promoting_after_a_rollback_goes_back_to_what_was_served_then(home: Path) -> None:
    one, two, three = keep(home, b"one"), keep(home, b"two"), keep(home, b"three")
    promote(home, one.name)
    promote(home, two.name)
    rollback(home)
    promote(home, three.name)
    assert rollback(home).name == one.name


def test_the_report_that_let_a_release_through_is_kept_with_it(home: Path) -> None:
    promote(home, keep(home, b"one").name, report_sha256="e" * 64)
    assert read_release(home).report_sha256 == "e" * 64
