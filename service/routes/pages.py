"""The web page, and the interactive description of the HTTP interface.

All of it comes from this server: the browser asks no other host for anything. The page is built from
``service/web`` by Vite; where that was not done, this server says so in its place and does the rest.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, PlainTextResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from service.access.policy import DOCS_PATH, DOCS_POLICY, PAGE_PATHS, PAGE_POLICY

WEB_FOLDER = Path(__file__).resolve().parent.parent / "web" / "dist"

# The package is used for its copy of Swagger UI alone: its own page needs an inline script.
SWAGGER_PACKAGE = ("fastapi_swagger", "resources")

NOT_BUILT = (
    "The web page was not built, so there is only the HTTP interface here (see /openapi.json).\n"
    "Build it with `make web`, or `npm ci && npm run build` in service/web, and load this page again.\n"
)

_ASKED_ABOUT = "no-cache"


class BuiltFiles(StaticFiles):
    """Files that a browser keeps for ever, because a name changes with what the file holds."""

    async def check_config(self) -> None:
        """Nothing: the folder may be missing, and be built while the server runs."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


class RevalidatedFiles(StaticFiles):
    """Files that a browser keeps, and asks about before each use: a new version shows at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = _ASKED_ABOUT
        return response


def mount_pages(app: FastAPI, folder: Path = WEB_FOLDER) -> None:
    """Serve the page that was built into ``folder`` and, at ``/docs``, the interface's description."""

    async def page() -> Response:
        return _page(folder / "index.html", PAGE_POLICY)

    async def docs() -> Response:
        return _page(folder / "docs.html", DOCS_POLICY)

    for path in PAGE_PATHS:
        app.add_api_route(path, page, include_in_schema=False)
    app.add_api_route(DOCS_PATH, docs, include_in_schema=False)
    app.mount("/assets", BuiltFiles(directory=folder / "assets", check_dir=False))
    app.mount("/swagger", RevalidatedFiles(packages=[SWAGGER_PACKAGE]))


def _page(path: Path, policy: str) -> Response:
    headers = {"cache-control": _ASKED_ABOUT}
    if not path.is_file():
        return PlainTextResponse(NOT_BUILT, HTTPStatus.SERVICE_UNAVAILABLE, headers)
    return FileResponse(path, headers=headers | {"content-security-policy": policy})
