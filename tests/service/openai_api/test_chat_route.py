from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import GeneratorError
from ingest.settings import ServerSettings, Settings
from service.answer import Cited, Degradation, Delta, Finished, Retrieved, Usage
from service.app import Parts, create_app
from service.history.history import History
from service.openai_api.completion import ChunkFrames, CompletionForm, completion_of
from tests.fakes import MemoryPipeline, OnePipeline
from tests.service.openai_api.answers import answer_of
from tests.small_handbook import small_handbook

pytestmark = pytest.mark.anyio

QUESTION = "Which rank is the default for an adapter?"
ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": QUESTION}]}


@pytest.fixture
def pipeline(tmp_path: Path) -> MemoryPipeline:
    return MemoryPipeline(small_handbook(), History(tmp_path / "history.sqlite"))


@pytest.fixture
async def client(pipeline: MemoryPipeline, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    assert pipeline.history is not None
    settings = Settings(
        home=tmp_path,
        collection="default",
        server=ServerSettings(max_request_bytes=20_000, max_question_characters=400),
    )
    app = create_app(settings, Parts(OnePipeline(pipeline), pipeline.history))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as opened:
        yield opened
    pipeline.history.close()


async def complete(client: httpx.AsyncClient, **parameters: Any) -> httpx.Response:
    return await client.post("/v1/chat/completions", json=ASKED | parameters)


def chunks_of(body: str) -> list[dict[str, Any]]:
    """The chunks of a stream, up to its ``[DONE]``."""
    *frames, done, rest = body.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    assert all(frame.startswith("data: ") and "\n" not in frame for frame in frames)
    return [json.loads(frame.removeprefix("data: ")) for frame in frames]


async def test_a_completion_carries_its_answer_citations_and_provenance(client: httpx.AsyncClient) -> None:
    body = (await complete(client, passages=2)).json()
    assert (body["object"], body["model"]) == ("chat.completion", "troika")
    (choice,) = body["choices"]
    assert (choice["index"], choice["finish_reason"]) == (0, "stop")
    message, troika = choice["message"], body["troika"]
    assert (message["role"], message["refusal"]) == ("assistant", None)
    assert body["usage"] == {"prompt_tokens": 412, "completion_tokens": 37, "total_tokens": 449}
    assert body["id"] == f"chatcmpl-{troika['answer_id']}"
    assert (troika["abstained"], troika["passages"], troika["warnings"]) == (False, 2, [])
    kept = (await client.get(f"/v1/answers/{troika['answer_id']}")).json()
    assert kept["text"] == message["content"]
    for annotation, citation in zip(message["annotations"], kept["citations"], strict=True):
        span = annotation["url_citation"]
        assert annotation["type"] == "url_citation"
        assert (span["start_index"], span["end_index"]) == (citation["answer_start"], citation["answer_end"])
        assert (span["url"], annotation["quote"]) == (citation["uri"], citation["quote"])


async def test_a_stream_says_the_same_as_the_whole(client: httpx.AsyncClient) -> None:
    whole = (await complete(client)).json()
    response = await complete(client, stream=True, stream_options={"include_usage": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    *steps, end, usage = chunks_of(response.text)
    deltas = [chunk["choices"][0]["delta"] for chunk in steps]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(delta.get("content", "") for delta in deltas) == whole["choices"][0]["message"]["content"]
    assert deltas[-1] == {"annotations": whole["choices"][0]["message"]["annotations"]}
    assert {chunk["choices"][0]["finish_reason"] for chunk in steps} == {None}
    assert end["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
    assert end["troika"]["groundedness"] == whole["troika"]["groundedness"]
    assert (usage["choices"], usage["usage"]) == ([], whole["usage"])
    assert len({(chunk["id"], chunk["created"], chunk["object"]) for chunk in (*steps, end, usage)}) == 1


async def test_usage_is_streamed_only_when_asked_for(client: httpx.AsyncClient) -> None:
    chunks = chunks_of((await complete(client, stream=True)).text)
    assert all(chunk["usage"] is None and chunk["choices"] for chunk in chunks)


async def test_an_abstention_is_an_ordinary_message_that_is_marked(client: httpx.AsyncClient) -> None:
    body = (await complete(client, messages=[{"role": "user", "content": "今天午饭吃什么"}])).json()
    assert body["choices"][0]["message"]["content"].startswith("我不知道")
    assert body["choices"][0]["message"]["annotations"] == []
    assert body["troika"]["abstained"]


async def test_the_answer_is_judged_under_the_id_it_tells(client: httpx.AsyncClient) -> None:
    answer_id = (await complete(client)).json()["troika"]["answer_id"]
    judged = await client.post("/v1/feedback", json={"answer_id": answer_id, "verdict": "up"})
    assert judged.status_code == 201


async def test_a_system_message_is_told_to_be_unread(client: httpx.AsyncClient) -> None:
    messages = [{"role": "system", "content": "Be a pirate."}, *ASKED["messages"]]
    body = (await complete(client, messages=messages)).json()
    assert body["troika"]["warnings"] == ["system_message_ignored"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("parameters", "status", "code", "parameter"),
    [
        ({"model": "gpt-6:"}, 404, "model_not_found", "model"),
        ({"collection": "nope"}, 404, "collection_not_found", "collection"),
        ({"n": 2}, 400, "unsupported_parameter", "n"),
        ({"tools": [{"type": "function"}]}, 400, "unsupported_parameter", "tools"),
        ({"messages": [{"role": "user", "content": " "}]}, 400, "question_empty", "messages"),
        ({"messages": [{"role": "user", "content": "?!"}]}, 400, "question_without_terms", "messages"),
        ({"messages": [{"role": "user", "content": "x" * 401}]}, 413, "question_too_long", "messages"),
        ({"messages": []}, 400, "request_invalid", "messages"),
        ({"messages": [{"role": "pirate", "content": "?"}]}, 400, "request_invalid", "messages.0.role"),
        ({"messages": None}, 400, "request_invalid", "messages"),
        ({"temperature": 3}, 400, "request_invalid", "temperature"),
        ({"response_format": {"type": "xml"}}, 400, "request_invalid", "response_format"),
        ({"filter": {"year": {"above": 3}}}, 400, "filter_invalid", "filter"),
        ({"user": "x" * 30_000}, 413, "request_too_large", None),
    ],
)
async def test_a_bad_request_gets_openais_error_before_any_chunk(
    client: httpx.AsyncClient,
    parameters: dict[str, Any],
    status: int,
    code: str,
    parameter: str | None,
    stream: bool,
) -> None:
    response = await complete(client, stream=stream, **parameters)
    assert response.headers["content-type"] == "application/json"
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, code, parameter)
    assert error["type"] == "invalid_request_error"


async def test_what_is_no_json_gets_openais_error_too(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    response = await client.post("/v1/chat/completions", content=b"{", headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "json_invalid")
    method = await client.get("/v1/chat/completions")
    assert (method.status_code, method.json()["error"]["code"]) == (405, "method_not_allowed")


async def test_a_failure_in_the_middle_is_an_error_inside_the_stream(
    pipeline: MemoryPipeline, client: httpx.AsyncClient
) -> None:
    pipeline.failure = GeneratorError("the model server went away.")
    response = await complete(client, stream=True)
    assert response.status_code == 200
    last = response.text.strip().split("\n\n")[-1]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "generator_failed"
    whole = await complete(client)
    assert (whole.status_code, whole.json()["error"]["type"]) == (503, "server_error")


async def test_an_unexpected_failure_is_not_described(
    pipeline: MemoryPipeline, client: httpx.AsyncClient
) -> None:
    pipeline.failure = ZeroDivisionError("secret")
    response = await complete(client)
    assert (response.status_code, response.json()["error"]["code"]) == (500, "internal_error")
    assert "secret" not in response.text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1)))
async def test_whatever_is_streamed_adds_up_to_the_whole(pieces: list[str]) -> None:
    answer = answer_of("".join(pieces))
    frames = ChunkFrames(CompletionForm("troika"))
    events = (Retrieved(answer.id, ()), *map(Delta, pieces), *map(Cited, answer.citations), Finished(answer))
    chunks = chunks_of(b"".join(map(frames.of, events)).decode())
    said = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert said == completion_of(answer, CompletionForm("troika")).choices[0].message.content


@pytest.mark.parametrize(
    ("abstained", "degraded"), [(False, None), (True, None), (False, Degradation.GENERATOR)]
)
async def test_json_comes_in_one_chunk_or_as_a_refusal(abstained: bool, degraded: Degradation | None) -> None:
    form = CompletionForm("troika", is_json=True)
    answer = replace(answer_of('{"rank": 16}', abstained=abstained), degraded=degraded)
    frames = ChunkFrames(form)
    assert frames.of(Delta('{"rank"')) == b""
    first = chunks_of(frames.of(Finished(answer)).decode())[0]["choices"][0]["delta"]
    message = completion_of(answer, form).choices[0].message
    if abstained or degraded:
        assert (message.content, message.refusal, first) == (None, answer.text, {"refusal": answer.text})
    else:
        assert (message.content, message.refusal, first) == (answer.text, None, {"content": answer.text})


@pytest.mark.parametrize(
    ("truncated", "degraded", "is_json", "reason"),
    [
        (False, None, False, "stop"),
        (True, None, False, "length"),
        (True, Degradation.UNSUPPORTED, False, "stop"),
        (True, Degradation.UNSUPPORTED, True, "length"),
    ],
)
async def test_the_finish_reason_tells_of_a_text_that_was_cut_off(
    truncated: bool, degraded: Degradation | None, is_json: bool, reason: str
) -> None:
    answer = answer_of("Sixteen.", usage=Usage(1, 2, truncated), degraded=degraded)
    form = CompletionForm("troika", is_json=is_json)
    assert completion_of(answer, form).choices[0].finish_reason == reason


@pytest.mark.parametrize("constant", ["NaN", "-Infinity", '"\\ud800"'])
async def test_a_schema_that_is_no_json_is_the_clients_error(
    client: httpx.AsyncClient, constant: str
) -> None:
    schema = f'{{"type": "json_schema", "json_schema": {{"name": "r", "schema": {{"const": {constant}}}}}}}'
    body = f'{json.dumps(ASKED)[:-1]}, "response_format": {schema}}}'
    headers = {"content-type": "application/json"}
    response = await client.post("/v1/chat/completions", content=body, headers=headers)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "response_format"
