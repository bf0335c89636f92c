from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.errors import GeneratorError, ModelNotFoundError
from ingest.settings import ServerSettings, Settings
from service.access.policy import DATA_POLICY
from service.app import Parts, create_app
from service.history.history import History
from tests.fakes import MemoryPipeline, OnePipeline
from tests.small_handbook import LORA_TEXT, small_handbook

QUESTION = "Which rank is the default for an adapter?"

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class FailingProvider(OnePipeline):
    """Cannot open anything."""

    @asynccontextmanager
    async def lease(
        self, collection: str, conversation: str | None = None, release: str | None = None
    ) -> AsyncGenerator[Any]:
        raise ModelNotFoundError("the model's file is missing: install it.")
        yield


class Server:
    """The application over a fake pipeline, with its parts at hand."""

    def __init__(self, home: Path, provider: Callable[[MemoryPipeline], OnePipeline] = OnePipeline) -> None:
        self.history = History(home / "history.sqlite")
        self.pipeline = MemoryPipeline(small_handbook(), self.history)
        settings = Settings(
            home=home,
            collection="default",
            server=ServerSettings(max_request_bytes=20_000, max_question_characters=400),
        )
        self.app = create_app(settings, Parts(provider(self.pipeline), self.history))

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://localhost")


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


@pytest.fixture
async def client(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with server.client() as opened:
        yield opened
    server.history.close()


def code_of(response: httpx.Response) -> str:
    """The problem's code, after checking that it is a whole problem."""
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) == {"type", "title", "status", "detail", "code", "instance"}
    assert body["status"] == response.status_code
    return body["code"]


async def test_a_question_is_answered_with_citations_that_hold(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/query", json={"question": QUESTION, "passages": 2})
    assert response.status_code == 200
    body = response.json()
    assert len(body["passages"]) == 2
    for citation in body["citations"]:
        source = (await client.get(f"/v1/documents/{citation['document_id']}")).json()
        assert source["text"][citation["quote_start"] : citation["quote_end"]] == citation["quote"]
        assert source["title"] == citation["title"]


async def test_a_question_the_sources_do_not_answer_is_refused_in_its_language(
    client: httpx.AsyncClient,
) -> None:
    body = (await client.post("/v1/query", json={"question": "今天午饭吃什么"})).json()
    assert body["abstained"]
    assert body["citations"] == []
    assert body["text"].startswith("我不知道")


async def test_the_answer_streams_as_events(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/query", json={"question": QUESTION, "stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "no-store" in response.headers["cache-control"]
    names = re.findall(r"^event: (.+)$", response.text, re.MULTILINE)
    assert (names[0], names[-1]) == ("retrieval", "done")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"question": ""}, 400, "question_empty"),
        ({"question": " \n "}, 400, "question_empty"),
        ({"question": "?!"}, 400, "question_without_terms"),
        ({"question": "x" * 401}, 413, "question_too_long"),
        ({"question": "x" * 100_000}, 413, "request_too_large"),
        ({"question": QUESTION, "collection": "nope"}, 404, "collection_not_found"),
        ({"question": QUESTION, "passages": 0}, 422, "request_invalid"),
        ({"question": QUESTION, "unknown": 1}, 422, "request_invalid"),
        ({"question": "a\ud800b"}, 422, "request_invalid"),
        ({"question": None}, 422, "request_invalid"),
        ({}, 422, "request_invalid"),
    ],
)
async def test_a_bad_question_gets_its_status_before_any_event(
    client: httpx.AsyncClient, body: dict[str, Any], status: int, code: str, stream: bool
) -> None:
    content = json.dumps(body | {"stream": stream})
    response = await client.post("/v1/query", content=content, headers={"content-type": "application/json"})
    assert (response.status_code, code_of(response)) == (status, code)


@pytest.mark.parametrize("content", [b"", b"{", b'{"question": }', b"[]", b'"text"', b"\xff\xfe", b"null"])
async def test_malformed_json_is_422(client: httpx.AsyncClient, content: bytes) -> None:
    response = await client.post("/v1/query", content=content, headers={"content-type": "application/json"})
    assert response.status_code in (400, 422)
    assert code_of(response) in ("json_invalid", "request_invalid", "request_refused")


async def test_a_body_that_is_not_declared_as_json_is_refused(client: httpx.AsyncClient) -> None:
    content = json.dumps({"question": QUESTION})
    response = await client.post("/v1/query", content=content, headers={"content-type": "text/plain"})
    assert (response.status_code, code_of(response)) == (422, "request_invalid")


