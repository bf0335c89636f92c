from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ingest.errors import GeneratorError, GeneratorRefusedError, SettingsError
from service.generate import Message, Piece, Sampling
from service.generators.openai_http import OpenAiGenerator

pytestmark = pytest.mark.anyio

MESSAGES = (Message("system", "Be brief."), Message("user", "Who?"))
SAMPLING = Sampling(max_tokens=7, temperature=0.5, seed=3)
DONE = "data: [DONE]"


class Handler(BaseHTTPRequestHandler):
    """Sends the lines of its server's script, one after the other, and closes."""

    server: ScriptedServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests.append((self.path, dict(self.headers), json.loads(body)))
        self.send_response(self.server.refuses(self.server.requests[-1][2]) or self.server.status)
        if self.path == "/tokenize":
            self.end_headers()
            self.wfile.write(self.server.tokens.encode())
            return
        self.send_header("content-type", "text/event-stream")
        if self.server.declared is not None:
            self.send_header("content-length", str(self.server.declared))
        self.end_headers()
        try:
            for line in self.server.lines:
                self.wfile.write(f"{line}\n\n".encode())
                self.wfile.flush()
                self.server.pause()
        except OSError:
            self.server.left.set()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class ScriptedServer(ThreadingHTTPServer):
    """A model server that always answers the same."""

    daemon_threads = True

    def __init__(self, lines: Sequence[str], status: int, declared: int | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lines = lines
        self.status = status
        self.declared = declared
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.tokens = ""
        self.left = threading.Event()
        self.pause: Callable[[], object] = lambda: None
        self.refuses: Callable[[dict[str, Any]], int | None] = lambda _body: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


@contextmanager
def serving(*lines: str, status: int = 200, declared: int | None = None) -> Iterator[ScriptedServer]:
    server = ScriptedServer(lines, status, declared)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def chunk(text: str | None = None, finish: str | None = None, usage: dict[str, int] | None = None) -> str:
    data = {"choices": [{"delta": {"content": text}, "finish_reason": finish}], "usage": usage}
    return f"data: {json.dumps(data)}"


def usage_chunk(prompt: int, completion: int) -> str:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion}
    return f"data: {json.dumps({'choices': [], 'usage': usage})}"


async def pieces_from(url: str, api_key: str | None = None, sampling: Sampling = SAMPLING) -> list[Piece]:
    generator = OpenAiGenerator("qwen", url, api_key, frozenset({"en", "zh"}), timeout_seconds=5)
    try:
        return [piece async for piece in generator.stream(MESSAGES, sampling)]
    finally:
        await generator.aclose()


async def test_the_answer_comes_as_the_server_sends_it_with_its_token_counts() -> None:
    lines = (
        ": comment",
        chunk(""),
        chunk("It "),
        chunk("是我"),
        chunk(None, "stop"),
        usage_chunk(11, 2),
        DONE,
    )
    with serving(*lines) as server:
        pieces = await pieces_from(server.url)
    assert pieces == [Piece("It ", None, 1), Piece("是我", None, 2), Piece("", 11, 2)]


