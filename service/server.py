"""Run the HTTP service in this process until it is told to stop."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress

import uvicorn

from ingest.errors import SettingsError
from ingest.settings import Settings
from ingest.settings_server import ServerSettings
from service.access.exposure import check_exposure, check_limits
from service.app import Parts, create_app
from service.cache.caching_factory import CachingFactory, open_answer_cache
from service.history.history import open_history
from service.jobs.runner import JobRunner
from service.jobs.store import JobStore
from service.lifecycle.shutdown import GracefulServer
from service.observe.logs import configure_logging
from service.observe.observation import Observation
from service.routing.releases import open_releases
from service.vllm.serving import with_own_vllm
from service.wiring import PipelineFactory

GRACE_SECONDS = 30


logger = logging.getLogger(__name__)


def run_server(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; requests under way get ``GRACE_SECONDS`` to end.

    Raises:
        SettingsError: the address cannot be listened on, or others would reach a server that asks for no key.
        MissingExtraError: the settings ask for something that is not installed.
    """
    configure_logging(settings.observe.log_format)
    with listen(settings.server) as listener:
        host, port = listener.getsockname()[:2]
        check_exposure(settings.auth, host)
        check_limits(settings.auth, settings.limits)
        logger.info("listening on http://%s:%d/", f"[{host}]" if ":" in host else host, port)
        server = _server(settings)
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    if not server.started:
        raise SystemExit(1)


def listen(settings: ServerSettings) -> socket.socket:
    """A socket that listens on the address of the settings, or the one that was inherited.

    Raises:
        SettingsError: the address cannot be listened on, or nothing that listens was inherited.
    """
    listener = _bound(settings) if settings.fd is None else _inherited(settings.fd)
    # Connections inherit it. asyncio sets it by itself only on sockets that name their protocol, and without
    # it the body of a short answer waits 40 ms for the client to acknowledge the head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _bound(settings: ServerSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {settings.host} port {settings.port} ({error.strerror}): "
            "stop what does, or choose another --host or --port."
        ) from error


def _inherited(fd: int) -> socket.socket:
    try:
        listener = socket.socket(fileno=fd)
        listens = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise SettingsError(
            f"server.fd is {fd}, which is no socket ({error.strerror}): pass one that listens."
        ) from error
    if not listens:
        raise SettingsError(f"server.fd is {fd}, a socket that does not listen: pass one that does.")
    return listener


def open_parts(settings: Settings) -> Parts:
    """What the server serves with, put together; nothing is started yet.

    Raises:
        SettingsError, ModelNotFoundError, MissingExtraError, DatabaseError
    """
    observation = Observation(settings.observe, settings.generator.kind)
    with_server, vllm = with_own_vllm(settings)
    history = open_history(settings)
    answers = open_answer_cache(settings)
    pipelines = PipelineFactory(with_server, history, observation.of_embedder)
    return Parts(
        pipelines=open_releases(settings, CachingFactory(pipelines, settings, history, answers), history),
        history=history,
        answers=answers,
        vllm=vllm,
        observation=observation,
        jobs=JobRunner(settings, JobStore(settings.home / "jobs.sqlite"), observation.ingests),
    )


def _server(settings: Settings) -> uvicorn.Server:
    parts = open_parts(settings)
    config = uvicorn.Config(
        create_app(settings, parts),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        server_header=False,
    )
    return GracefulServer(config, parts.shutdown, settings.server.drain_seconds)
