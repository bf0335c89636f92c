"""Damage to a snapshot is found by verification, or it changes nothing that a reader sees."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.errors import IncompatibleSnapshotError, SnapshotCorruptError
from ingest.snapshots.collection import Collection
from ingest.snapshots.manifest import MANIFEST
from ingest.snapshots.repair import repair_collection
from ingest.snapshots.snapshot import DOCUMENTS, open_snapshot
from ingest.snapshots.verify import verify_collection, verify_snapshot
from ingest.stores.settings import StoreSettings
from tests.ingest.crash.scene import COLLECTION, Scene, settings_of, state_of, update

Damage = Callable[[Path, random.Random], None]


def current(home: Path) -> Path:
    return Collection(home, COLLECTION).require_current()


def files_of(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def flip_a_bit(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    if content:
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)


def overwrite_a_byte(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    if content:
        content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content)


def zero_a_sector(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    start = chance.randrange(0, len(content) + 1, 512)
    content[start : start + 512] = bytes(len(content[start : start + 512]))
    path.write_bytes(content)


def cut_off(path: Path, chance: random.Random) -> None:
    os.truncate(path, chance.randrange(path.stat().st_size + 1))


def empty(path: Path, chance: random.Random) -> None:
    os.truncate(path, 0)


def append(path: Path, chance: random.Random) -> None:
    with path.open("ab") as file:
        file.write(chance.randbytes(chance.randrange(1, 64)))


DAMAGES: tuple[Damage, ...] = (
    flip_a_bit,
    flip_a_bit,
    flip_a_bit,
    overwrite_a_byte,
    zero_a_sector,
    cut_off,
    append,
    empty,
)


def is_found(directory: Path) -> bool:
    """Whether verification says that something is wrong; a changed format number it takes at its word."""
    try:
        return bool(verify_snapshot(COLLECTION, directory, StoreSettings()).problems)
    except IncompatibleSnapshotError:
        return True


def put(path: Path, content: bytes) -> None:
    """Write a file anew: readers that were opened before have the old one mapped, and go on with that."""
    fresh = path.parents[3] / "fresh"
    fresh.write_bytes(content)
    os.replace(fresh, path)


def damage_often(scene: Scene, home: Path, times: int, seed: int) -> int:
    """Damage one file after the other, and mend it: what verification does not find must change nothing.

    Returns how often it found something.
    """
    chance, directory = random.Random(seed), current(home)
    paths, found = files_of(directory), 0
    for _ in range(times):
        path, damage = chance.choice(paths), chance.choice(DAMAGES)
        whole = path.read_bytes()
        put(path, whole)
        damage(path, chance)
        if is_found(directory):
            found += 1
        elif path.read_bytes() != whole:
            assert state_of(home) == scene.old, f"{damage.__name__} of {path.name} changed what is seen"
        put(path, whole)
    assert state_of(home) == scene.old
    return found


def test_five_hundred_damages_are_found_or_harmless(scene: Scene, home: Path) -> None:
    assert damage_often(scene, home, 500, seed=1) > 250


@pytest.mark.slow
def test_ten_thousand_damages_are_found_or_harmless(scene: Scene, home: Path) -> None:
    assert damage_often(scene, home, 10_000, seed=2) > 5_000


def test_every_deleted_file_is_missed(home: Path) -> None:
    directory = current(home)
    for path in files_of(directory):
        if path.suffix != ".lock":
            away = path.rename(home / "away")
            assert verify_snapshot(COLLECTION, directory, StoreSettings()).problems, path.name
            with pytest.raises(SnapshotCorruptError):
                open_snapshot(home, COLLECTION)
            away.rename(path)


def test_files_of_the_same_size_that_change_places_are_found(home: Path) -> None:
    directory, by_size = current(home), dict[int, Path]()
    swapped = 0
    for path in files_of(directory):
        other = by_size.setdefault(path.stat().st_size, path)
        if other.read_bytes() != path.read_bytes():
            swapped += 1
            swap(path, other)
            assert verify_snapshot(COLLECTION, directory, StoreSettings()).problems, path.name
            swap(path, other)
    assert swapped, "no two files are of the same size"


def swap(one: Path, other: Path) -> None:
    aside = one.rename(one.with_name("aside"))
    other.rename(one)
    aside.rename(other)


def test_any_character_of_a_manifest_that_is_changed_is_found_or_means_the_same(
    scene: Scene, home: Path
) -> None:
    directory = current(home)
    path, chance = directory / MANIFEST, random.Random(3)
    whole = path.read_bytes()
    for place in chance.sample(range(len(whole)), 300):
        changed = bytearray(whole)
        changed[place] = chance.choice(b"0123456789abcxyz.-{}, ")
        path.write_bytes(changed)
        if not is_found(directory):
            assert json.loads(bytes(changed)) == json.loads(whole), f"byte {place}"


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\0" * 40, b"../..\n", b"\xff\xfe", b"20200101T000000000000-abcdef\n"]
)
def test_a_damaged_pointer_is_named_and_mended(home: Path, scene: Scene, content: bytes) -> None:
    (home / "collections" / COLLECTION / "CURRENT").write_bytes(content)
    assert verify_collection(home, COLLECTION).problems
    for use in (lambda: open_snapshot(home, COLLECTION), lambda: update(home, scene.folder)):
        with pytest.raises(SnapshotCorruptError, match="troika collections"):
            use()
    repair_collection(settings_of(home), COLLECTION)
    assert state_of(home) == scene.old


def test_damaged_documents_are_not_built_upon(home: Path, scene: Scene) -> None:
    """Otherwise the damage would get a checksum of its own, and would never be found again."""
    path = current(home) / DOCUMENTS
    content = path.read_bytes()
    place = content.index(b"this is note") if b"this is note" in content else content.index(b"This is note")
    path.write_bytes(content[:place] + b"Thus" + content[place + 4 :])
    with pytest.raises(SnapshotCorruptError, match=r"documents\.sqlite differs from its checksum"):
        update(home, scene.folder)
    assert not list(Collection(home, COLLECTION).snapshots.glob(".staged-*"))


@pytest.mark.parametrize("part", ["vectors/*.vectors.npy", "lexical/chunks/*.idx", "twins.sqlite"])
def test_what_is_derived_is_mended(home: Path, scene: Scene, part: str) -> None:
    for path in sorted(current(home).glob(part)):
        flip_a_bit(path, random.Random(4))
    assert verify_collection(home, COLLECTION).problems
    repair_collection(settings_of(home), COLLECTION)
    assert state_of(home).vectors == scene.old.vectors
    assert state_of(home).chunks == scene.old.chunks
    update(home, scene.folder)
    assert state_of(home).documents == scene.new.documents
