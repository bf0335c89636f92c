"""What the server has done, for Prometheus."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Depends
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from ingest.settings_observe import ObserveSettings
from service.access.caller import Scope, allowed
from service.routes.problems import PROBLEMS


def metrics_router(settings: ObserveSettings, registry: CollectorRegistry) -> APIRouter:
    """The route that tells the numbers: to everyone, or to keys of scope ``admin``."""
    guards = [] if settings.metrics_public else [Depends(allowed(Scope.METRICS))]
    router = APIRouter(tags=["health"], dependencies=guards)

    @router.get("/metrics", response_class=PlainTextResponse, responses=PROBLEMS)
    async def metrics() -> Response:  # pyright: ignore[reportUnusedFunction]
        """All metrics of this process in Prometheus' text format."""
        text = await asyncio.to_thread(generate_latest, registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return router
