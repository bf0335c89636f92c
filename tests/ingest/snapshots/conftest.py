"""The small handbook, ingested once: the tests of snapshots change and damage copies of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ingest import pipeline
from ingest.embed import Embedder
from ingest.settings import Settings, load_settings
from tests.ingest.snapshot_tools import ingest_handbook


@pytest.fixture(scope="session")
def handbook(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collections of a home with the small handbook in it."""
    home = tmp_path_factory.mktemp("handbook")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "load_embedder", lambda *_: embedder)
        ingest_handbook(load_settings({"home": home}, environment={}, directory=home))
    return home / "collections"


@pytest.fixture
def published(settings: Settings, handbook: Path) -> Settings:
    """Settings of a home with the small handbook in it."""
    shutil.copytree(handbook, settings.home / "collections")
    return settings
