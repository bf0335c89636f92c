"""What this machine has for Troika to work with, and what to do about what it lacks."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx

from ingest.choices import GeneratorKind
from ingest.embed import spec_from_settings
from ingest.embedders.model_files import local_model_directory
from ingest.errors import ModelNotFoundError, SettingsError, TroikaError
from ingest.optional import is_installed
from ingest.settings import EmbedderBackend, Settings
from ingest.snapshots.collection import list_collections
from service.generators import smollm2
from service.releases.served import served_release
from service.vllm.serving import own_command, weights_to_serve

_EXTRAS = (
    ("train", "trl", "troika finetune"),
    ("tune", "optuna", "troika eval tune"),
    ("report", "pyarrow", "cases.parquet of a report"),
    ("faiss-gpu", "faiss._gpu_build", "search on a GPU"),
    ("milvus", "pymilvus", "vectors in Milvus"),
    ("ray", "ray", "ingest on a cluster"),
    ("ocr", "rapidocr", "text of scanned pages"),
    ("postgres", "psycopg", "history in PostgreSQL"),
    ("oidc", "jwt", "bearer tokens of a provider"),
    ("mcp", "mcp", "troika mcp"),
    ("otel", "opentelemetry.sdk", "traces to a collector"),
    ("unstructured", "unstructured", "the long tail of file formats"),
)
_PROBE_SECONDS = 1.0


class State(StrEnum):
    """How a thing stands."""

    OK = "ok"
    MISSING = "missing"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ``blocks`` says that the configured service cannot work without it."""

    name: str
    state: State
    detail: str
    remedy: str = ""
    blocks: bool = False

    def line(self) -> str:
        """The finding in one line for a terminal."""
        return f"{self.state.value:8}{self.name:22}{self.detail}" + (
            f"  ->  {self.remedy}" if self.remedy else ""
        )

    def to_json(self) -> dict[str, Any]:
        """The finding as ``troika doctor --json`` prints it."""
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; nothing is loaded, downloaded or changed."""
    return [
        *_machine(),
        _home(settings.home),
        _embedder(settings),
        _generator(settings),
        _release(settings),
        *_extras(),
    ]


def _machine() -> Iterator[Finding]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield Finding(
        "machine", State.OK, f"{os.cpu_count()} cores, {memory:.0f} GiB, SQLite {sqlite3.sqlite_version}"
    )
    gpu = shutil.which("nvidia-smi") is not None
    yield Finding(
        "accelerator", State.OK if gpu else State.MISSING, "NVIDIA GPU" if gpu else "none; the CPU is used"
    )


def _home(home: Path) -> Finding:
    nearest = next(path for path in (home.absolute(), *home.absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        return Finding(
            "home", State.FAILED, f"{home} cannot be written", "set TROIKA_HOME to a folder of yours", True
        )
    names = list_collections(home)
    if not names:
        return Finding(
            "home", State.MISSING, f"{home} holds no collection", "run `troika demo` or `troika ingest PATH`"
        )
    return Finding("home", State.OK, f"{home}: {len(names)} collections ({', '.join(names[:5])})")


def _embedder(settings: Settings) -> Finding:
    try:
        spec = spec_from_settings(settings.embedder)
        if spec.backend is EmbedderBackend.OPENAI:
            return _server("embedder", settings.embedder.base_url, "embedder.base_url")
        return Finding("embedder", State.OK, f"{spec.model} at {local_model_directory(spec.model)}")
    except (ModelNotFoundError, SettingsError) as error:
        return Finding("embedder", State.MISSING, settings.embedder.preset, str(error), blocks=True)


def _generator(settings: Settings) -> Finding:
    match settings.generator.kind:
        case GeneratorKind.EXTRACTIVE:
            return Finding("generator", State.OK, "extractive, no model")
        case GeneratorKind.VLLM:
            return _vllm(settings)
        case GeneratorKind.OPENAI:
            urls = settings.generator.servers or (None,)
            found = [_server("generator", url, "generator.base_url") for url in urls]
            return next((finding for finding in found if finding.state is not State.OK), found[0])
        case GeneratorKind.LLAMA_CPP:
            if not is_installed("xllamacpp"):
                return Finding("generator", State.MISSING, "xllamacpp", "pip install xllamacpp", blocks=True)
            try:
                path = Path(settings.generator.model) if settings.generator.model else smollm2.gguf_path()
            except ModelNotFoundError as error:
                return Finding("generator", State.MISSING, "SmolLM2", str(error), blocks=True)
            if not path.is_file():
                return Finding("generator", State.MISSING, str(path), "correct generator.model", blocks=True)
            return Finding("generator", State.OK, f"llama-cpp with {path.name}")


def _vllm(settings: Settings) -> Finding:
    try:
        weights = weights_to_serve(settings)
        own_command(settings, weights)
    except (TroikaError, OSError) as error:
        return Finding("generator", State.MISSING, "vLLM", str(error), blocks=True)
    return Finding("generator", State.OK, f"vLLM with {weights.model} as {weights.served_name}")


def _server(name: str, url: str | None, setting: str) -> Finding:
    if url is None:
        return Finding(name, State.MISSING, "no server is set", f"set {setting}", blocks=True)
    try:
        response = httpx.get(f"{url.rstrip('/')}/models", timeout=_PROBE_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Finding(
            name, State.FAILED, f"{url} does not answer ({type(error).__name__})", "start it", blocks=True
        )
    return Finding(name, State.OK, f"{url} answers with status {response.status_code}")


def _release(settings: Settings) -> Finding:
    try:
        return Finding("release", State.OK, served_release(settings).name)
    except (TroikaError, OSError) as error:
        return Finding("release", State.FAILED, str(error), "troika adapters rollback", blocks=True)


def _extras() -> Iterator[Finding]:
    for extra, module, purpose in _EXTRAS:
        if _is_installed(module):
            yield Finding(f"extra {extra}", State.OK, purpose)
        else:
            yield Finding(f"extra {extra}", State.MISSING, purpose, f'pip install "troika[{extra}]"')


def _is_installed(module: str) -> bool:
    try:
        return is_installed(module)
    except ModuleNotFoundError:
        return False
