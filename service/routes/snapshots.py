"""The earlier states that a collection keeps, and going back to one."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from ingest.settings import Settings
from service.access.caller import Scope, allowed
from service.jobs.schemas import (
    CollectionQuery,
    RollbackBody,
    RollbackRequest,
    SnapshotBody,
    SnapshotsBody,
)
from service.routes.problems import PROBLEMS


def snapshots_router(settings: Settings) -> APIRouter:
    """The routes for snapshots."""
    router = APIRouter(prefix="/v1", tags=["collections"])

    # They tell how much a collection holds in all, which is for those who may see all of it.
    @router.get("/snapshots", responses=PROBLEMS, dependencies=[Depends(allowed(Scope.ADMIN))])
    async def snapshots(  # pyright: ignore[reportUnusedFunction]
        collection: Annotated[CollectionQuery, Query()] = None,
    ) -> SnapshotsBody:
        """The snapshots that a collection keeps, the newest first."""
        target = collection or settings.collection
        return await asyncio.to_thread(_kept, settings, target)

    @router.post(
        "/collections/{name}/rollback",
        responses=PROBLEMS,
        dependencies=[Depends(allowed(Scope.ADMIN))],
    )
    async def rollback(name: str, request: RollbackRequest) -> RollbackBody:  # pyright: ignore[reportUnusedFunction]
        """Make an earlier snapshot current again, after checking that it is whole; nothing is deleted.

        The sources stay as they are: the next ingest brings back what they hold.
        """
        return await asyncio.to_thread(_roll_back, settings, name, request.snapshot)

    return router


# What reads snapshots takes long to load, and the application is to start at once.


def _kept(settings: Settings, collection: str) -> SnapshotsBody:
    from service.jobs.holdings import kept_snapshots

    kept = kept_snapshots(settings.home, collection)
    return SnapshotsBody(collection=collection, snapshots=tuple(map(SnapshotBody.of, kept)))


def _roll_back(settings: Settings, collection: str, snapshot: str | None) -> RollbackBody:
    from ingest.snapshots.repair import roll_back

    current = roll_back(settings.home, collection, snapshot, settings.store)
    return RollbackBody(collection=collection, snapshot=current)
