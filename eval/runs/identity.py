"""What a run is a run of: its cases, and everything that its answers depend on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import msgspec

from eval.answering.answerer import Served
from eval.cases.case import Case
from eval.runs.record import RunIdentity
from ingest.settings import Settings
from service.history.feedback import timestamp

LIBRARIES = (
    "faiss-cpu",
    "numpy",
    "openvino",
    "sentence-transformers",
    "tantivy",
    "tokenizers",
    "torch",
    "transformers",
    "xllamacpp",
)
"""Those that find, rank and write, of which another version may answer otherwise."""

# What the snapshot's id stands for, where things lie, and what changes the time or the price of an answer
# at most.
_WITHOUT_EFFECT = {
    "home": True,
    "collection": True,
    "embedder": True,
    "chunking": True,
    "ingest": True,
    "dense": True,
    "store": True,
    "cache": True,
    "canary": True,
    "routing": True,
    "server": {"host", "port", "max_request_bytes"},
    "rerank": {"base_url", "api_key", "timeout_seconds"},
    "generator": {
        "base_url",
        "base_urls",
        "api_key",
        "first_token_seconds",
        "timeout_seconds",
        "silent_seconds",
        "threads",
        "prompt_price",
        "completion_price",
    },
    "vllm": {"python", "port", "start_seconds"},
}
_DEVELOPED = "unreleased"


@dataclass(frozen=True, slots=True)
class CaseDigest:
    """How many cases there are, how many bring passages, and the SHA-256 of all of them in their order."""

    count: int
    with_passages: int
    sha256: str


def digest_cases(cases: Iterable[Case]) -> CaseDigest:
    """The digest of ``cases``, of which only one is held at a time."""
    encoder, digest = msgspec.json.Encoder(), hashlib.sha256()
    count = with_passages = 0
    for case in cases:
        digest.update(encoder.encode(case) + b"\n")
        count += 1
        with_passages += bool(case.passages)
    return CaseDigest(count, with_passages, digest.hexdigest())


def identify_run(
    path: Path, seed: int, cases: CaseDigest, served: Served, *, oracle: bool, asked: Settings | str
) -> RunIdentity:
    """The identity of a run.

    Args:
        path: of the cases.
        seed: of their sample.
        asked: the settings of the pipeline in this process, or the URL of the server that was asked.
    """
    url = asked if isinstance(asked, str) else None
    return RunIdentity(
        name=name_of(path),
        created_at=timestamp(datetime.now(UTC)),
        cases_path=str(path),
        cases_sha256=cases.sha256,
        case_count=cases.count,
        seed=seed,
        generator=served.generator,
        prompt_id=served.prompt_id,
        release=served.release,
        collection=None if oracle else served.collection,
        snapshot_id=None if oracle else served.snapshot_id,
        url=url,
        settings_sha256="" if isinstance(asked, str) else settings_sha256(asked),
        troika_version=_version("troika") or _DEVELOPED,
        refusal_bias=served.refusal_bias,
        libraries={} if url else {name: found for name in LIBRARIES if (found := _version(name))},
    )


def settings_sha256(settings: Settings) -> str:
    """The SHA-256 of the settings that an answer depends on, but for those that the snapshot stands for."""
    return hashlib.sha256(settings.model_dump_json(exclude=_WITHOUT_EFFECT).encode()).hexdigest()


def name_of(path: Path) -> str:
    """What a file or folder of cases is called; queries have the name of their data set's folder."""
    return path.resolve().parent.name if path.stem == "queries" else path.stem


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
