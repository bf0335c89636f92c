"""The model that is adapted: found on this machine, identified by its weights, never downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingest.errors import ModelNotFoundError
from service.generators import smollm2
from service.releases.release import model_fingerprint

EMBEDDED = "smollm2"


@dataclass(frozen=True, slots=True)
class BaseModel:
    """On disk: ``fingerprint`` is what an adapter names as its base, ``source`` a GGUF or a folder."""

    fingerprint: str
    source: Path

    @property
    def is_gguf(self) -> bool:
        return self.source.is_file()

    def checkpoint(self, home: Path) -> Path:
        """The folder that transformers reads: the source itself, or where its conversion is kept."""
        return home / "models" / self.fingerprint if self.is_gguf else self.source


def find_base_model(name_or_path: str) -> BaseModel:
    """The model that ``model.name_or_path`` means: ``smollm2``, a GGUF file, or a Hugging Face folder.

    Raises:
        ModelNotFoundError: there is no such model on this machine.
    """
    source = smollm2.gguf_path() if name_or_path == EMBEDDED else Path(name_or_path)
    if source.is_file() and source.suffix == ".gguf":
        return BaseModel(model_fingerprint(source), source)
    if (source / "config.json").is_file() and any(source.glob("*.safetensors")):
        return BaseModel(model_fingerprint(source), source)
    raise ModelNotFoundError(
        f"{name_or_path!r} is no model on this machine: expected {EMBEDDED!r}, a GGUF file, or a folder with "
        "config.json and safetensors weights."
    )
