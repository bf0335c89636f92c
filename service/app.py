"""The HTTP service: routes, limits and pages around the pipelines that it is given."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

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


def create_app(
    settings: Settings,
    pipelines: PipelineProvider,
    history: History,
    answers: AnswerCache | None = None,
    vllm: VllmProcess | None = None,
) -> FastAPI:
    """The application. It owns what it is given: it starts ``vllm``, and closes everything at its end."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        if vllm is not None:
            vllm.start()
        warming = asyncio.create_task(_warm_up(pipelines, settings.collection))
        yield
        warming.cancel()
        await asyncio.wait((warming,))
        await pipelines.aclose()
        await asyncio.to_thread(history.close)
        if answers is not None:
            await asyncio.to_thread(answers.close)
        if vllm is not None:
            await vllm.stop()

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
    app.include_router(answers_router(settings, pipelines, history, answers))
    app.include_router(collections_router(settings, pipelines))
    app.include_router(adapters_router(settings, history))
    app.include_router(health_router(settings, pipelines))
    mount_pages(app)
    return app


async def _warm_up(pipelines: PipelineProvider, collection: str) -> None:
    """Open the default collection now, so that the first question does not wait for the models."""
    try:
        async with pipelines.lease(collection):
            logger.info("collection %s is open", collection)
    except TroikaError as error:
        logger.warning("collection %s is not open yet: %s", collection, error)
