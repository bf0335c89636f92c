"""What the crash tests share: an ingest in this process without a model, and a collection to harm."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import pipeline
from ingest.snapshots import repair
from tests.ingest.crash.same_process import SameProcessPool
from tests.ingest.crash.scene import Scene, make_scene
from tests.ingest.crash.word_embedder import load_words


@pytest.fixture(autouse=True, scope="module")
def light() -> Iterator[None]:
    """Ingest in this process without a model and without other processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "load_embedder", load_words)
        patch.setattr(repair, "load_embedder", load_words)
        patch.setattr(pipeline, "ParserPool", SameProcessPool)
        yield


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, light: None) -> Scene:
    """A folder to ingest and a collection of its older state; see ``make_scene``."""
    return make_scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture
def home(scene: Scene, tmp_path: Path) -> Path:
    """A copy of the collection, to be harmed."""
    return Path(shutil.copytree(scene.home, tmp_path / "home"))