async def test_a_body_without_declared_length_is_counted_as_it_comes(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'{"question": "'
        for _ in range(100):
            yield b"a" * 1000

    response = await client.post("/v1/query", content=endless(), headers={"content-type": "application/json"})
    assert (response.status_code, code_of(response)) == (413, "request_too_large")


async def test_a_failing_generator_is_503(server: Server, client: httpx.AsyncClient) -> None:
    server.pipeline.failure = GeneratorError("the model server does not answer.")
    response = await client.post("/v1/query", json={"question": QUESTION})
    assert (response.status_code, code_of(response)) == (503, "generator_failed")


async def test_an_unexpected_exception_is_a_bare_500(server: Server, client: httpx.AsyncClient) -> None:
    server.pipeline.failure = ZeroDivisionError("secret")
    response = await client.post("/v1/query", json={"question": QUESTION})
    assert (response.status_code, code_of(response)) == (500, "internal_error")
    assert "secret" not in response.text
    assert response.headers["content-security-policy"] == DATA_POLICY


async def test_unknown_routes_and_methods_are_problems(client: httpx.AsyncClient) -> None:
    unknown, method = await client.get("/v1/nothing"), await client.get("/v1/query")
    assert (unknown.status_code, code_of(unknown)) == (404, "route_not_found")
    assert (method.status_code, code_of(method)) == (405, "method_not_allowed")
    assert method.headers["allow"] == "POST"


async def test_search_returns_ranked_hits_with_spans(client: httpx.AsyncClient) -> None:
    body = (await client.post("/v1/search", json={"query": "rank of an adapter", "k": 2})).json()
    assert [hit["rank"] for hit in body["hits"]] == [1, 2]
    hit = body["hits"][0]
    assert LORA_TEXT[hit["start"] : hit["end"]] == hit["text"]
    refused = await client.post("/v1/search", json={"query": " "})
    assert (refused.status_code, code_of(refused)) == (400, "question_empty")
    refused = await client.post("/v1/search", json={"query": "rank", "mode": "magic"})
    assert (refused.status_code, code_of(refused)) == (422, "request_invalid")


async def test_a_filter_leaves_only_what_meets_it(client: httpx.AsyncClient) -> None:
    every = (await client.post("/v1/search", json={"query": "rank of an adapter"})).json()["hits"]
    chosen = every[-1]["uri"]
    asked = {"filter": {"uri": [chosen]}}
    found = (await client.post("/v1/search", json=asked | {"query": "rank of an adapter"})).json()["hits"]
    assert {hit["uri"] for hit in found} == {chosen} != {hit["uri"] for hit in every}
    answer = (await client.post("/v1/query", json=asked | {"question": "Which rank has an adapter?"})).json()
    assert {passage["uri"] for passage in answer["passages"]} == {chosen}
    refused = await client.post("/v1/search", json={"query": "rank", "filter": {"year": {"above": 3}}})
    assert (refused.status_code, code_of(refused)) == (400, "filter_invalid")
    refused = await client.post("/v1/search", json={"query": "rank", "filter": "year=3"})
    assert (refused.status_code, code_of(refused)) == (422, "request_invalid")


async def test_an_answer_is_kept_and_judged(client: httpx.AsyncClient) -> None:
    answer = (await client.post("/v1/query", json={"question": QUESTION})).json()
    judged = await client.post(
        "/v1/feedback",
        json={"answer_id": answer["id"], "verdict": "down", "correction": "Sixteen.", "comment": " "},
    )
    assert judged.status_code == 201
    kept = (await client.get(f"/v1/answers/{answer['id']}")).json()
    assert kept.pop("feedback") == [judged.json()]
    assert kept == answer
    assert judged.json()["correction"] == "Sixteen."
    assert judged.json()["comment"] is None


async def test_wrong_citations_and_preferred_answers_are_kept_with_the_judgement(
    client: httpx.AsyncClient,
) -> None:
    worse, answer = [
        (await client.post("/v1/query", json={"question": question})).json()
        for question in (QUESTION, QUESTION.lower())
    ]
    marker = answer["citations"][0]["marker"]
    said = {"verdict": "up", "answer_id": answer["id"], "wrong_citations": [marker, marker]}
    judged = await client.post("/v1/feedback", json=said | {"preferred_over": worse["id"]})
    assert judged.status_code == 201
    assert (judged.json()["wrong_citations"], judged.json()["preferred_over"]) == ([marker], worse["id"])
    assert (await client.get(f"/v1/answers/{answer['id']}")).json()["feedback"] == [judged.json()]


async def test_single_citations_are_judged_and_several_answers_ranked_without_a_thumb(
    client: httpx.AsyncClient,
) -> None:
    best, worst = [
        (await client.post("/v1/query", json={"question": QUESTION, "cache": False})).json() for _ in range(2)
    ]
    citations = [{"marker": best["citations"][0]["marker"], "verdict": "up"}]
    said = {"answer_id": best["id"], "citations": citations, "ranking": [best["id"], worst["id"]]}
    judged = await client.post("/v1/feedback", json=said)
    assert judged.status_code == 201
    assert {key: judged.json()[key] for key in (*said, "verdict")} == said | {"verdict": None}
    assert (await client.get(f"/v1/answers/{best['id']}")).json()["feedback"] == [judged.json()]


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"wrong_citations": [9]}, 400, "feedback_invalid"),
        ({"ranking": ["itself"]}, 400, "feedback_invalid"),
        ({"ranking": ["itself", "another question"]}, 400, "feedback_invalid"),
        ({"ranking": ["itself", "nope"]}, 404, "answer_not_found"),
        ({"preferred_over": "itself"}, 400, "feedback_invalid"),
        ({"preferred_over": "another question"}, 400, "feedback_invalid"),
        ({"preferred_over": "nope"}, 404, "answer_not_found"),
    ],
)
async def test_a_judgement_of_what_the_answer_is_not_is_refused(
    client: httpx.AsyncClient, said: dict[str, Any], status: int, code: str
) -> None:
    answer, other = [
        (await client.post("/v1/query", json={"question": question})).json()
        for question in (QUESTION, "What does a gate compare?")
    ]
    ids = {"itself": answer["id"], "another question": other["id"]}
    if "preferred_over" in said:
        said = {"preferred_over": ids.get(said["preferred_over"], "nope")}
    if "ranking" in said:
        said = {"ranking": [ids.get(name, "nope") for name in said["ranking"]]}
    judged = await client.post("/v1/feedback", json={"answer_id": answer["id"], "verdict": "down"} | said)
    assert (judged.status_code, code_of(judged)) == (status, code)
    assert (await client.get(f"/v1/answers/{answer['id']}")).json()["feedback"] == []


