"""Against a real HTTP server that answers as Cohere, vLLM and TEI do."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ingest.errors import RerankerError, SettingsError
from service.retrieval.rerankers.http import HttpReranker

PASSAGES = ["first", "second", "third"]
Reply = Callable[[dict[str, Any]], tuple[int, object]]


class Server(ThreadingHTTPServer):
    """Answers every POST by ``reply``; ``requests`` holds path, authorization and body of each."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, str | None, dict[str, Any]]] = []
        self.reply: Reply = lambda _: (200, {"results": []})

    def reranker(self, timeout_seconds: float = 5.0) -> HttpReranker:
        return HttpReranker("ranker", f"http://127.0.0.1:{self.server_port}/v1/", "key", timeout_seconds)


class Handler(BaseHTTPRequestHandler):
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append((self.path, self.headers["authorization"], body))
        status, answer = self.server.reply(body)
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_scores_come_back_in_the_order_of_the_passages(server: Server) -> None:
    scored = [(2, 0.75), (0, 0.5), (1, 0.25)]
    server.reply = lambda _: (
        200,
        {"id": "x", "results": [{"index": index, "relevance_score": score} for index, score in scored]},
    )
    assert server.reranker().score("q", PASSAGES).tolist() == [0.5, 0.25, 0.75]
    wanted = {"model": "ranker", "query": "q", "documents": PASSAGES, "top_n": 3}
    assert server.requests == [("/v1/rerank", "Bearer key", wanted)]


def test_the_form_of_text_embeddings_inference_is_understood(server: Server) -> None:
    def reply(body: dict[str, Any]) -> tuple[int, object]:
        if "texts" not in body:
            return 422, "missing field `texts`"
        return 200, [{"index": index, "score": -float(index)} for index in reversed(range(3))]

    server.reply = reply
    assert server.reranker().score("q", PASSAGES).tolist() == [0.0, -1.0, -2.0]


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (500, {"error": "out of memory"}),
        (401, {"error": "no key"}),
        (200, b"<html>"),
        (200, {"data": []}),
        (200, {"results": [{"index": 0, "relevance_score": 1.0}]}),
        (200, {"results": [{"index": n, "relevance_score": 1.0} for n in (0, 1, 7)]}),
        (200, {"results": [{"index": n, "relevance_score": None} for n in (0, 1, 2)]}),
        (200, "scores"),
    ],
)
def test_what_is_no_score_for_every_passage_is_an_error(server: Server, status: int, answer: object) -> None:
    server.reply = lambda _: (status, answer)
    with pytest.raises(RerankerError, match=r"check rerank\.base_url"):
        server.reranker().score("q", PASSAGES)


def test_a_server_that_keeps_silent_is_left_after_the_time_limit(server: Server) -> None:
    released = threading.Event()

    def reply(body: dict[str, Any]) -> tuple[int, object]:
        released.wait(10)
        return 200, {"results": []}

    server.reply = reply
    try:
        with pytest.raises(RerankerError):
            server.reranker(timeout_seconds=0.1).score("q", PASSAGES)
    finally:
        released.set()


def test_a_server_that_is_not_there_is_an_error() -> None:
    with pytest.raises(RerankerError):
        HttpReranker("ranker", "http://127.0.0.1:9", None, 1.0).score("q", PASSAGES)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"rerank\.base_url"):
        HttpReranker("ranker", "http://host:port", None, 1.0)
