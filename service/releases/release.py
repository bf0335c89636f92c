"""Which generator is served: the base model alone, or the base model with a fine-tuned adapter.

::

    TROIKA_HOME/
        adapters/NAME/           NAME = task@sha8 of the weights; never changed once written
            adapter_model.safetensors, adapter_config.json, metrics.json
            adapter.gguf         only of a model of the llama architecture
            manifest.json        written last: an adapter without it does not exist
        releases/                which of them is served: see release_history.py

One adapter comes with the package, in the same form. Adapters are written and promoted in ``adapters.py``;
``served.py`` says which release is served while nothing was promoted.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ingest.errors import AdapterNotFoundError, AdapterRejectedError
from ingest.snapshots.durable import file_sha256
from service.prompt import PROMPT_ID
from service.releases.release_history import BASE, current_record

ADAPTERS = "adapters"
MANIFEST = "manifest.json"
WEIGHTS = "adapter_model.safetensors"
GGUF = "adapter.gguf"
PACKAGED = Path(__file__).parent / "packaged"
FORMAT = 1
ADAPTER_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}@[0-9a-f]{8}")

_FINGERPRINT_DIGITS = 16
_TOKENIZER_FILES = ("chat_template.jinja", "tokenizer.json", "tokenizer_config.json")


@dataclass(frozen=True, slots=True)
class AdapterRecord:
    """A fine-tuned adapter and what it was made from.

    ``base_model`` is a ``model_fingerprint``, ``tokenizer`` the ``tokenizer_digest`` of the same folder;
    ``files`` maps each file's name to its SHA-256. ``refusal_bias``, in logits, was fitted for it: see
    ``service.write``.
    """

    name: str
    path: Path
    sha256: str
    base_model: str
    prompt_id: str
    dataset_sha256: str
    created_at: str
    files: Mapping[str, str]
    refusal_bias: float = 0.0
    tokenizer: str | None = None

    @property
    def task(self) -> str:
        """How it was trained: the part of the name before the ``@``."""
        return self.name.partition("@")[0]

    @property
    def gguf_path(self) -> Path:
        """The form that llama.cpp loads; not every adapter has it."""
        return self.path / GGUF


@dataclass(frozen=True, slots=True)
class Release:
    """What is served. ``base_model`` is empty for the base release: it goes with whatever model is set."""

    name: str
    base_model: str
    adapter: AdapterRecord | None
    prompt_id: str
    dataset_sha256: str | None
    report_sha256: str | None

    @property
    def refusal_bias(self) -> float:
        """How many logits a refusal is brought forward by, as was fitted for the adapter."""
        return 0.0 if self.adapter is None else self.adapter.refusal_bias

    def check(self, *, base_model: str, prompt_id: str = PROMPT_ID, tokenizer: str | None = None) -> None:
        """Make sure that this release may be served on ``base_model`` with the prompt ``prompt_id``.

        ``tokenizer`` is a ``tokenizer_digest``, and compared where both sides have one.

        Raises:
            AdapterRejectedError: its adapter was trained on another model, tokenizer or prompt, or its files
                changed.
        """
        if self.adapter is None:
            return
        trained = self.adapter.tokenizer
        for what, found, expected in (
            ("base model", self.adapter.base_model, base_model),
            ("tokenizer", trained, trained if tokenizer is None else tokenizer),
            ("prompt", self.adapter.prompt_id, prompt_id),
        ):
            if found is not None and found != expected:
                raise AdapterRejectedError(
                    f"the adapter {self.adapter.name} was trained for the {what} {found}, but {expected} is "
                    "served: train it again, or go back with `troika adapters rollback`."
                )
        check_files(self.adapter)


def base_release() -> Release:
    """The base model as it comes, without an adapter."""
    return Release(BASE, "", None, PROMPT_ID, None, None)


def promoted_release(home: Path) -> Release | None:
    """The release that was promoted last, or None; while a canary runs, the one that it is held against.

    Raises:
        ReleaseHistoryError: the record of it cannot be read.
        AdapterNotFoundError: its adapter is gone.
        AdapterRejectedError: its files cannot be read.
    """
    record = current_record(home)
    return None if record is None else named_release(home, record.release, record.report_sha256)


def read_candidate(home: Path) -> Release | None:
    """The release that a share of the conversations is answered by; None without a canary.

    Raises:
        ReleaseHistoryError, AdapterNotFoundError, AdapterRejectedError: as ``promoted_release``.
    """
    record = current_record(home)
    if record is None or record.canary is None:
        return None
    return named_release(home, record.canary.release, record.canary.report_sha256)


def named_release(home: Path, name: str, report_sha256: str | None = None) -> Release:
    """The release that an adapter is, served or not; ``base`` is the base model alone.

    Raises:
        AdapterNotFoundError: no finished adapter has that name.
        AdapterRejectedError: its manifest cannot be read.
    """
    if name == BASE:
        return base_release()
    if not ADAPTER_NAME.fullmatch(name):
        raise _no_adapter(name)
    return release_of(read_adapter(adapter_folder(home, name)), report_sha256)


def release_of(adapter: AdapterRecord, report_sha256: str | None = None) -> Release:
    """The release that ``adapter`` makes of its base model."""
    return Release(
        name=adapter.name,
        base_model=adapter.base_model,
        adapter=adapter,
        prompt_id=adapter.prompt_id,
        dataset_sha256=adapter.dataset_sha256,
        report_sha256=report_sha256,
    )


def adapter_folder(home: Path, name: str) -> Path:
    """Where the adapter ``name`` lies, kept or packaged; it need not exist."""
    kept, packaged = home / ADAPTERS / name, PACKAGED / name
    return packaged if packaged.is_dir() and not kept.is_dir() else kept


def read_adapter(path: Path) -> AdapterRecord:
    """The adapter in the folder ``path``, by its manifest.

    Raises:
        AdapterNotFoundError: there is none, or it was never finished.
        AdapterRejectedError: its manifest cannot be read.
    """
    if not (path / MANIFEST).is_file():
        raise _no_adapter(path.name)
    fields = read_record(path / MANIFEST)
    files, bias = fields.get("files"), fields.get("refusal_bias", 0.0)
    tokenizer = text_field(fields, "tokenizer") if "tokenizer" in fields else None
    if fields.get("format") != FORMAT or not isinstance(files, dict):
        raise AdapterRejectedError(
            f"the manifest of the adapter {path.name} has the format {fields.get('format')!r}, expected "
            f"{FORMAT}: export the adapter again."
        )
    named = {str(name): str(sha256) for name, sha256 in cast("dict[object, object]", files).items()}
    if not isinstance(bias, int | float) or any(Path(name).name != name for name in named):
        raise AdapterRejectedError(
            f"the manifest of the adapter {path.name} has the refusal_bias {bias!r} and names the files "
            f"{', '.join(named)}: expected a number, and files of its own folder; export it again."
        )
    return AdapterRecord(
        name=path.name,
        path=path,
        sha256=text_field(fields, "sha256"),
        base_model=text_field(fields, "base_model"),
        prompt_id=text_field(fields, "prompt_id"),
        dataset_sha256=text_field(fields, "dataset_sha256"),
        created_at=text_field(fields, "created_at"),
        files=named,
        refusal_bias=float(bias),
        tokenizer=tokenizer,
    )


def check_files(adapter: AdapterRecord) -> None:
    """Compare the files of ``adapter`` with their recorded hashes.

    Raises:
        AdapterRejectedError: one is missing or was changed.
    """
    for name, expected in adapter.files.items():
        path = adapter.path / name
        found = file_sha256(path) if path.is_file() else "nothing"
        if found != expected:
            raise AdapterRejectedError(
                f"the file {name} of the adapter {adapter.name} has the SHA-256 {found}, "
                f"expected {expected}: export the adapter again, or go back with `troika adapters rollback`."
            )


def model_fingerprint(path: Path) -> str:
    """The identity of a base model: its name and the first digits of its SHA-256.

    ``path`` is a GGUF file, or a folder in the Hugging Face layout, whose weights and configuration count.
    """
    if path.is_file():
        return f"{path.stem}@{file_sha256(path)[:_FINGERPRINT_DIGITS]}"
    hashes = [file_sha256(file) for file in sorted((*path.glob("*.safetensors"), path / "config.json"))]
    return f"{path.name}@{_joined_sha256(hashes)[:_FINGERPRINT_DIGITS]}"


def tokenizer_digest(path: Path) -> str | None:
    """What a model's folder says of tokens and turns, as a SHA-256; None where it says nothing of them.

    Of a GGUF, which holds them, ``model_fingerprint`` says all.
    """
    found = [path / name for name in _TOKENIZER_FILES if (path / name).is_file()]
    return _joined_sha256([f"{file.name} {file_sha256(file)}" for file in found]) if found else None


def read_record(path: Path) -> dict[str, object]:
    """The JSON object in ``path``.

    Raises:
        AdapterRejectedError: it cannot be read or is no JSON object.
    """
    try:
        value: object = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise AdapterRejectedError(
            f"{path} cannot be read ({error}): export the adapter again, or go back with "
            "`troika adapters rollback`."
        ) from error
    if not isinstance(value, dict):
        raise AdapterRejectedError(f"{path} holds no JSON object: export the adapter again.")
    return cast("dict[str, object]", value)


def text_field(fields: Mapping[str, object], key: str) -> str:
    """The text under ``key`` of an adapter's or release's record.

    Raises:
        AdapterRejectedError: it is missing or no text.
    """
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        raise AdapterRejectedError(
            f"the record has {value!r} as its {key!r}, expected a text: export it again."
        )
    return value


def _no_adapter(name: str) -> AdapterNotFoundError:
    return AdapterNotFoundError(
        f"there is no adapter {name[:80]!r}: `troika adapters list` shows those that are kept, and "
        "`troika adapters rollback` goes back to the release before."
    )


def _joined_sha256(hashes: list[str]) -> str:
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()
