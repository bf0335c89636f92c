"""Run the HTTP service in this process until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress

import uvicorn

from ingest.errors import SettingsError
from ingest.settings import ServerSettings, Settings
from ingest.snapshots.collection import Collection
from service.app import Parts, create_app
from service.caching import CachingPipeline
from service.caching_factory import CachingFactory, open_answer_cache
from service.canary import CanaryPipelines
from service.catalog import published_collections
from service.history import History
from service.pipelines import CollectionSummary, Pipelines
from service.release import read_candidate
from service.release_history import current_number
from service.vllm.serving import with_own_vllm
from service.wiring import PipelineFactory

_GRACE_SECONDS = 30


logger = logging.getLogger(__name__)


def run_server(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; requests under way get ``_GRACE_SECONDS`` to end.

    Raises:
        SettingsError: the address cannot be listened on.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with listen(settings.server) as listener:
        host, port = listener.getsockname()[:2]
        logger.info("listening on http://%s:%d/", f"[{host}]" if ":" in host else host, port)
        server = _server(settings)
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    if not server.started:
        raise SystemExit(1)


def listen(settings: ServerSettings) -> socket.socket:
    """A socket that listens on the address of the settings.

    Raises:
        SettingsError: it cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {settings.host} port {settings.port} ({error.strerror}): "
            "stop what does, or choose another --host or --port."
        ) from error
    # Connections inherit it. asyncio sets it by itself only on sockets that name their protocol, and without
    # it the body of a short answer waits 40 ms for the client to acknowledge the head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _server(settings: Settings) -> uvicorn.Server:
    settings, vllm = with_own_vllm(settings)
    history = History(settings.home / "history.sqlite")
    answers = open_answer_cache(settings)
    factory = CachingFactory(PipelineFactory(settings, history), settings, history, answers)

    def version(collection: str) -> str:
        return (
            f"{Collection(settings.home, collection).require_current().name}/{current_number(settings.home)}"
        )

    async def open_candidate(collection: str) -> CachingPipeline:
        return await factory.open(collection, await asyncio.to_thread(read_candidate, settings.home))

    def catalog() -> Sequence[CollectionSummary]:
        return published_collections(settings.home)

    pipelines = CanaryPipelines(
        settings.home,
        Pipelines(factory.open, version, catalog),
        Pipelines(open_candidate, version, catalog),
        history,
        settings.canary,
    )
    return uvicorn.Server(
        uvicorn.Config(
            create_app(settings, Parts(pipelines, history, answers, vllm)),
            log_level="info",
            access_log=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            server_header=False,
        )
    )
