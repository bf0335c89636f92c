"""Cases answered by a running server, over the interface that every application uses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from eval.answering.answerer import SEARCH_DEPTH, Answered, Served, record_from_sources
from eval.answering.patience import PatientTransport
from eval.answering.stopwatch import Stopwatch
from eval.cases.case import Case
from eval.runs.record import CaseRecord, Failure, failed_record
from ingest.errors import GeneratorError, ServerError
from service.catalog_schemas import CollectionsBody, DocumentBody, ReadinessBody
from service.http_errors import Problem
from service.retrieval.search_schemas import SearchBody
from service.schemas import AnswerBody

# Whatever is answered to it, the answer says which prompt and which release it was made with.
_PROBE = Case(id="probe", question="Troika", language="en", answers=(), answerable=False)
_ANSWER_SECONDS = 600.0
_CONNECT_SECONDS = 10.0
_CONNECT_RETRIES = 3
# Longer than the server's pause between two heartbeats: a connection that is silent for so long is dead.
_SILENCE_SECONDS = 60.0
_MOST_CHARACTERS = 300

Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server listens, the key that it or a gateway before it asks for, and which of its collections
    is asked: its default one for None."""

    url: str
    api_key: str | None = None
    collection: str | None = None


@asynccontextmanager
async def open_server(address: ServerAddress) -> AsyncGenerator[tuple[HttpAnswerer, Served]]:
    """Asks the server at ``address``.

    Raises:
        ServerError: it cannot be reached, or cannot answer from the collection.
    """
    headers = {} if address.api_key is None else {"authorization": f"Bearer {address.api_key}"}
    with _explained(address.url):
        client = httpx.AsyncClient(
            base_url=address.url,
            headers=headers,
            timeout=httpx.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS),
            transport=PatientTransport(httpx.AsyncHTTPTransport(retries=_CONNECT_RETRIES)),
        )
    async with client:
        yield await identify(client, address.collection)


async def identify(client: httpx.AsyncClient, collection: str | None) -> tuple[HttpAnswerer, Served]:
    """Whoever answers at the other end of ``client``; see ``open_server``."""
    url = str(client.base_url)
    with _explained(url):
        if collection is None:
            collection = _parsed(await client.get("/v1/collections"), CollectionsBody).default
        answerer = HttpAnswerer(client, collection)
        probe = await answerer.ask(_PROBE, Stopwatch())
        ready = ReadinessBody.model_validate_json((await client.get("/readyz")).content)
    if isinstance(probe, Problem):
        raise ServerError(f"the server at {url} cannot answer from {collection!r}: {probe.detail}")
    generator = ready.checks["generator"]
    return answerer, Served(
        generator=generator.detail if generator.ok else probe.generator,
        prompt_id=probe.prompt_id,
        release=probe.release,
        collection=collection,
        snapshot_id=probe.snapshot_id,
    )


class HttpAnswerer:
    """Asks one collection of a server; every answer is made anew, as in this process."""

    def __init__(self, client: httpx.AsyncClient, collection: str) -> None:
        self._client = client
        self._collection = collection

    async def record(self, case: Case) -> CaseRecord:
        """See ``eval.answering.answerer.Answerer``; a problem that the server tells of keeps its code."""
        watch = Stopwatch()
        with _explained(str(self._client.base_url)):
            async with asyncio.timeout(_ANSWER_SECONDS):
                answer = await self.ask(case, watch)
            answered_ms = watch.elapsed_ms()
            if isinstance(answer, Problem):
                return failed_record(case, Failure(answer.code, answer.detail), answered_ms)
            return await record_from_sources(case, Answered(answer, watch.first_words_ms, answered_ms), self)

    async def ask(self, case: Case, watch: Stopwatch) -> AnswerBody | Problem:
        """The answer, or why there is none; ``watch`` is told when its first words come."""
        asked = {
            "question": case.question,
            "collection": self._collection,
            "history": case.history,
            "cache": False,
            "stream": True,
        }
        async with self._client.stream("POST", "/v1/query", json=asked) as response:
            if response.status_code != HTTPStatus.OK:
                return Problem.model_validate_json(await response.aread())
            async for name, data in read_events(response.aiter_bytes()):
                match name:
                    case b"message.delta":
                        watch.words()
                    case b"done":
                        return AnswerBody.model_validate_json(data)
                    case b"error":
                        return Problem.model_validate_json(data)
                    case _:
                        pass
        raise GeneratorError(f"the answer to case {case.id!r} broke off: look into the server's log.")

    async def text_of(self, document_id: str) -> str:
        """See ``eval.answering.answerer.Sources``."""
        parameters = {"collection": self._collection}
        response = await self._client.get(f"/v1/documents/{document_id}", params=parameters)
        if response.status_code == HTTPStatus.NOT_FOUND:
            return ""
        return _parsed(response, DocumentBody).text

    async def found(self, case: Case) -> tuple[str, ...]:
        """See ``eval.answering.answerer.Sources``."""
        wanted = {
            "query": case.question,
            "collection": self._collection,
            "history": case.history,
            "k": SEARCH_DEPTH,
        }
        response = await self._client.post("/v1/search", json=wanted)
        return tuple(hit.uri for hit in _parsed(response, SearchBody).hits)


async def read_events(pieces: AsyncIterator[bytes]) -> AsyncGenerator[tuple[bytes, bytes]]:
    """Name and data of each event of a stream as ``service.event_stream`` writes it; comments are left out.

    Bytes, because a line of text may also end where the standard for event streams sees no end.
    """
    waiting = b""
    async for piece in pieces:
        *blocks, waiting = (waiting + piece).split(b"\n\n")
        for block in blocks:
            lines = [line for line in block.split(b"\n") if line and not line.startswith(b":")]
            fields = dict(line.split(b": ", 1) for line in lines)
            if fields:
                yield fields[b"event"], fields[b"data"]


def _parsed(response: httpx.Response, kind: type[Body]) -> Body:
    if response.status_code != HTTPStatus.OK:
        detail = response.text[:_MOST_CHARACTERS]
        raise GeneratorError(f"{response.url} answered {response.status_code} ({detail}): look into its log.")
    return kind.model_validate_json(response.content)


@contextmanager
def _explained(url: str) -> Generator[None]:
    """What goes wrong between here and the server: with all of it, or with one answer."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise ServerError(
            f"the server at {url} cannot be reached ({error or type(error).__name__}): check --url and that "
            "it runs; then the same command with the same --out goes on."
        ) from error
    except ValidationError as error:
        found = error.errors()[0]
        raise ServerError(
            f"what answers at {url} is no Troika server of this version ({error.title}: {found['msg']}): "
            "check --url and --api-key."
        ) from error
    except (httpx.TransportError, TimeoutError) as error:
        raise GeneratorError(f"the answer of {url} broke off ({error!r}): look into its log.") from error
