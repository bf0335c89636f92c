"""The tiny encoders, made once."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_embedder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedder as sentence-transformers keeps it."""
    pytest.importorskip("datasets")
    from tests.finetune.encoders.tiny_models import write_embedder

    return write_embedder(tmp_path_factory.mktemp("models") / "embedder")
