"""The folders of models: those that can be trained, and where what was trained is kept.

::

    TROIKA_HOME/models/embedder@SHA8/    or reranker@SHA8; never changed once it is there
        config.json, model.safetensors, tokenizer.json, modules.json, …    as sentence-transformers reads it
        provenance.json                  what it was made from
        metrics.json, loss.svg           the loss of each step
    TROIKA_HOME/models/embedder@SHA8.COLLECTION.json    what it was found to be worth on a collection
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import huggingface_hub
import msgspec
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

from finetune.training.job import LOSS_CURVE, METRICS, MODEL, RunMetrics
from ingest.choices import EmbedderBackend
from ingest.embed import EmbedderSpec
from ingest.embedders.model_files import local_model_directory
from ingest.errors import ModelNotFoundError, SettingsError, TrainingDataError
from ingest.snapshots.durable import file_sha256, replace_text, storage_errors, sync_directory

PROVENANCE = "provenance.json"
_WEIGHTS = "model.safetensors"
_LIBRARIES = ("sentence-transformers", "torch", "transformers")


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a model was made from: hashes are SHA-256, ``config`` is that of the run, its seed among it.

    ``mined_sha256`` is of the rows that were mined from feedback; None without them.
    """

    base_model: str
    collection: str
    snapshot: str
    questions_sha256: str
    mined_sha256: str | None
    rows_sha256: str
    rows: int
    config: Mapping[str, object]
    metrics: RunMetrics
    libraries: Mapping[str, str]


def embedder_weights(spec: EmbedderSpec) -> Path:
    """The folder with the weights of a collection's embedder.

    Raises:
        SettingsError: it is behind a server.
        ModelNotFoundError: it is not on this machine, or not in a form that can be trained.
    """
    if spec.backend is EmbedderBackend.OPENAI:
        raise SettingsError(
            f"the collection's embedder {spec.model} is behind a server, where it cannot be trained: ingest "
            "into a collection with an embedder whose weights are on this machine."
        )
    return weights_folder(spec.model)


def weights_folder(model: str) -> Path:
    """The folder of ``model``, which is ``package:NAME``, a folder, or a hub id in the local cache.

    Raises:
        ModelNotFoundError: it is not on this machine, or has no safetensors weights.
    """
    folder = _folder(model)
    if not any(folder.glob("*.safetensors")):
        raise ModelNotFoundError(
            f"the model {model!r} has no safetensors weights in {folder}, so it cannot be trained: give one "
            "in the Hugging Face layout, no export."
        )
    return folder


def keep_model(home: Path, kind: str, run: Path, provenance: Provenance) -> Path:
    """Move the model of a run to where it is kept; its name is ``kind@`` and 8 digits of its weights' hash.

    Keeping the same weights again returns the folder that is there.

    Raises:
        StorageError: it cannot be written.
    """
    trained = run / MODEL
    target = (home / "models" / f"{kind}@{file_sha256(trained / _WEIGHTS)[:8]}").resolve()
    if (target / PROVENANCE).is_file():
        return target
    with storage_errors(home):
        for name in (METRICS, LOSS_CURVE):
            shutil.copyfile(run / name, trained / name)
        replace_text(trained / PROVENANCE, msgspec.json.format(msgspec.json.encode(provenance)).decode())
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(trained, target)
        sync_directory(target.parent)
    return target


def kept_model(home: Path, name: str) -> Path:
    """The folder of a model that was trained and kept.

    Raises:
        ModelNotFoundError: there is none of that name.
    """
    folder = (home / "models" / name).resolve()
    if not (folder / PROVENANCE).is_file():
        kept = sorted(path.parent.name for path in (home / "models").glob(f"*/{PROVENANCE}"))
        raise ModelNotFoundError(
            f"no trained model {name!r} is kept (there are: {', '.join(kept) or 'none'}): train one first."
        )
    return folder


def read_provenance(folder: Path) -> Provenance | None:
    """What the model in ``folder`` was made from; None where it was not trained and kept here.

    Raises:
        TrainingDataError: the file that says so cannot be read.
    """
    path = folder / PROVENANCE
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Provenance)
    except (OSError, msgspec.MsgspecError) as error:
        raise TrainingDataError(
            f"{path} cannot be read ({error}), so that nothing tells which questions the model learned: "
            "put it back, or train from a model that was not trained here."
        ) from error


def library_versions() -> dict[str, str]:
    """The versions of the libraries that train."""
    return {name: metadata.version(name) for name in _LIBRARIES}


def _folder(model: str) -> Path:
    if model.startswith("package:") or Path(model).exists():
        return local_model_directory(model)
    try:
        return Path(cast("Any", huggingface_hub).snapshot_download(model, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise ModelNotFoundError(
            f"the model {model!r} is neither a folder nor in the local hub cache: fetch it beforehand "
            f"(hf download {model})."
        ) from error
