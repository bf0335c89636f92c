"""All settings of Troika, read once at the edge and frozen from there on.

Precedence, highest first: command line, environment (``TROIKA_SECTION__KEY``), ``troika.toml`` in the
working directory (or the file that ``TROIKA_CONFIG`` names), defaults. An unknown key is an error.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, SecretStr, ValidationError

from ingest.choices import (
    ChunkingStrategy,
    DenseKind,
    EmbedderBackend,
    FusionKind,
    LexicalEngine,
)
from ingest.dotted_keys import nest
from ingest.errors import SettingsError
from ingest.settings_access import AuthSettings, LimitSettings
from ingest.settings_answer import AnswerSettings, GroundingSettings
from ingest.settings_canary import CanarySettings
from ingest.settings_generator import GeneratorSettings
from ingest.settings_history import HistorySettings
from ingest.settings_jobs import JobSettings
from ingest.settings_observe import ObserveSettings
from ingest.settings_routing import RoutingSettings
from ingest.settings_section import Fraction, Positive, Section
from ingest.settings_server import ServerSettings
from ingest.settings_sources import read_environment, read_file
from ingest.settings_vllm import VllmSettings
from ingest.stores.settings import StoreSettings


class EmbedderSettings(Section):
    """The model that turns text into vectors; fixed for a collection by its first ingest."""

    preset: str = Field(
        default="minilm", description="minilm, qwen3-embedding-0.6b, bge-m3, bge-large-zh-v1.5 …"
    )
    model: str | None = Field(
        default=None, description="folder, hub id or served name in place of the preset's"
    )
    backend: EmbedderBackend | None = Field(default=None, description="overrides the preset's engine")
    base_url: str | None = Field(default=None, description="OpenAI-compatible server for backend openai")
    api_key: SecretStr | None = None
    batch_size: Positive = 16
    threads: Positive = Field(default=2, description="threads of the embedder")


class ChunkingSettings(Section):
    """How documents are cut, in tokens of the embedder's own tokenizer.

    A chunk repeats at most ``overlap_tokens`` of the one before, and half of it at most; ``window_sentences``
    are read on each side (sentence-window), and ``parent_tokens`` of a section (parent-child).
    """

    strategy: ChunkingStrategy = ChunkingStrategy.STRUCTURE
    max_tokens: Annotated[int, Field(ge=32, le=8192)] = 128
    context_tokens: Annotated[int, Field(ge=0, le=512)] = Field(
        default=48, description="at most this many tokens of title and headings before each chunk's text"
    )
    overlap_tokens: Annotated[int, Field(ge=0, le=4096)] = 0
    window_sentences: Annotated[int, Field(ge=0, le=20)] = 2
    parent_tokens: Annotated[int, Field(ge=32, le=32768)] = 512


class IngestSettings(Section):
    """What a bulk ingest accepts."""

    max_file_megabytes: Positive = 100
    max_text_characters: Positive = Field(default=50_000_000, description="most text of one file")
    parse_seconds: Annotated[float, Field(gt=0)] = Field(
        default=60.0, description="longest time that one file may take"
    )
    parse_megabytes: Annotated[int, Field(ge=200)] = Field(
        default=1000, description="most memory of a process that parses"
    )
    workers: Positive | None = Field(default=None, description="processes that parse; default one a core")
    near_duplicates: bool = Field(default=True, description="index chunks that say the same once")
    keep_snapshots: Positive = 3
    allow_private_addresses: bool = Field(
        default=False, description="fetch pages of this machine and of private networks, too"
    )
    user_agent: Annotated[str, Field(pattern=r"^[!-~][ -~]*$")] = Field(
        default="Troika/0.1 (document indexer)",
        description="what web servers are told when pages are fetched",
    )
    fetch_seconds: Annotated[float, Field(gt=0)] = Field(
        default=60.0, description="longest time that one page may take, without the pauses before retries"
    )
    fetch_connections: Annotated[int, Field(ge=1, le=32)] = Field(
        default=4, description="pages fetched at the same time"
    )


class DenseSettings(Section):
    """How vectors are searched; a change takes effect with the next ingest that changes something."""

    index: DenseKind | Literal["auto"] = Field(
        default="auto", description="auto, flat, pq, ivf or hnsw; auto is flat for small collections, else pq"
    )
    exact_below: Positive = Field(
        default=20_000, description="auto: with fewer vectors than this, each is compared with the question"
    )


class RetrievalSettings(Section):
    """How passages are found. ``depth`` and ``dense_weight`` that are set go before what was fitted."""

    depth: Positive = Field(default=100, description="candidates taken from each index before fusion")
    dense_weight: Fraction = Field(
        default=0.5, description="0 for words alone, 1 for vectors alone; see service/retrieval/fuse.py"
    )
    fusion: FusionKind = Field(
        default=FusionKind.CONVEX, description="convex (of scores) or rrf (of reciprocal ranks)"
    )
    lexical_engine: LexicalEngine = Field(
        default=LexicalEngine.INDEX,
        description="index (of the collection), or rank-bm25: slow, all in memory, to compare it with",
    )
    groups: tuple[str, ...] = Field(
        default=(),
        description="groups whose restricted documents (acl) may be shown, besides the public ones",
    )
    passages: Annotated[int, Field(ge=1, le=50)] = Field(
        default=3, description="passages given to the generator at most"
    )
    passage_tokens: Positive | None = Field(
        default=None,
        description="tokens of all passages together; default 220 for llama-cpp on a CPU, 4000 for openai",
    )
    neighbours: Annotated[int, Field(ge=0, le=10)] | None = Field(
        default=None,
        description="chunks of its section read on each side of a passage; default 1 for openai, else 0",
    )
    diversity: Fraction = Field(default=0.0, description="share of newness against score (MMR); 0 is off")
    multi_query: Annotated[int, Field(ge=0, le=5)] = Field(
        default=0, description="other wordings of the question, by the generator, searched beside it"
    )
    hyde: bool = Field(default=False, description="search for a supposed answer, by the generator, as well")


class RerankSettings(Section):
    """The model that orders the best hits anew; off without one. ``margin`` is of scores from 0 to 1."""

    model: str | None = Field(default=None, description="folder or hub id, or the name that a server knows")
    base_url: str | None = Field(default=None, description="server with /rerank, for example vLLM's …/v1")
    api_key: SecretStr | None = None
    depth: Annotated[int, Field(ge=2, le=50)] = Field(default=20, description="hits that are reranked")
    margin: Fraction = Field(default=0.3, description="lead of the first hit that leaves nothing to rerank")
    timeout_seconds: Annotated[float, Field(gt=0)] = 5.0


class CacheSettings(Section):
    """Which answers are given again. ``similarity`` is the least cosine of questions that mean the same."""

    exact: bool = Field(default=True, description="answer the same question as it was answered before")
    semantic: bool = Field(
        default=False, description="also a question that means the same and finds the same passages"
    )
    similarity: Fraction = 0.85
    entries: Positive = Field(default=10_000, description="answers kept; the longest unused go first")


class Settings(Section):
    """The whole configuration."""

    home: Path = Field(default=Path(".troika"), description="where all state lives")
    collection: str = Field(default="default", description="the collection used when none is named")
    embedder: EmbedderSettings = EmbedderSettings()
    chunking: ChunkingSettings = ChunkingSettings()
    ingest: IngestSettings = IngestSettings()
    dense: DenseSettings = DenseSettings()
    store: StoreSettings = StoreSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    rerank: RerankSettings = RerankSettings()
    answer: AnswerSettings = AnswerSettings()
    grounding: GroundingSettings = GroundingSettings()
    generator: GeneratorSettings = GeneratorSettings()
    vllm: VllmSettings = VllmSettings()
    cache: CacheSettings = CacheSettings()
    canary: CanarySettings = CanarySettings()
    routing: RoutingSettings = RoutingSettings()
    server: ServerSettings = ServerSettings()
    history: HistorySettings = HistorySettings()
    jobs: JobSettings = JobSettings()
    auth: AuthSettings = AuthSettings()
    limits: LimitSettings = LimitSettings()
    observe: ObserveSettings = ObserveSettings()


class Origin(StrEnum):
    """Where a setting's value came from."""

    COMMAND_LINE = "command line"
    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


