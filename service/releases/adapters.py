"""The adapters that are kept.

They never change: a name holds the hash of the weights, so it never means two things. Which of them is
served is changed in ``promotion.py``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingest.errors import AdapterRejectedError, UsageError
from ingest.snapshots.durable import file_sha256, replace_text, sync_directory, sync_tree
from service.releases.release import (
    ADAPTER_NAME,
    ADAPTERS,
    FORMAT,
    MANIFEST,
    WEIGHTS,
    AdapterRecord,
    check_files,
    read_adapter,
)

CONFIG = "adapter_config.json"
# Pickled weights (.bin, .pt) run code when they are loaded; nothing but these forms is ever taken in.
ALLOWED_SUFFIXES = frozenset({".safetensors", ".gguf", ".json", ".md", ".svg"})

_REQUIRED = (WEIGHTS, CONFIG)
_TASK = re.compile(r"[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class Provenance:
    """What an adapter was trained on, and the bias that was fitted for it: see ``AdapterRecord``."""

    base_model: str
    prompt_id: str
    dataset_sha256: str
    refusal_bias: float = 0.0
    tokenizer: str | None = None


def list_adapters(home: Path) -> list[AdapterRecord]:
    """All finished adapters, oldest first.

    Raises:
        AdapterRejectedError: a manifest cannot be read.
    """
    folder = home / ADAPTERS
    if not folder.is_dir():
        return []
    finished = [
        path for path in folder.iterdir() if ADAPTER_NAME.fullmatch(path.name) and (path / MANIFEST).is_file()
    ]
    return sorted(
        (read_adapter(path) for path in finished), key=lambda adapter: (adapter.created_at, adapter.name)
    )


def keep_adapter(home: Path, task: str, files: Sequence[Path], provenance: Provenance) -> AdapterRecord:
    """Copy the files of a new adapter into the registry; its name is ``task@`` and 8 digits of its hash.

    Keeping the same weights again returns the adapter that is there.

    Raises:
        AdapterRejectedError: a file is missing or of a form that is not taken in.
        UsageError: the weights are kept already, with another bias.
    """
    by_name = _checked_files(files)
    if not _TASK.fullmatch(task):
        raise UsageError(f"{task!r} names no task: take up to 32 lower-case letters, digits and '-'.")
    sha256 = file_sha256(by_name[WEIGHTS])
    target = home / ADAPTERS / f"{task}@{sha256[:8]}"
    if (target / MANIFEST).is_file():
        return _kept_before(target, provenance)
    with _staged(target, by_name) as staged:
        replace_text(staged / MANIFEST, _manifest(staged, sha256, provenance))
    return read_adapter(target)


def add_adapter(home: Path, folder: Path) -> AdapterRecord:
    """Copy an adapter that was kept elsewhere, with its name, into the registry; it may be there already.

    Raises:
        AdapterNotFoundError: ``folder`` holds no finished adapter.
        AdapterRejectedError: its files are not those that its manifest names, of a form that is not taken in,
            or not what its name says.
    """
    adapter = read_adapter(folder.resolve())
    by_name = _checked_files([adapter.path / name for name in adapter.files])
    check_files(adapter)
    weights = file_sha256(by_name[WEIGHTS])
    if not ADAPTER_NAME.fullmatch(adapter.name) or not adapter.name.endswith(f"@{weights[:8]}"):
        raise AdapterRejectedError(
            f"the folder {adapter.name} holds weights of the SHA-256 {weights[:8]}…, expected a name such as "
            f"sft@{weights[:8]}: call it as it was kept."
        )
    target = home / ADAPTERS / adapter.name
    if not (target / MANIFEST).is_file():
        with _staged(target, by_name) as staged:
            replace_text(staged / MANIFEST, (adapter.path / MANIFEST).read_text("utf-8"))
    return read_adapter(target)


@contextmanager
def _staged(target: Path, files: Mapping[str, Path]) -> Generator[Path]:
    """A folder with copies of ``files``, which takes its place at ``target`` once its manifest is written."""
    staged = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    try:
        for name, path in files.items():
            shutil.copyfile(path, staged / name)
        sync_tree(staged)
        yield staged
        shutil.rmtree(target, ignore_errors=True)
        os.replace(staged, target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    sync_directory(target.parent)


def _kept_before(path: Path, provenance: Provenance) -> AdapterRecord:
    kept = read_adapter(path)
    if kept.refusal_bias != provenance.refusal_bias:
        raise UsageError(
            f"{kept.name} is kept with the refusal bias {kept.refusal_bias}, and adapters never change: for "
            f"{provenance.refusal_bias} delete {path} first, or set answer.refusal_bias."
        )
    return kept


def _checked_files(files: Sequence[Path]) -> dict[str, Path]:
    by_name = {path.name: path for path in files}
    for name, path in by_name.items():
        if path.suffix not in ALLOWED_SUFFIXES or name == MANIFEST:
            raise AdapterRejectedError(
                f"{name} is not a file that an adapter may hold: expected safetensors, GGUF, JSON, Markdown "
                "and SVG only."
            )
    for name in (*_REQUIRED, *by_name):
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
        "refusal_bias": provenance.refusal_bias,
        **({} if provenance.tokenizer is None else {"tokenizer": provenance.tokenizer}),
        "files": {path.name: file_sha256(path) for path in sorted(folder.iterdir())},
    }
    return json.dumps(manifest, indent=2)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
