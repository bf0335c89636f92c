"""Is the process alive, and can it answer?"""

from __future__ import annotations

import asyncio
import os
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from ingest.errors import (
    AdapterRejectedError,
    GeneratorError,
    MissingExtraError,
    ModelNotFoundError,
    ReleaseHistoryError,
    TroikaError,
)
from ingest.settings import Settings
from service.catalog_schemas import CheckBody, HealthBody, ReadinessBody
from service.pipelines import PipelineProvider

OPENING_SECONDS = 2.0
_GENERATOR_ERRORS = (
    AdapterRejectedError,
    GeneratorError,
    MissingExtraError,
    ModelNotFoundError,
    ReleaseHistoryError,
)


def health_router(settings: Settings, pipelines: PipelineProvider) -> APIRouter:
    """The routes that a supervisor asks."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> HealthBody:  # pyright: ignore[reportUnusedFunction]
        """The process is alive."""
        return HealthBody()

    @router.get(
        "/readyz",
        response_model=ReadinessBody,
        responses={503: {"model": ReadinessBody, "description": "Something needed for answers is missing"}},
    )
    async def readyz() -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        """Whether questions can be answered now, with each thing that answers depend on."""
        checks = {
            "home": await asyncio.to_thread(_check_home, settings.home),
            **await _check_pipeline(pipelines, settings.collection),
        }
        ready = all(check.ok for check in checks.values())
        body = ReadinessBody(status="ready" if ready else "not_ready", checks=checks)
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return JSONResponse(body.model_dump(), status, {"cache-control": "no-store"})

    return router


def _check_home(home: Path) -> CheckBody:
    if home.is_dir() and os.access(home, os.W_OK | os.X_OK):
        return CheckBody(ok=True, detail="writable")
    return CheckBody(ok=False, code="home_not_writable", detail="the home directory is missing or read-only")


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
