"""A tiny model and SmolLM2, unpacked once for all tests of training and export."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.finetune.tiny_model import write_tiny_gguf

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


@dataclass(frozen=True)
class TinyBase:
    """A GGUF, the home it was unpacked in, and the folder of the unpacked checkpoint."""

    gguf: Path
    home: Path
    folder: Path
    fingerprint: str


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> TinyBase:
    pytest.importorskip("transformers")
    from finetune.training.base_model import find_base_model
    from finetune.training.checkpoint import ensure_checkpoint

    home = tmp_path_factory.mktemp("home")
    path = write_tiny_gguf(home / "tiny.gguf")
    base = find_base_model(str(path))
    return TinyBase(path, home, ensure_checkpoint(base, home), base.fingerprint)


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> TinyBase:
    """The packaged model in the place of the tiny one."""
    pytest.importorskip("transformers")
    from finetune.training.base_model import find_base_model
    from finetune.training.checkpoint import ensure_checkpoint

    home = tmp_path_factory.mktemp("smollm2")
    base = find_base_model("smollm2")
    return TinyBase(base.source, home, ensure_checkpoint(base, home), base.fingerprint)
