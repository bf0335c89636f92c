from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import GeneratorError, RerankerError
from ingest.settings_observe import LogFormat
from service.access.caller import Caller, Scope
from service.observe.logs import JsonLines, TextLines, configure_logging
from tests.service.observe.serving import QUESTION, in_home, serving

pytestmark = pytest.mark.anyio

CANARY = "quetzalcoatlus"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is logged as JSON from now on; the process logs as before in the end."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    written = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", written)
        configure_logging(LogFormat.JSON)
    yield written
    logging.captureWarnings(capture=False)
    root.setLevel(before[0])
    root.handlers[:] = before[1]


def lines_of(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


async def test_a_request_is_one_line_that_names_its_route_and_not_its_text(
    tmp_path: Path, log: io.StringIO
) -> None:
    async with serving(in_home(tmp_path)) as server:
        answer = await server.client.post("/v1/query", json={"question": QUESTION})
        await server.client.get(f"/v1/answers/{CANARY}?page={CANARY}")
        await server.client.get("/readyz")
    asked, missing = [line for line in lines_of(log) if line["message"] == "request"]
    assert asked.pop("time").endswith("+00:00")
    assert asked.pop("ms") > 0
    assert asked == {
        "level": "info",
        "logger": "service.access_log",
        "message": "request",
        "request_id": answer.headers["x-request-id"],
        "method": "POST",
        "route": "/v1/query",
        "status": 200,
        "outcome": "ok",
        "code": None,
        "bytes": len(answer.content),
        "key": None,
    }
    assert (missing["route"], missing["code"]) == ("/v1/answers/{answer_id}", "answer_not_found")


@pytest.mark.parametrize(
    ("wished", "is_taken"),
    [
        ("a-proxy.s_id-1", True),
        ("x" * 129, False),
        ("a b", False),
        ("a\tb", False),
        ("é", False),
        ("", False),
    ],
)
async def test_an_id_that_a_proxy_gave_is_kept_when_it_is_one(
    tmp_path: Path, log: io.StringIO, wished: str, is_taken: bool
) -> None:
    async with serving(in_home(tmp_path)) as server:
        response = await server.client.get("/v1/nothing", headers=[(b"x-request-id", wished.encode())])
    given = response.headers["x-request-id"]
    assert (given == wished) is is_taken
    assert lines_of(log)[-1]["request_id"] == given


@pytest.mark.parametrize(
    "failure",
    [
        None,
        GeneratorError(f"the model server said {CANARY}."),
        RerankerError(f"the reranker said {CANARY}."),
        ValueError(CANARY),
        ExceptionGroup(CANARY, [KeyError(CANARY)]),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_asked_answered_or_documented_is_never_logged(
    tmp_path: Path, log: io.StringIO, failure: Exception | None, stream: bool
) -> None:
    async with serving(in_home(tmp_path)) as server:
        server.pipeline.failure = failure
        question = {"question": f"Which rank has the {CANARY}?", "history": [CANARY], "stream": stream}
        await server.client.post("/v1/query", json=question)
        await server.client.post("/v1/query", json=question | {"collection": CANARY})
        await server.client.post("/v1/query", json=question | {CANARY: CANARY})
        await server.client.post("/v1/search", json={"query": f"{CANARY} rank", "filter": {CANARY: {}}})
        await server.client.post("/v1/query", content=f'{{"question": {CANARY}')
        await server.client.post("/v1/feedback", json={"answer_id": CANARY, "verdict": "up"})
        await server.client.get(f"/{CANARY}", headers={"authorization": f"Bearer {CANARY}", CANARY: CANARY})
    logging.getLogger("a.library").error("it failed", exc_info=failure)
    assert len(lines_of(log)) >= 7
    assert CANARY not in log.getvalue()


def test_an_exception_is_told_by_its_class_its_code_and_its_way(log: io.StringIO) -> None:
    try:
        try:
            raise KeyError(CANARY)
        except KeyError as error:
            raise GeneratorError(CANARY) from error
    except GeneratorError:
        logging.getLogger("service").exception("it failed")
    outer, inner = lines_of(log)[0]["exception"]
    assert (outer["class"], outer["code"]) == ("ingest.service_errors.GeneratorError", "generator_failed")
    assert inner["class"] == "builtins.KeyError"
    assert "test_an_exception_is_told" in outer["stack"][0]


def test_the_caller_is_told_by_the_name_of_the_key() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "one\ntwo %s", ("three",), None)
    record.fields = {"key": Caller("the-intranet", frozenset({Scope.QUERY}), None).name}
    line = TextLines().format(record)
    assert line.endswith("INFO x: one\\ntwo three key=the-intranet")
    assert json.loads(JsonLines().format(record))["message"] == "one\ntwo three"


def test_without_a_terminal_the_log_is_json(log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    for is_terminal, formatter in ((True, TextLines), (False, JsonLines)):
        stream = io.StringIO()
        monkeypatch.setattr(stream, "isatty", lambda answer=is_terminal: answer)
        monkeypatch.setattr(sys, "stderr", stream)
        configure_logging(None)
        assert isinstance(logging.getLogger().handlers[0].formatter, formatter)
