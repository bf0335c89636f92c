"""What the crash tests share: an ingest in this process without a model, and a collection to harm."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import pipeline
from ingest.snapshots import repair
from tests.ingest.crash.same_process import SameProcessPool
from tests.ingest.crash.scene import Scene, make_scene
from tests.ingest.crash.word_embedder import load_words

_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 1_000_000_000


@pytest.fixture(autouse=True, scope="module")
def light() -> Iterator[None]:
    """Ingest in this process without a model and without other processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "load_embedder", load_words)
        patch.setattr(repair, "load_embedder", load_words)
        patch.setattr(pipeline, "ParserPool", SameProcessPool)
        yield


@pytest.fixture(scope="module")
def quick_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in memory where there is room: forcing to disk takes no time, and a kill loses nothing."""
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _ROOM_BYTES:
        yield tmp_path_factory.mktemp("disk")
        return
    with tempfile.TemporaryDirectory(dir=_MEMORY, prefix="troika-crash-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def scene(quick_disk: Path, light: None) -> Scene:
    """A folder to ingest and a collection of its older state; see ``make_scene``."""
    (quick_disk / "scene").mkdir()
    return make_scene(quick_disk / "scene")


@pytest.fixture
def tmp_path(quick_disk: Path) -> Path:
    """In place of pytest's own, on the same disk as the scene."""
    return Path(tempfile.mkdtemp(dir=quick_disk))


@pytest.fixture
def home(scene: Scene, tmp_path: Path) -> Path:
    """A copy of the collection, to be harmed."""
    return Path(shutil.copytree(scene.home, tmp_path / "home"))
