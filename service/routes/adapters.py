"""Which adapters are kept, which is served, and how a canary fares."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Depends

from ingest.settings import Settings
from service.access.caller import Scope, allowed
from service.adapter_schemas import AdapterBody, AdaptersBody, CanaryBody, ChangeBody
from service.adapters import list_adapters
from service.canary_watch import canary_state
from service.history.history import History
from service.release_history import BASE, current_record
from service.routes.problems import PROBLEMS


def adapters_router(settings: Settings, history: History) -> APIRouter:
    """The route that tells of releases."""
    router = APIRouter(prefix="/v1", tags=["adapters"])

    @router.get("/adapters", responses=PROBLEMS, dependencies=[Depends(allowed(Scope.QUERY))])
    async def adapters() -> AdaptersBody:  # pyright: ignore[reportUnusedFunction]
        """The kept adapters, the one that is served, and the canary with what its guards see."""
        return await asyncio.to_thread(_adapters, settings, history)

    return router


def _adapters(settings: Settings, history: History) -> AdaptersBody:
    record = current_record(settings.home)
    state = canary_state(settings.home, history, settings.canary)
    return AdaptersBody(
        served=BASE if record is None else record.release,
        canary=None if state is None else CanaryBody.of(state),
        last_change=None if record is None else ChangeBody.of(record),
        adapters=tuple(AdapterBody.of(adapter) for adapter in list_adapters(settings.home)),
    )