async def test_a_server_that_counts_as_it_writes_is_believed_at_every_piece() -> None:
    def counted(text: str, written: int) -> str:
        return chunk(text, usage={"prompt_tokens": 11, "completion_tokens": written})

    lines = (
        counted("", 0),
        counted("It is", 2),
        counted("", 3),
        chunk("me", "stop"),
        usage_chunk(11, 4),
        DONE,
    )
    with serving(*lines) as server:
        pieces = await pieces_from(server.url)
    assert server.requests[0][2]["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}
    assert pieces == [Piece("It is", 11, 2), Piece("", 11, 3), Piece("me"), Piece("", 11, 4)]


@pytest.mark.parametrize("status", [400, 422])
async def test_a_server_that_takes_no_field_of_vllms_is_asked_without_it_from_then_on(status: int) -> None:
    with serving(chunk("x", "stop")) as server:
        server.refuses = lambda body: status if "continuous_usage_stats" in body["stream_options"] else None
        generator = OpenAiGenerator("qwen", server.url, None, frozenset({"en"}), timeout_seconds=5)
        for _ in range(2):
            assert [piece.text async for piece in generator.stream(MESSAGES, SAMPLING)] == ["x"]
        await generator.aclose()
    options = [body["stream_options"] for _, _, body in server.requests]
    assert options == [
        {"include_usage": True, "continuous_usage_stats": True},
        {"include_usage": True},
        {"include_usage": True},
    ]


async def test_what_is_refused_for_another_reason_leaves_the_server_counting() -> None:
    with serving(chunk("x", "stop")) as server:
        generator = OpenAiGenerator("qwen", server.url, None, frozenset({"en"}), timeout_seconds=5)
        server.refuses = lambda _body: 400
        with pytest.raises(GeneratorRefusedError):
            await anext(generator.stream(MESSAGES, SAMPLING))
        server.refuses = lambda _body: None
        assert [piece.text async for piece in generator.stream(MESSAGES, SAMPLING)] == ["x"]
        await generator.aclose()
    assert server.requests[-1][2]["stream_options"]["continuous_usage_stats"]


async def test_the_question_is_asked_with_its_messages_sampling_and_key() -> None:
    with serving(chunk("x", "stop")) as server:
        await pieces_from(server.url + "/", "secret")
    ((path, headers, body),) = server.requests
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer secret"
    assert body["model"] == "qwen"
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Who?"},
    ]
    assert (body["max_tokens"], body["temperature"], body["seed"], body["stream"]) == (7, 0.5, 3, True)


async def test_what_holds_without_a_wish_is_left_to_the_server() -> None:
    with serving(chunk("x", "stop")) as server:
        await pieces_from(server.url)
    assert not {"stop", "top_p", "response_format"} & server.requests[0][2].keys()


async def test_wishes_are_passed_on_in_openais_form() -> None:
    sampling = Sampling(7, top_p=0.5, stop=("END", "\n"), json_schema='{"type": "object"}')
    with serving(chunk("{}", "stop")) as server:
        await pieces_from(server.url, sampling=sampling)
    body = server.requests[0][2]
    assert (body["top_p"], body["stop"]) == (0.5, ["END", "\n"])
    schema = {"name": "answer", "schema": {"type": "object"}, "strict": True}
    assert body["response_format"] == {"type": "json_schema", "json_schema": schema}


@pytest.mark.parametrize("text", ["and", None])
async def test_an_answer_that_was_cut_off_says_so(text: str | None) -> None:
    with serving(chunk("One "), chunk(text, "length"), usage_chunk(11, 2), DONE) as server:
        pieces = await pieces_from(server.url)
    assert [piece.truncated for piece in pieces] == [False, True, False]


@pytest.mark.parametrize("schema", ['{"const": NaN}', '{"const": "\\ud800"}', "[" * 5000 + "]" * 5000])
async def test_a_schema_that_is_no_json_is_refused_and_no_server_is_asked(schema: str) -> None:
    with serving(chunk("{}", "stop")) as server, pytest.raises(GeneratorRefusedError):
        await pieces_from(server.url, sampling=Sampling(7, json_schema=schema))
    assert server.requests == []


async def test_what_cannot_be_sent_is_no_failure_of_the_server() -> None:
    with serving(chunk("x", "stop")) as server:
        generator = OpenAiGenerator("qwen", server.url, None, frozenset({"en"}), timeout_seconds=5)
        with pytest.raises(GeneratorRefusedError):
            await anext(generator.stream((Message("user", "\ud800"),), SAMPLING))
        await generator.aclose()
    assert server.requests == []


async def test_what_is_to_be_less_likely_is_named_by_its_first_token_on_the_server() -> None:
    sampling = Sampling(max_tokens=7, less_likely=(("我不知道", 2.5),))
    with serving(chunk("Yes", finish="stop"), DONE) as server:
        server.tokens = '{"tokens": [57, 901], "count": 2}'
        generator = OpenAiGenerator("m", server.url, None, frozenset({"en"}), 5.0)
        for _ in range(2):
            assert [piece.text async for piece in generator.stream(MESSAGES, sampling)] == ["Yes"]
        await generator.aclose()
    paths = [path for path, _, _ in server.requests]
    assert paths == ["/tokenize", "/v1/chat/completions", "/v1/chat/completions"]
    assert server.requests[0][2] == {"model": "m", "prompt": "我不知道", "add_special_tokens": False}
    assert server.requests[-1][2]["logit_bias"] == {"57": -2.5}


