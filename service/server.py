"""Run the HTTP service in this process until it is told to stop."""

from __future__ import annotations

import logging

import uvicorn

from ingest.collection import Collection
from ingest.settings import Settings
from service.app import create_app
from service.catalog import published_collections
from service.history import History
from service.pipelines import Pipelines
from service.release import current_number
from service.wiring import PipelineFactory

_GRACE_SECONDS = 30


def run_server(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; requests under way get ``_GRACE_SECONDS`` to end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    history = History(settings.home / "history.sqlite")
    factory = PipelineFactory(settings, history)

    def version(collection: str) -> str:
        return (
            f"{Collection(settings.home, collection).require_current().name}/{current_number(settings.home)}"
        )

    pipelines = Pipelines(factory.open, version, lambda: published_collections(settings.home))
    uvicorn.run(
        create_app(settings, pipelines, history),
        host=settings.server.host,
        port=settings.server.port,
        log_level="info",
        access_log=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False,
    )
