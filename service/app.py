"""The HTTP service: routes, limits and pages around the pipelines that it is given."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI

from ingest.errors import TroikaError
from ingest.settings import Settings
from service.answer_cache import AnswerCache
from service.history import History
from service.http_errors import install_error_handlers
from service.limits import BodyLimit, SafeResponses
from service.pipelines import PipelineProvider
from service.routes.adapters import adapters_router
from service.routes.answers import answers_router
from service.routes.collections import collections_router
from service.routes.health import health_router
from service.routes.pages import mount_pages
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


def create_app(settings: Settings, parts: Parts) -> FastAPI:
    """The application."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        if parts.vllm is not None:
            parts.vllm.start()
        warming = asyncio.create_task(_warm_up(parts.pipelines, settings.collection))
        yield
        warming.cancel()
        await asyncio.wait((warming,))
        await parts.pipelines.aclose()
        await asyncio.to_thread(parts.history.close)
        if parts.answers is not None:
            await asyncio.to_thread(parts.answers.close)
        if parts.vllm is not None:
            await parts.vllm.stop()

    app = FastAPI(
        title="Troika",
        description=DESCRIPTION,
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, max_bytes=settings.server.max_request_bytes)
    app.add_middleware(SafeResponses)
    install_error_handlers(app)
    app.include_router(answers_router(settings, parts.pipelines, parts.history, parts.answers))
    app.include_router(collections_router(settings, parts.pipelines))
    app.include_router(adapters_router(settings, parts.history))
    app.include_router(health_router(settings, parts.pipelines))
    mount_pages(app)
    return app


async def _warm_up(pipelines: PipelineProvider, collection: str) -> None:
    """Open the default collection now, so that the first question does not wait for the models."""
    try:
        async with pipelines.lease(collection):
            logger.info("collection %s is open", collection)
    except TroikaError as error:
        logger.warning("collection %s is not open yet: %s", collection, error)
