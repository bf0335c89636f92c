"""Whether questions can be answered now: each thing that answers depend on, looked at once.

What answers can do without (the model server, the reranker, space on the disk for a while) leaves the server
ready, and degraded: its answers say so, too.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import (
    AdapterRejectedError,
    AnswerNotFoundError,
    GeneratorError,
    MissingExtraError,
    ModelNotFoundError,
    ReleaseHistoryError,
    TroikaError,
)
from ingest.settings import Settings
from service.catalog_schemas import CheckBody, ReadinessStatus
from service.history.history import History
from service.lifecycle.shutdown import Shutdown
from service.observe.recent import RecentFailures
from service.pipelines import PipelineProvider
from service.vllm.process import VllmProcess, VllmState

OPENING_SECONDS = 2.0
_LEAST_FREE_BYTES = 500_000_000
_NO_ANSWER_ID = "readiness"
_GENERATOR_ERRORS = (
    AdapterRejectedError,
    GeneratorError,
    MissingExtraError,
    ModelNotFoundError,
    ReleaseHistoryError,
)


@dataclass(frozen=True, slots=True)
class Readiness:
    """Looks at what a server depends on. ``vllm`` is None where it starts none of its own."""

    settings: Settings
    pipelines: PipelineProvider
    history: History
    shutdown: Shutdown
    recent: RecentFailures
    vllm: VllmProcess | None

    async def checks(self) -> dict[str, CheckBody]:
        """Each dependency by its name."""
        home = self.settings.home
        checks = {
            "server": self._check_server(),
            "home": await asyncio.to_thread(_check_home, home),
            "disk": await asyncio.to_thread(_check_disk, home),
            "history": await asyncio.to_thread(_check_history, self.history),
            **await _check_pipeline(self.pipelines, self.settings.collection),
        }
        if checks["generator"].ok:
            checks["generator"] = self._check_generator(checks["generator"])
        if self.settings.rerank.model is not None:
            checks["reranker"] = self._check_reranker()
        return checks

    def _check_server(self) -> CheckBody:
        if self.shutdown.begun:
            return CheckBody(ok=False, code="stopping", detail="the server has been told to stop")
        return CheckBody(ok=True, detail="running")

    def _check_generator(self, opened: CheckBody) -> CheckBody:
        if self.vllm is not None and self.vllm.state is not VllmState.READY:
            return _degraded(
                "generator_failed", f"vLLM is {self.vllm.state.value}; answers quote the sources"
            )
        if self.recent.generator:
            return _degraded(
                "generator_failed", "it failed when it was last asked; answers quote the sources"
            )
        return opened

    def _check_reranker(self) -> CheckBody:
        if self.recent.reranker:
            return _degraded("reranker_failed", "it failed when it was last asked; hits keep their order")
        return CheckBody(ok=True, detail=str(self.settings.rerank.model))


def status_of(checks: Mapping[str, CheckBody]) -> ReadinessStatus:
    """What the checks come to."""
    if any(check.required and not check.ok for check in checks.values()):
        return "not_ready"
    return "ready" if all(check.ok for check in checks.values()) else "degraded"


def _degraded(code: str, detail: str) -> CheckBody:
    return CheckBody(ok=False, required=False, code=code, detail=detail)


def _check_home(home: Path) -> CheckBody:
    if home.is_dir() and os.access(home, os.W_OK | os.X_OK):
        return CheckBody(ok=True, detail="writable")
    return CheckBody(ok=False, code="home_not_writable", detail="the home directory is missing or read-only")


def _check_disk(home: Path) -> CheckBody:
    try:
        free = shutil.disk_usage(home).free
    except OSError as error:
        return CheckBody(ok=False, code="home_not_writable", detail=str(error.strerror))
    if free < _LEAST_FREE_BYTES:
        return _degraded("disk_nearly_full", f"{free / 1e6:.0f} MB are free")
    return CheckBody(ok=True, detail=f"{free / 1e9:.1f} GB are free")


def _check_history(history: History) -> CheckBody:
    try:
        history.get(_NO_ANSWER_ID)
    except AnswerNotFoundError:
        pass  # as meant: the database has answered
    except TroikaError as error:
        return CheckBody(ok=False, code=error.code, detail=str(error))
    return CheckBody(ok=True, detail="open")


async def _check_pipeline(pipelines: PipelineProvider, collection: str) -> dict[str, CheckBody]:
    unknown = CheckBody(ok=False, code="not_checked", detail="known once the collection has been opened")
    try:
        async with asyncio.timeout(OPENING_SECONDS), pipelines.lease(collection) as pipeline:
            return {
                "collection": CheckBody(ok=True, detail=f"{collection} at snapshot {pipeline.snapshot.id}"),
                "generator": CheckBody(ok=True, detail=pipeline.generator.name),
            }
    except TimeoutError:
        opening = CheckBody(ok=False, code="opening", detail=f"{collection} is still being opened")
        return {"collection": opening, "generator": unknown}
    except TroikaError as error:
        failed = CheckBody(ok=False, code=error.code, detail=str(error))
        if isinstance(error, _GENERATOR_ERRORS):
            opened = CheckBody(ok=True, detail=f"{collection} is published")
            return {"collection": opened, "generator": failed}
        return {"collection": failed, "generator": unknown}
