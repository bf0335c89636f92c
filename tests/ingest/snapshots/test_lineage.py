"""Going back leads to what a snapshot was built on, which is kept as long as that is current."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.pipeline import ingest
from ingest.request import IngestRequest
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.lineage import earlier_snapshots
from ingest.snapshots.manifest import read_manifest
from ingest.snapshots.repair import roll_back
from tests.ingest.snapshot_tools import COLLECTION, current, ingest_handbook, ingest_note

pytestmark = pytest.mark.usefixtures("words", "parsing")


def ids(settings: Settings) -> list[str]:
    return [path.name for path in Collection(settings.home, COLLECTION).published()]


@pytest.fixture
def mended(settings: Settings) -> tuple[Settings, str]:
    """Three snapshots, a roll-back to the first of them, and a fourth built on that; the first's id."""
    settings = settings.model_copy(
        update={"ingest": settings.ingest.model_copy(update={"keep_snapshots": 3})}
    )
    ingest_handbook(settings)
    good = current(settings).name
    ingest_note(settings, 1)
    ingest_note(settings, 2)
    roll_back(settings.home, COLLECTION, good)
    ingest_note(settings, 3)
    return settings, good


def test_going_back_leads_past_what_was_rejected(mended: tuple[Settings, str]) -> None:
    settings, good = mended
    assert roll_back(settings.home, COLLECTION) == good


def test_what_the_current_snapshot_was_built_on_is_kept(mended: tuple[Settings, str]) -> None:
    settings, good = mended
    assert read_manifest(current(settings)).base == good
    first, *rejected, last = ids(settings)
    assert (first, len(rejected), last) == (good, 1, current(settings).name)
    ingest_note(settings, 4)
    assert ids(settings) == [good, last, current(settings).name]


def test_those_older_than_the_line_come_last(mended: tuple[Settings, str]) -> None:
    settings, good = mended
    target = Collection(settings.home, COLLECTION)
    _, rejected, last = ids(settings)
    assert [path.name for path in earlier_snapshots(target, last)] == [good]
    assert [path.name for path in earlier_snapshots(target, rejected)] == [good]


def test_one_that_only_lacks_its_vectors_is_not_gone_back_to(settings: Settings, folder: Path) -> None:
    ingest(IngestRequest((folder,)), COLLECTION, settings)
    good = current(settings).name
    (folder / "new.txt").write_text("A text that nobody has embedded.")
    ingest(IngestRequest((folder,), lexical_first=True), COLLECTION, settings)
    assert read_manifest(current(settings)).base == good
    assert roll_back(settings.home, COLLECTION) == good
