"""Where the tools get their answers from: pipelines in this process, or a server that runs elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

import httpx
from pydantic import BaseModel, JsonValue, ValidationError

from ingest.errors import ServerError
from ingest.filters.forms import read_filter
from ingest.settings import Settings
from service.cache.caching_factory import CachingFactory, open_answer_cache
from service.event_stream import AnswerStream
from service.history.history import open_history
from service.pipelines import PipelineProvider
from service.question import Inquiry
from service.retrieval.retrieve_mode import SearchMode
from service.retrieval.search_schemas import SearchBody
from service.routing.releases import open_releases
from service.schemas import AnswerBody
from service.wiring import PipelineFactory

Body = TypeVar("Body", bound=BaseModel)

_TIMEOUT = httpx.Timeout(120.0, connect=10.0)

Conditions = Mapping[str, JsonValue]
"""A filter in the form of ``POST /v1/search``."""


class Knowledge(Protocol):
    """A collection that can be searched and asked."""

    async def search(self, query: str, k: int, conditions: Conditions) -> SearchBody:
        """The best ``k`` passages.

        Raises:
            TroikaError: the query, the filter or the collection is not usable, or what answers failed.
        """
        ...

    async def ask(self, question: str, conditions: Conditions) -> AnswerBody:
        """The answer with its citations. Raises what ``search`` does."""
        ...


class OwnKnowledge:
    """Answers with pipelines of this process; a new snapshot is taken up as soon as it is published."""

    def __init__(self, pipelines: PipelineProvider, collection: str) -> None:
        self._pipelines = pipelines
        self._collection = collection

    async def search(self, query: str, k: int, conditions: Conditions) -> SearchBody:
        """See ``Knowledge``."""
        inquiry = Inquiry(query, wanted=read_filter(conditions))
        async with self._pipelines.lease(self._collection) as pipeline:
            return SearchBody.of(await pipeline.search(inquiry, k, SearchMode.HYBRID))

    async def ask(self, question: str, conditions: Conditions) -> AnswerBody:
        """See ``Knowledge``."""
        inquiry = Inquiry(question, wanted=read_filter(conditions))
        async with AnswerStream(self._pipelines, self._collection, inquiry) as stream:
            return AnswerBody.of(await stream.whole())


class ServedKnowledge:
    """Asks a server of Troika; ``collection`` None is the one that it uses by default."""

    def __init__(self, client: httpx.AsyncClient, collection: str | None) -> None:
        self._client = client
        self._collection = collection

    async def search(self, query: str, k: int, conditions: Conditions) -> SearchBody:
        """See ``Knowledge``."""
        return await self._post("/v1/search", {"query": query, "k": k, "filter": conditions}, SearchBody)

    async def ask(self, question: str, conditions: Conditions) -> AnswerBody:
        """See ``Knowledge``."""
        return await self._post("/v1/query", {"question": question, "filter": conditions}, AnswerBody)

    async def _post(self, path: str, asked: dict[str, Any], kind: type[Body]) -> Body:
        url = self._client.base_url
        try:
            response = await self._client.post(path, json=asked | {"collection": self._collection})
        except httpx.HTTPError as error:
            raise ServerError(
                f"{url} cannot be reached ({error!r}): start the server, or correct --url."
            ) from error
        if response.is_success:
            try:
                return kind.model_validate_json(response.content)
            except ValidationError as error:
                raise ServerError(
                    f"what answers at {url} is no Troika of this version: correct --url."
                ) from error
        raise ServerError(f"{url} answers {response.status_code}: {_problem(response)}")


def _problem(response: httpx.Response) -> str:
    try:
        return " ".join(str(response.json()["detail"]).split())
    except (ValueError, KeyError, TypeError):
        return response.reason_phrase


@asynccontextmanager
async def own_knowledge(settings: Settings, collection: str) -> AsyncGenerator[OwnKnowledge]:
    """The collection, answered in this process.

    Raises:
        SettingsError: the history or the cache cannot be opened.
    """
    history, answers = open_history(settings), open_answer_cache(settings)
    factory = CachingFactory(PipelineFactory(settings, history), settings, history, answers)
    pipelines = open_releases(settings, factory, history)
    try:
        yield OwnKnowledge(pipelines, collection)
    finally:
        await pipelines.aclose()
        await asyncio.to_thread(history.close)
        if answers is not None:
            await asyncio.to_thread(answers.close)


@asynccontextmanager
async def served_knowledge(
    url: str, key: str | None, collection: str | None
) -> AsyncGenerator[ServedKnowledge]:
    """The collection, asked for at the server at ``url``; ``key`` is sent as a bearer token."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=_TIMEOUT) as client:
        yield ServedKnowledge(client, collection)
