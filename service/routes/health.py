"""Is the process alive, and can it answer?"""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from service.access.caller import ANYONE, NOBODY
from service.catalog_schemas import HealthBody, ReadinessBody
from service.lifecycle.readiness import Readiness, status_of


def health_router(readiness: Readiness) -> APIRouter:
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
    async def readyz(request: Request) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        """Whether questions can be answered now, with each thing that answers depend on.

        A server that asks for keys asks for none here, and tells no details: `troika doctor` does.
        """
        checks = await readiness.checks()
        if getattr(request.state, "caller", ANYONE) is NOBODY:
            checks = {name: check.model_copy(update={"detail": ""}) for name, check in checks.items()}
        status = status_of(checks)
        return JSONResponse(
            ReadinessBody(status=status, checks=checks).model_dump(),
            HTTPStatus.SERVICE_UNAVAILABLE if status == "not_ready" else HTTPStatus.OK,
            {"cache-control": "no-store"},
        )

    return router
