"""The HTTP service: routes, limits and pages around the pipelines that it is given."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from ingest.errors import TroikaError
from ingest.settings import Settings
from service.access.admission import gates_of
from service.access.authentication import Authenticator, open_authenticator
from service.access.edge import add_edge
from service.access.openapi import describe_access
from service.cache.answer_cache import AnswerCache
from service.history.history import History
from service.history.retention import purge_regularly
from service.http_errors import install_error_handlers
from service.jobs.runner import JobRunner
from service.lifecycle.readiness import Readiness
from service.lifecycle.shutdown import ClosingConnections, Shutdown
from service.observe.middleware import RequestWatch
from service.observe.observation import Observation
from service.openai_api.routes import openai_router
from service.pipelines import PipelineProvider
from service.releases.served import served_name
from service.routes.adapters import adapters_router
from service.routes.answers import answers_router
from service.routes.collections import collections_router
from service.routes.documents import documents_router
from service.routes.feedback import feedback_router
from service.routes.health import health_router
from service.routes.jobs import jobs_router
from service.routes.metrics import metrics_router
from service.routes.pages import WEB_FOLDER, mount_pages
from service.routes.snapshots import snapshots_router
from service.source_pages.routes import source_pages_router
from service.statistics.routes import statistics_router
from service.vllm.process import VllmProcess

logger = logging.getLogger(__name__)

DESCRIPTION = (
    "Answers questions from a company's own documents, with citations that can be checked to the "
    "character. Every offset counts Unicode code points. Errors are problem details (RFC 9457) with a "
    "stable `code`."
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the application serves with, and owns: it starts ``vllm``, and closes all of them at its end."""

    pipelines: PipelineProvider
    history: History
    answers: AnswerCache | None = None
    vllm: VllmProcess | None = None
    observation: Observation = field(default_factory=Observation)
    shutdown: Shutdown = field(default_factory=Shutdown)
    jobs: JobRunner | None = None


def create_app(settings: Settings, parts: Parts, web: Path = WEB_FOLDER) -> FastAPI:
    """The application, with the page that was built into ``web``."""
    observation = parts.observation
    pipelines = observation.of_pipelines(parts.pipelines, partial(served_name, settings))
    authenticator = open_authenticator(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        async with _running(settings, parts, pipelines, authenticator):
            yield

    app = FastAPI(
        title="Troika",
        description=DESCRIPTION,
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        telemetry=observation.requests,
    )
    # The last one added is the outermost.
    add_edge(app, settings, authenticator)
    app.add_middleware(ClosingConnections, shutdown=parts.shutdown)
    app.add_middleware(RequestWatch, metrics=observation.metrics)
    install_error_handlers(app)
    _add_routes(app, settings, parts, pipelines)
    mount_pages(app, web)
    gates = gates_of(settings)
    app.state.gates = gates
    observation.metrics.queue_depth.set_function(lambda: sum(gate.waiting for gate in gates.values()))
    if authenticator is not None:
        describe_access(app)
    return app


@asynccontextmanager
async def _running(
    settings: Settings, parts: Parts, pipelines: PipelineProvider, authenticator: Authenticator | None
) -> AsyncGenerator[None]:
    """What runs beside the requests, started and stopped, and everything closed in the end."""
    if parts.vllm is not None:
        parts.vllm.start()
    if parts.jobs is not None:
        await parts.jobs.start()
    warming = asyncio.create_task(_warm_up(pipelines, settings.collection))
    purging = asyncio.create_task(purge_regularly(parts.history, parts.answers, settings.history.keep_days))
    yield
    warming.cancel()
    purging.cancel()
    await asyncio.wait((warming, purging))
    if parts.jobs is not None:
        await parts.jobs.stop()
    await pipelines.aclose()
    if authenticator is not None:
        await authenticator.aclose()
    await asyncio.to_thread(parts.history.close)
    if parts.answers is not None:
        await asyncio.to_thread(parts.answers.close)
    if parts.vllm is not None:
        await parts.vllm.stop()
    await asyncio.to_thread(parts.observation.close)


def _add_routes(app: FastAPI, settings: Settings, parts: Parts, pipelines: PipelineProvider) -> None:
    readiness = Readiness(
        settings, parts.pipelines, parts.history, parts.shutdown, parts.observation.recent, parts.vllm
    )
    app.include_router(answers_router(settings, pipelines))
    app.include_router(feedback_router(parts.history, parts.answers))
    app.include_router(openai_router(settings, pipelines))
    app.include_router(collections_router(settings, pipelines))
    app.include_router(snapshots_router(settings))
    app.include_router(source_pages_router(settings))
    if parts.jobs is not None:
        app.include_router(documents_router(settings, parts.jobs))
        app.include_router(jobs_router(parts.jobs, parts.shutdown))
    app.include_router(adapters_router(settings, parts.history))
    app.include_router(statistics_router(parts.history))
    app.include_router(health_router(readiness))
    app.include_router(metrics_router(settings.observe, parts.observation.registry))


async def _warm_up(pipelines: PipelineProvider, collection: str) -> None:
    """Open the default collection now, so that the first question does not wait for the models."""
    try:
        async with pipelines.lease(collection):
            logger.info("collection %s is open", collection)
    except TroikaError as error:
        logger.warning("collection %s is not open yet: %s", collection, error)
