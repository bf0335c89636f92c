"""Are the weights that vLLM serves, and the adapter that it is to load, what their names say?"""

from __future__ import annotations

from pathlib import Path
from typing import cast

from ingest.errors import AdapterRejectedError
from ingest.snapshots.durable import file_sha256
from service.releases.adapters import ALLOWED_SUFFIXES, CONFIG
from service.releases.release import (
    ADAPTERS,
    MANIFEST,
    WEIGHTS,
    AdapterRecord,
    check_files,
    model_fingerprint,
    read_record,
)

MODELS = "models"
MERGE = "merge.json"
"""Written by ``troika finetune export --merged`` beside the weights that it makes."""


def fingerprint_of(root: str | None, home: Path) -> str:
    """What adapters name as their base if they were trained on the weights in the folder ``root``.

    A folder among the models of ``home`` was unpacked from the GGUF whose fingerprint is its name.

    Raises:
        AdapterRejectedError: there is no such folder on this machine, so nothing can be compared, or it holds
            weights that an adapter was merged into.
    """
    folder = Path(root or "")
    if root is None or not (folder / "config.json").is_file():
        raise AdapterRejectedError(
            f"vLLM serves {root}, which is no folder here, so the adapter's base cannot be compared with it: "
            "start it with a model's folder that this machine sees under the same path."
        )
    if (folder / MERGE).is_file():
        raise AdapterRejectedError(
            f"vLLM serves {folder.name}, into which an adapter is merged, and no other can join it: start "
            "`troika serve` again to change the release, or set vllm.max_lora_rank to serve adapters alone."
        )
    if "@" in folder.name and folder.resolve().parent == (home / MODELS).resolve():
        return folder.name
    return model_fingerprint(folder)


def is_merged_from(folder: Path, adapter: AdapterRecord) -> bool:
    """Whether ``folder`` holds the base of ``adapter`` with the adapter merged in, unchanged since."""
    if not (folder / MERGE).is_file():
        return False
    record = read_record(folder / MERGE)
    if record.get("adapter_sha256") != adapter.sha256 or record.get("base_model") != adapter.base_model:
        return False
    files = record.get("files")
    return isinstance(files, dict) and all(
        (folder / name).is_file() and file_sha256(folder / name) == sha256
        for name, sha256 in cast("dict[str, str]", files).items()
    )


def verified_folder(adapter: AdapterRecord, home: Path) -> Path:
    """The folder of ``adapter``, absolute, once nothing in it can be anything else than what was kept.

    Raises:
        AdapterRejectedError: it lies elsewhere, holds other files, or they were changed.
    """
    folder = adapter.path.resolve()
    if folder.parent != (home / ADAPTERS).resolve():
        raise _rejected(adapter, f"lies in {folder.parent}, not in {home / ADAPTERS}")
    check_files(adapter)
    if {WEIGHTS, CONFIG} - adapter.files.keys():
        raise _rejected(adapter, f"has no {WEIGHTS} or no {CONFIG}")
    sha256 = adapter.files[WEIGHTS]
    if sha256 != adapter.sha256 or not adapter.name.endswith(f"@{sha256[:8]}"):
        raise _rejected(adapter, "is not named by the hash of its weights")
    # vLLM would read more than the weights: what is not on the manifest may be code, or a tokenizer.
    for path in folder.iterdir():
        is_known = path.name in adapter.files and path.suffix in ALLOWED_SUFFIXES
        if (path.name != MANIFEST and not is_known) or path.is_symlink() or "token" in path.name:
            raise _rejected(adapter, f"holds {path.name}, which was not kept with it")
    return folder


def _rejected(adapter: AdapterRecord, why: str) -> AdapterRejectedError:
    return AdapterRejectedError(f"the adapter {adapter.name} {why}: export it again.")
