from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.errors import AdapterNotFoundError, AdapterRejectedError
from service.prompt import PROMPT_ID
from service.releases.adapters import Provenance, keep_adapter
from service.releases.promotion import promote
from service.releases.release import (
    MANIFEST,
    WEIGHTS,
    base_release,
    model_fingerprint,
    named_release,
    promoted_release,
    read_adapter,
    read_candidate,
)
from service.releases.release_history import BASE, current_number

BASE_MODEL = "tiny@0123456789abcdef"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def kept(home: Path, prompt_id: str = PROMPT_ID) -> str:
    folder = home.parent / "run"
    folder.mkdir(parents=True, exist_ok=True)
    for name in (WEIGHTS, "adapter_config.json", "adapter.gguf"):
        (folder / name).write_bytes(name.encode())
    return keep_adapter(
        home, "sft", sorted(folder.iterdir()), Provenance(BASE_MODEL, prompt_id, "d" * 64)
    ).name


def test_before_the_first_promotion_nothing_is_promoted(home: Path) -> None:
    assert (promoted_release(home), read_candidate(home), current_number(home)) == (None, None, None)


def test_the_base_release_goes_with_any_model() -> None:
    release = base_release()
    assert (release.name, release.adapter) == (BASE, None)
    release.check(base_model="any model")


def test_a_promoted_adapter_is_the_release(home: Path) -> None:
    name = kept(home)
    promote(home, name)
    release = promoted_release(home)
    assert release is not None
    assert release.name == name
    assert release.adapter is not None
    assert release.adapter.task == "sft"
    assert release.adapter.gguf_path.is_file()
    release.check(base_model=BASE_MODEL)


def test_an_adapter_is_a_release_before_it_is_served(home: Path) -> None:
    name = kept(home)
    assert named_release(home, name).name == name
    assert named_release(home, BASE) == base_release()
    assert promoted_release(home) is None
    for unknown in ("sft@00000000", "../sft@00000000"):
        with pytest.raises(AdapterNotFoundError):
            named_release(home, unknown)


@pytest.mark.parametrize(
    ("base_model", "prompt_id", "what"),
    [("other@0", PROMPT_ID, "base model"), (BASE_MODEL, "another-prompt", "prompt")],
)
def test_an_adapter_for_another_base_or_prompt_is_refused(
    home: Path, base_model: str, prompt_id: str, what: str
) -> None:
    release = promote(home, kept(home))
    with pytest.raises(AdapterRejectedError, match=f"for the {what}"):
        release.check(base_model=base_model, prompt_id=prompt_id)


@pytest.mark.parametrize("name", [WEIGHTS, "adapter.gguf", "adapter_config.json"])
def test_an_adapter_whose_files_changed_is_refused(home: Path, name: str) -> None:
    release = promote(home, kept(home))
    assert release.adapter is not None
    (release.adapter.path / name).write_bytes(b"other")
    with pytest.raises(AdapterRejectedError, match="SHA-256"):
        release.check(base_model=BASE_MODEL)
    (release.adapter.path / name).unlink()
    with pytest.raises(AdapterRejectedError, match="nothing"):
        release.check(base_model=BASE_MODEL)


def test_a_release_whose_adapter_is_gone_says_what_to_do(home: Path) -> None:
    release = promote(home, kept(home))
    assert release.adapter is not None
    (release.adapter.path / MANIFEST).unlink()
    with pytest.raises(AdapterNotFoundError, match="rollback"):
        promoted_release(home)


@pytest.mark.parametrize(
    "manifest", ["", "[]", "{}", '{"format": 99, "files": {}}', '{"format": 1, "files": {}}']
)
def test_a_damaged_manifest_is_refused(home: Path, manifest: str) -> None:
    path = home / "adapters" / kept(home)
    (path / MANIFEST).write_text(manifest)
    with pytest.raises(AdapterRejectedError):
        read_adapter(path)


def test_the_fingerprint_of_a_model_follows_its_weights(tmp_path: Path) -> None:
    gguf = tmp_path / "model.gguf"
    gguf.write_bytes(b"weights")
    first = model_fingerprint(gguf)
    gguf.write_bytes(b"other weights")
    assert first.startswith("model@")
    assert model_fingerprint(gguf) != first

    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
    (folder / "model.safetensors").write_bytes(b"weights")
    first = model_fingerprint(folder)
    (folder / "tokenizer.json").write_text("{}")
    assert model_fingerprint(folder) == first
    (folder / "model.safetensors").write_bytes(b"other weights")
    assert model_fingerprint(folder) != first
