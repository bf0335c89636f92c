"""Which base model a converted file stands for: adapters name their base by its weights as they were trained.

A GGUF that was converted from other weights has a small file beside it, ``NAME.origin.json``, that says from
which, and of which GGUF it says so.
"""

from __future__ import annotations

import json
from pathlib import Path

from ingest.snapshots.durable import file_sha256, replace_text
from service.releases.release import model_fingerprint, read_record, text_field


def write_origin(path: Path, base_model: str) -> None:
    """Note that the GGUF at ``path`` is ``base_model``, a ``model_fingerprint``, in another form."""
    record = {"base_model": base_model, "sha256": file_sha256(path)}
    replace_text(_origin(path), json.dumps(record, indent=2) + "\n")


def base_of(path: Path) -> str:
    """What the adapters that go with the GGUF at ``path`` name as their base.

    Raises:
        AdapterRejectedError: the note beside it cannot be read.
    """
    if _origin(path).is_file():
        record = read_record(_origin(path))
        if text_field(record, "sha256") == file_sha256(path):
            return text_field(record, "base_model")
    return model_fingerprint(path)


def _origin(path: Path) -> Path:
    return path.with_suffix(".origin.json")