async def test_a_server_that_tells_no_tokens_cannot_make_a_text_less_likely() -> None:
    with serving(status=404) as server, pytest.raises(GeneratorRefusedError, match=r"answer\.refusal_bias"):
        await pieces_from(server.url, sampling=Sampling(max_tokens=7, less_likely=(("I", 2.5),)))


async def test_a_text_of_no_tokens_is_a_failure_of_the_server() -> None:
    with serving() as server:
        server.tokens = '{"tokens": []}'
        with pytest.raises(GeneratorError, match="failed"):
            await pieces_from(server.url, sampling=Sampling(max_tokens=7, less_likely=(("I", 2.5),)))


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_server_that_fails_when_it_is_asked_for_tokens_does_not_refuse(status: int) -> None:
    with serving(status=status) as server, pytest.raises(GeneratorError, match=str(status)) as failed:
        await pieces_from(server.url, sampling=Sampling(max_tokens=7, less_likely=(("I", 2.5),)))
    assert not isinstance(failed.value, GeneratorRefusedError)


async def test_without_a_key_none_is_sent() -> None:
    with serving(DONE) as server:
        await pieces_from(server.url)
    assert "Authorization" not in server.requests[0][1]


@pytest.mark.parametrize("status", [301, 400, 401, 404, 429, 500, 503])
async def test_a_status_that_is_no_success_is_an_error_with_what_the_server_said(status: int) -> None:
    refused = pytest.raises(GeneratorError, match=rf"{status} \(the model is unknown")
    with serving("the model is unknown", status=status) as server, refused:
        await pieces_from(server.url)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((chunk("It "),), id="no end"),
        pytest.param((), id="nothing"),
        pytest.param((chunk("It "), 'data: {"error": {"message": "out of memory"}}'), id="error event"),
        pytest.param((chunk("It "), "data: {broken"), id="no JSON"),
        pytest.param(("data: []",), id="a list"),
        pytest.param(('data: {"choices": ["x"]}',), id="no object"),
        pytest.param(('data: {"choices": [], "usage": {}}',), id="no counts"),
    ],
)
async def test_a_stream_that_breaks_off_or_makes_no_sense_is_an_error(lines: Sequence[str]) -> None:
    with serving(*lines) as server, pytest.raises(GeneratorError):
        await pieces_from(server.url)


async def test_a_connection_that_is_cut_in_mid_answer_is_an_error_after_what_came() -> None:
    with serving(chunk("It "), declared=10_000) as server:
        generator = OpenAiGenerator("qwen", server.url, None, frozenset({"en"}), timeout_seconds=5)
        stream = generator.stream(MESSAGES, SAMPLING)
        assert await anext(stream) == Piece("It ", None, 1)
        with pytest.raises(GeneratorError):
            await anext(stream)
        await generator.aclose()


async def test_an_error_field_that_is_null_is_no_error() -> None:
    line = json.dumps({"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}], "error": None})
    with serving(f"data: {line}") as server:
        assert await pieces_from(server.url) == [Piece("x", None, 1)]


async def test_a_server_that_cannot_be_reached_is_an_error_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(GeneratorError, match=f"127.0.0.1:{port}"):
        await pieces_from(f"http://127.0.0.1:{port}/v1")


async def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        generator = OpenAiGenerator("qwen", url, None, frozenset({"en"}), timeout_seconds=0.1)
        with pytest.raises(GeneratorError, match=r"took no question|ReadTimeout"):
            await anext(generator.stream(MESSAGES, SAMPLING))
        await generator.aclose()


async def test_what_is_no_url_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="base_url"):
        OpenAiGenerator("qwen", "http://host:port/v1", None, frozenset({"en"}), timeout_seconds=5)


async def test_who_leaves_early_closes_the_connection() -> None:
    with serving(*[chunk("word ")] * 100_000) as server:
        server.pause = lambda: server.left.wait(0.001)
        generator = OpenAiGenerator("qwen", server.url, None, frozenset({"en"}), timeout_seconds=5)
        async with aclosing(generator.stream(MESSAGES, SAMPLING)) as pieces:
            assert await anext(pieces) == Piece("word ", None, 1)
        assert server.left.wait(5)
        await generator.aclose()