def load_settings(
    overrides: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    directory: Path = Path(),
) -> Settings:
    """Read the settings from all sources.

    Args:
        overrides: values from the command line by dotted key, for example ``{"server.port": 9000}``;
            None values are ignored.
        environment: the variables to read.
        directory: where ``troika.toml`` is looked for.

    Raises:
        SettingsError: a key is unknown, a value has the wrong type, or the file is not TOML.
    """
    return load_settings_with_origins(overrides, environment=environment, directory=directory)[0]


def load_settings_with_origins(
    overrides: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    directory: Path = Path(),
) -> tuple[Settings, dict[str, Origin]]:
    """As ``load_settings``, with the origin of each leaf by its dotted key."""
    layers = (
        (Origin.FILE, read_file(environment, directory)),
        (Origin.ENVIRONMENT, read_environment(environment)),
        (Origin.COMMAND_LINE, {k: v for k, v in (overrides or {}).items() if v is not None}),
    )
    values: dict[str, Any] = {}
    origins = dict.fromkeys(leaf_keys(), Origin.DEFAULT)
    for origin, layer in layers:
        for key, value in layer.items():
            if key not in origins:
                raise SettingsError(
                    f"unknown setting {key!r} from the {origin}: `troika config show` lists the known ones."
                )
            values[key] = value
            origins[key] = origin
    try:
        return Settings.model_validate(nest(values)), origins
    except ValidationError as error:
        raise _invalid(error, origins) from None  # the library's own text would show a secret


def _invalid(error: ValidationError, origins: Mapping[str, Origin]) -> SettingsError:
    """The first of the errors, by the setting's own name and without a secret's value."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    key = next((known for known in origins if f"{place}.".startswith(f"{known}.")), place)
    found = "no valid secret" if key.endswith(("api_key", "token")) else repr(first.get("input"))
    return SettingsError(
        f"setting {key!r} is {found}: {first['msg']}; correct it in the {origins.get(key, 'configuration')}."
    )


def leaf_keys(section: type[BaseModel] = Settings, prefix: str = "") -> Iterator[str]:
    """The dotted keys of all settings, in the order they are declared."""
    for name, info in section.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from leaf_keys(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"
