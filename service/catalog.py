"""What collections there are, read from their manifests without opening an index."""

from __future__ import annotations

import logging
from pathlib import Path

from ingest.errors import TroikaError
from ingest.snapshots.collection import Collection, list_collections
from ingest.snapshots.manifest import read_manifest
from service.pipelines import CollectionSummary

logger = logging.getLogger(__name__)


def published_collections(home: Path) -> list[CollectionSummary]:
    """Every collection with a readable snapshot, by name; one that cannot be read is logged and left out."""
    found: list[CollectionSummary] = []
    for name in list_collections(home):
        try:
            manifest = read_manifest(Collection(home, name).require_current())
        except TroikaError as error:
            logger.warning("collection %s is left out: %s", name, error)
            continue
        found.append(CollectionSummary(name, manifest.id, manifest.documents, manifest.chunks))
    return found
