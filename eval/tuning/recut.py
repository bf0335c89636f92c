"""The documents of a collection, cut in another way: a collection beside it, for as long as tuning takes.

It begins as the collection's own snapshot, whose files are linked. So no source is read again, the text and
the access lists are those that are served, and a chunk that stays as it was keeps its vector.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict

from ingest.choices import StoreKind
from ingest.chunking.chunk import ChunkingSpec
from ingest.errors import UsageError
from ingest.pipeline import ingest_documents
from ingest.settings import Settings
from ingest.snapshots.collection import STAGED_PREFIX, UNPUBLISHED, Collection, list_collections
from ingest.snapshots.manifest import read_manifest


def recut(settings: Settings, collection: str) -> str:
    """The collection that holds the documents of ``collection`` cut as the settings say; made if absent.

    It is ``collection`` itself where that is cut so. An interrupted run goes on where it ended.

    Raises:
        UsageError: the collection is in Milvus, where no second one can stand on its rows.
        CollectionBusyError: another process is at the same.
    """
    source = Collection(settings.home, collection)
    directory = source.require_current()
    manifest = read_manifest(directory)
    chunking = ChunkingSpec.from_settings(settings.chunking)
    if manifest.chunking == chunking:
        return collection
    if manifest.store.kind is StoreKind.MILVUS:
        raise UsageError(
            f"the collection {collection!r} is in Milvus, and only one in files can be cut in other ways: "
            "give --keep-index, or tune a copy of it in files."
        )
    target = Collection(settings.home, _family(collection) + _digest([manifest.id, asdict(chunking)]))
    if target.current_id() is None:
        _link(source, target)
    keep_one = settings.ingest.model_copy(update={"keep_snapshots": 1})
    ingest_documents((), target.name, settings.model_copy(update={"ingest": keep_one}))
    return target.name


def drop_recut(settings: Settings, collection: str) -> None:
    """Delete all that ``recut`` made of the collection, also of snapshots before the current one."""
    for name in list_collections(settings.home):
        if name.startswith(_family(collection)):
            Collection(settings.home, name).drop()


def _family(collection: str) -> str:
    """What the names of all collections begin with that are made of this one."""
    return f"tune-{collection[:32]}-{_digest(collection)}-"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def _link(source: Collection, target: Collection) -> None:
    """Let ``target`` begin as the current snapshot of ``source``."""
    snapshot = source.require_current()
    with target.writing():
        staged = target.snapshots / f"{STAGED_PREFIX}{snapshot.name}"
        shutil.copytree(snapshot, staged, copy_function=os.link)
        (staged / UNPUBLISHED).touch()
        published = staged.rename(target.snapshots / snapshot.name)
        target.publish(snapshot.name)
        (published / UNPUBLISHED).unlink()
