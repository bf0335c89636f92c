"""Which release answers: what was promoted, and until then the adapter that comes with the package.

It goes with the packaged model alone; another model that is set answers as it comes until an adapter of its
own is promoted.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ingest.choices import GeneratorKind
from ingest.settings import Settings
from ingest.settings_generator import GeneratorSettings
from service.generators import smollm2
from service.prompt import PROMPT_ID
from service.releases.adapters import list_adapters
from service.releases.release import (
    PACKAGED,
    AdapterRecord,
    Release,
    base_release,
    model_fingerprint,
    promoted_release,
    read_adapter,
    release_of,
)
from service.releases.release_history import ReleaseRecord, came_with_package, current_record


def served_release(settings: Settings) -> Release:
    """The release that is served; while a canary runs, the one that it is held against.

    Raises:
        ReleaseHistoryError, AdapterNotFoundError, AdapterRejectedError: as ``promoted_release``.
        ModelNotFoundError: the packaged model is to answer and is not installed.
    """
    promoted = None if served_record(settings) is None else promoted_release(settings.home)
    return promoted or first_release(settings.generator)


def served_name(settings: Settings) -> str:
    """The name of ``served_release``, without a look at its files."""
    record = served_record(settings)
    return record.release if record is not None else first_release(settings.generator).name


def served_record(settings: Settings) -> ReleaseRecord | None:
    """The record that says what is served; None while nothing was promoted that goes with the model set.

    Raises:
        ReleaseHistoryError: a record cannot be read.
    """
    record = current_record(settings.home)
    if record is None or _is_packaged(settings.generator) or not came_with_package(settings.home, record):
        return record
    return None


def first_release(generator: GeneratorSettings) -> Release:
    """What is served while nothing was promoted.

    Raises:
        ModelNotFoundError: the packaged model is to answer and is not installed.
    """
    if not _is_packaged(generator):
        return base_release()
    served_with = (_fingerprint(smollm2.gguf_path()), PROMPT_ID)
    for folder in sorted(PACKAGED.iterdir()):
        adapter = read_adapter(folder)
        if (adapter.base_model, adapter.prompt_id) == served_with:
            return release_of(adapter)
    return base_release()


def usable_adapters(settings: Settings) -> list[AdapterRecord]:
    """The kept adapters, oldest first, after the one that comes with the package for this model.

    Raises:
        AdapterRejectedError: a manifest cannot be read.
        ModelNotFoundError: as ``first_release``.
    """
    kept = list_adapters(settings.home)
    first = first_release(settings.generator).adapter
    return kept if first is None or first.name in {adapter.name for adapter in kept} else [first, *kept]


def _is_packaged(generator: GeneratorSettings) -> bool:
    """Whether the packaged model answers."""
    return generator.kind is GeneratorKind.LLAMA_CPP and generator.model is None


@cache
def _fingerprint(packaged_model: Path) -> str:
    return model_fingerprint(packaged_model)
