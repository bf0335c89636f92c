"""The adapters that are kept, and the pointer that says which of them is served.

Promoting writes a release and moves one pointer file; rolling back moves it to the release before.
Adapters are immutable: a name holds the hash of its weights, so it never means two things.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingest.errors import AdapterNotFoundError, AdapterRejectedError, UsageError
from ingest.snapshots.durable import file_sha256, replace_text, sync_directory, sync_tree
from service.prompt import PROMPT_ID
from service.release import (
    ADAPTERS,
    BASE,
    CURRENT,
    FORMAT,
    GGUF,
    MANIFEST,
    RELEASE_FILE,
    RELEASES,
    WEIGHTS,
    AdapterRecord,
    Release,
    base_release,
    current_number,
    read_adapter,
    read_record,
    read_release,
    text_field,
)

CONFIG = "adapter_config.json"
# Pickled weights (.bin, .pt) run code when they are loaded; nothing but these forms is ever taken in.
ALLOWED_SUFFIXES = frozenset({".safetensors", ".gguf", ".json"})

_REQUIRED = (WEIGHTS, CONFIG, GGUF)
_TASK = re.compile(r"[a-z][a-z0-9-]{0,31}")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}@[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Provenance:
    """What an adapter was trained on: see ``AdapterRecord``."""

    base_model: str
    prompt_id: str
    dataset_sha256: str


def list_adapters(home: Path) -> list[AdapterRecord]:
    """All finished adapters, oldest first.

    Raises:
        AdapterRejectedError: a manifest cannot be read.
    """
    folder = home / ADAPTERS
    if not folder.is_dir():
        return []
    finished = [
        path for path in folder.iterdir() if _NAME.fullmatch(path.name) and (path / MANIFEST).is_file()
    ]
    return sorted(
        (read_adapter(path) for path in finished), key=lambda adapter: (adapter.created_at, adapter.name)
    )


def keep_adapter(home: Path, task: str, files: Sequence[Path], provenance: Provenance) -> AdapterRecord:
    """Copy the files of a new adapter into the registry; its name is ``task@`` and 8 digits of its hash.

    Keeping the same weights again returns the adapter that is there.

    Raises:
        AdapterRejectedError: a file is missing or of a form that is not taken in.
    """
    by_name = _checked_files(files)
    if not _TASK.fullmatch(task):
        raise UsageError(f"{task!r} names no task: take up to 32 lower-case letters, digits and '-'.")
    sha256 = file_sha256(by_name[WEIGHTS])
    target = home / ADAPTERS / f"{task}@{sha256[:8]}"
    if (target / MANIFEST).is_file():
        return read_adapter(target)
    staged = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    try:
        for name, path in by_name.items():
            shutil.copyfile(path, staged / name)
        sync_tree(staged)
        replace_text(staged / MANIFEST, _manifest(staged, sha256, provenance))
        shutil.rmtree(target, ignore_errors=True)
        os.replace(staged, target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    sync_directory(target.parent)
    return read_adapter(target)


def promote(home: Path, name: str, *, report_sha256: str | None = None) -> Release:
    """Serve the adapter ``name`` from now on; ``base`` serves the base model alone.

    Raises:
        AdapterNotFoundError: no finished adapter has that name.
        AdapterRejectedError: it was trained on another prompt than the one served, or its files changed.
    """
    if name == BASE:
        return _publish(home, None, report_sha256)
    if not _NAME.fullmatch(name):
        known = ", ".join(adapter.name for adapter in list_adapters(home)) or "none"
        raise AdapterNotFoundError(
            f"there is no adapter {name[:80]!r} (there are: {known}): name one of those."
        )
    adapter = read_adapter(home / ADAPTERS / name)
    candidate = Release(
        name, adapter.base_model, adapter, adapter.prompt_id, adapter.dataset_sha256, report_sha256
    )
    # The base model is compared when the release is opened: only then it is known which one is served.
    candidate.check(base_model=adapter.base_model, prompt_id=PROMPT_ID)
    return _publish(home, name, report_sha256)


def rollback(home: Path) -> Release:
    """Serve again what was served before the current release was promoted.

    Raises:
        UsageError: the base model is served, and nothing came before it.
    """
    number = current_number(home)
    if number is None:
        raise UsageError(
            "the base model is served, there is nothing to roll back to: promote an adapter first."
        )
    previous = read_record(home / RELEASES / number / RELEASE_FILE).get("previous")
    if previous is None:
        (home / RELEASES / CURRENT).unlink()
        sync_directory(home / RELEASES)
        return base_release()
    _point_to(home, text_field({"previous": previous}, "previous"))
    return read_release(home)


def _publish(home: Path, adapter: str | None, report_sha256: str | None) -> Release:
    record = {
        "format": FORMAT,
        "adapter": adapter,
        "report_sha256": report_sha256,
        "previous": current_number(home),
        "created_at": _now(),
    }
    _point_to(home, _write_release(home, record))
    return read_release(home)


def _checked_files(files: Sequence[Path]) -> dict[str, Path]:
    by_name = {path.name: path for path in files}
    for name, path in by_name.items():
        if path.suffix not in ALLOWED_SUFFIXES or name == MANIFEST:
            raise AdapterRejectedError(
                f"{name} is not a file that an adapter may hold: expected safetensors, GGUF and JSON only."
            )
    for name in _REQUIRED:
        if name not in by_name or not by_name[name].is_file():
            raise AdapterRejectedError(f"the adapter has no {name}: train and export it again.")
    return by_name


def _manifest(folder: Path, sha256: str, provenance: Provenance) -> str:
    manifest: Mapping[str, object] = {
        "format": FORMAT,
        "sha256": sha256,
        "base_model": provenance.base_model,
        "prompt_id": provenance.prompt_id,
        "dataset_sha256": provenance.dataset_sha256,
        "created_at": _now(),
        "files": {path.name: file_sha256(path) for path in sorted(folder.iterdir())},
    }
    return json.dumps(manifest, indent=2)


def _write_release(home: Path, record: Mapping[str, object]) -> str:
    folder = home / RELEASES
    folder.mkdir(parents=True, exist_ok=True)
    numbers = [int(path.name) for path in folder.iterdir() if path.name.isdigit()]
    number = max(numbers, default=0) + 1
    while True:
        try:
            (folder / f"{number:06}").mkdir()
            break
        except FileExistsError:
            number += 1  # another process promoted at the same moment
    replace_text(folder / f"{number:06}" / RELEASE_FILE, json.dumps(record, indent=2))
    return f"{number:06}"


def _point_to(home: Path, number: str) -> None:
    replace_text(home / RELEASES / CURRENT, number + "\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
