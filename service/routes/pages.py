"""The web page, and the interactive description of the HTTP interface.

All of it comes from this server: the browser asks no other host for anything.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

WEB_FOLDER = Path(__file__).resolve().parent.parent / "web"

# The package is used for its copy of Swagger UI alone: its own page needs an inline script.
SWAGGER_PACKAGE = ("fastapi_swagger", "resources")


class RevalidatedFiles(StaticFiles):
    """Files that a browser keeps, and asks about before each use: a new version shows at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        return response


def mount_pages(app: FastAPI) -> None:
    """Serve the page at ``/`` and the interface's description at ``/docs``."""

    @app.get("/", include_in_schema=False)
    async def index() -> FileResponse:  # pyright: ignore[reportUnusedFunction]
        return _page("index.html")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> FileResponse:  # pyright: ignore[reportUnusedFunction]
        return _page("docs.html")

    app.mount("/assets", RevalidatedFiles(directory=WEB_FOLDER / "assets"))
    app.mount("/swagger", RevalidatedFiles(packages=[SWAGGER_PACKAGE]))


def _page(name: str) -> FileResponse:
    return FileResponse(WEB_FOLDER / name, headers={"cache-control": "no-cache"})
