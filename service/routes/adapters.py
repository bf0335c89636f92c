"""Which adapters are kept, which is served, and how a canary fares."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends

from ingest.settings import Settings
from service.access.caller import Caller, Scope, allowed
from service.history.history import History
from service.releases.adapter_schemas import AdapterBody, AdaptersBody, CanaryBody, ChangeBody
from service.releases.canary_watch import canary_state
from service.releases.release_history import BASE, Change, ReleaseRecord, read_history
from service.releases.served import served_name, usable_adapters
from service.routes.problems import PROBLEMS


def adapters_router(settings: Settings, history: History) -> APIRouter:
    """The route that tells of releases."""
    router = APIRouter(prefix="/v1", tags=["adapters"])

    @router.get("/adapters", responses=PROBLEMS)
    async def adapters(  # pyright: ignore[reportUnusedFunction]
        caller: Annotated[Caller, Depends(allowed(Scope.QUERY))],
    ) -> AdaptersBody:
        """The kept adapters, the one that is served, and the canary; what its guards see is for `admin`."""
        return await asyncio.to_thread(_adapters, settings, history, counted=caller.may(Scope.ADMIN))

    return router


def _adapters(settings: Settings, history: History, *, counted: bool) -> AdaptersBody:
    records = read_history(settings.home)
    last = records[-1] if records else None
    reports = _gate_reports(records)
    return AdaptersBody(
        served=served_name(settings),
        served_since=_served_since(records),
        canary=_canary(settings, history) if counted else _uncounted_canary(last),
        last_change=None if last is None else ChangeBody.of(last, counted=counted),
        adapters=tuple(
            AdapterBody.of(adapter, reports.get(adapter.name)) for adapter in usable_adapters(settings)
        ),
    )


def _canary(settings: Settings, history: History) -> CanaryBody | None:
    state = canary_state(settings.home, history, settings.canary)
    return None if state is None else CanaryBody.of(state)


def _uncounted_canary(last: ReleaseRecord | None) -> CanaryBody | None:
    if last is None or last.canary is None:
        return None
    return CanaryBody.without_guards(last, last.canary)


def _gate_reports(records: Sequence[ReleaseRecord]) -> dict[str, str]:
    """The report by which each release was last let in, as a canary or for all."""
    let_in = (
        (admitted.release, admitted.report_sha256)
        for record in records
        for admitted in (record, record.canary)
        if admitted is not None
    )
    return {release: report for release, report in let_in if report is not None}


def _served_since(records: Sequence[ReleaseRecord]) -> str | None:
    """When what is served now took the place of something else."""
    since, before = None, BASE
    for record in records:
        if record.release != before:
            # What was installed was served before its record, and nothing tells since when.
            since = None if record.change is Change.INSTALLED else record.created_at
            before = record.release
    return since