async def test_judging_or_reading_an_unknown_answer_is_404(client: httpx.AsyncClient) -> None:
    judged = await client.post("/v1/feedback", json={"answer_id": "nope", "verdict": "up"})
    read = await client.get("/v1/answers/nope")
    assert (judged.status_code, code_of(judged)) == (404, "answer_not_found")
    assert (read.status_code, code_of(read)) == (404, "answer_not_found")


async def test_documents_and_collections_are_listed(client: httpx.AsyncClient) -> None:
    body = (await client.get("/v1/collections")).json()
    assert body == {
        "default": "default",
        "collections": [{"name": "default", "snapshot": "snapshot-1", "documents": 3, "chunks": 8}],
    }
    missing = await client.get("/v1/documents/nope")
    elsewhere = await client.get("/v1/documents/nope?collection=nope")
    assert (missing.status_code, code_of(missing)) == (404, "document_not_found")
    assert (elsewhere.status_code, code_of(elsewhere)) == (404, "collection_not_found")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/v1/models", "/openapi.json"])
async def test_head_is_answered_as_get_without_the_body(client: httpx.AsyncClient, path: str) -> None:
    got, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]


async def test_where_a_value_of_many_types_is_wrong_is_told_by_its_name(client: httpx.AsyncClient) -> None:
    asked = {"model": "troika", "messages": [{"role": "user", "content": "a"}], "stop": ""}
    told = (await client.post("/v1/chat/completions", json=asked)).json()["error"]
    assert told["param"] == "stop"
    assert "function" not in told["message"]
    many = {"model": "troika", "input": ["a"] * 2_049}
    told = (await client.post("/v1/embeddings", json=many)).json()["error"]
    assert (told["param"], "at most 2048 items" in told["message"]) == ("input", True)


async def test_ready_names_what_it_depends_on(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    response = await client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["status"] == "ready"
    assert set(response.json()["checks"]) == {
        "server", "home", "disk", "history", "collection", "generator"
    }  # fmt: skip


async def test_not_ready_tells_which_part_is_missing_while_the_process_lives(tmp_path: Path) -> None:
    server = Server(tmp_path, FailingProvider)
    async with server.client() as client:
        assert (await client.get("/healthz")).status_code == 200
        response = await client.get("/readyz")
    server.history.close()
    checks = response.json()["checks"]
    assert response.status_code == 503
    assert {name for name, check in checks.items() if not check["ok"]} == {"generator"}
    assert checks["generator"]["code"] == "model_not_found"


async def test_the_lifespan_closes_what_the_app_was_given(server: Server) -> None:
    async with server.app.router.lifespan_context(server.app):
        assert not server.pipeline.closed
    assert server.pipeline.closed


async def test_openapi_describes_every_route_with_its_problems(client: httpx.AsyncClient) -> None:
    described = (await client.get("/openapi.json")).json()
    assert set(described["paths"]) == {
        "/v1/chat/completions", "/v1/embeddings", "/v1/models", "/v1/models/{name}",
        "/v1/query", "/v1/answers/{answer_id}", "/v1/feedback", "/v1/search", "/v1/collections",
        "/v1/documents/{document_id}", "/v1/adapters", "/healthz", "/readyz", "/metrics",
        "/v1/snapshots", "/v1/collections/{name}/rollback", "/v1/statistics",
        "/v1/documents/{document_id}/boxes", "/v1/documents/{document_id}/pages/{number}",
    }  # fmt: skip
    query = described["paths"]["/v1/query"]["post"]["responses"]
    assert set(query["200"]["content"]) == {"application/json", "text/event-stream"}
    assert "application/problem+json" in query["404"]["content"]
    assert query["404"]["content"]["application/problem+json"]["schema"]["title"] == "Problem"
