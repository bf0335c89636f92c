"""A real vLLM behind a real server: what it writes, the adapters it takes up, how it fails and comes back.

Needs vLLM's own environment (`make vllm-env`, or ``VLLM_PYTHON``); takes minutes on a CPU. The tests run in
this order on one server: starting vLLM is what takes long.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import msgspec
import pytest

from ingest.errors import GeneratorError
from service.generate import Message, Sampling
from service.generators.openai_http import OpenAiGenerator
from service.releases.promotion import promote
from service.releases.release_history import BASE
from service.routing.served_model import ServedModel
from service.routing.server import ModelServer, Patience
from tests.e2e.vllm_server import (
    ASK_SECONDS,
    PYTHON,
    QUESTION,
    START_SECONDS,
    Served,
    keep_random_adapter,
    running_server,
    session_of,
)

SWITCH_SECONDS = 300.0
SOON_SECONDS = 5.0
"""Half a second is promised; the machines that test are busy."""
RECOVERY_SECONDS = 180.0
"""Ten seconds are promised."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.is_file(), reason="needs vLLM's environment: make vllm-env"),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, shared_models: Any) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("vllm-home")
    (home / "models").symlink_to(shared_models)
    with running_server(home) as server:
        yield server


@contextmanager
def asking(served: Served, askers: int) -> Iterator[list[dict[str, Any]]]:
    """Questions under way all the time; the answers are there at the end."""
    answers: list[dict[str, Any]] = []
    stopped = threading.Event()

    def keep_asking() -> None:
        while not stopped.is_set():
            answers.append(served.ask())

    with ThreadPoolExecutor(askers) as pool:
        asked = [pool.submit(keep_asking) for _ in range(askers)]
        try:
            yield answers
        finally:
            stopped.set()
        for one in asked:
            one.result()


def test_the_sources_are_quoted_until_it_has_started(served: Served) -> None:
    assert served.is_degraded(served.ask())
    written = served.ask_until(START_SECONDS, degraded=False)
    assert written["generator"] == served.model
    assert written["usage"]["completion_tokens"] > 0


def test_a_prompt_that_was_read_before_is_not_read_again(served: Served) -> None:
    served.ask()
    before = served.prefix_hits()
    prompt_tokens = served.ask()["usage"]["prompt_tokens"]
    assert served.prefix_hits() - before >= prompt_tokens / 2


def test_an_answer_in_json_is_of_the_schema(served: Served) -> None:
    schema = {"type": "object", "properties": {"rank": {"type": "integer"}}, "required": ["rank"]}
    said = asyncio.run(_write_json(served, json.dumps({**schema, "additionalProperties": False})))
    assert isinstance(json.loads(said)["rank"], int)


async def _write_json(served: Served, schema: str) -> str:
    model = OpenAiGenerator(
        served.model, f"{served.vllm_url()}/v1", None, frozenset({"en"}), timeout_seconds=ASK_SECONDS
    )
    messages = (Message("user", "A rank of 16 is the default. Which rank is the default?"),)
    pieces = [piece.text async for piece in model.stream(messages, Sampling(32, json_schema=schema))]
    await model.aclose()
    return "".join(pieces)


def test_releases_are_switched_without_losing_an_answer(served: Served) -> None:
    with asking(served, 3) as answers:
        for release in (*served.adapters, BASE):
            promote(served.home, release)
            served.ask_until(SWITCH_SECONDS, degraded=False, release=release)
    assert {answer["release"] for answer in answers} >= {*served.adapters, BASE}
    for answer in answers:
        assert (answer["degraded"], answer["generator"]) == (None, served.generator_of(answer["release"]))
    deadline = time.monotonic() + SWITCH_SECONDS
    while served.loaded() and time.monotonic() < deadline:
        time.sleep(0.5)
    assert served.loaded() == set()


def test_several_releases_answer_side_by_side(served: Served) -> None:
    # As many are named as are kept ready besides the one that is served: of more, the longest unused goes.
    asked = [None, *served.adapters] * 2
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = list(pool.map(served.ask, asked))
    assert [answer["release"] for answer in answers] == [name or BASE for name in asked]
    for answer in answers:
        assert (answer["degraded"], answer["generator"]) == (None, served.generator_of(answer["release"]))
    assert served.loaded() == set(served.adapters)


def test_an_adapter_that_is_not_what_was_kept_is_not_loaded(served: Served) -> None:
    changed = keep_random_adapter(served.home, seed=2)
    of_another_model = keep_random_adapter(served.home, seed=3, base_model="another@0123456789abcdef")
    with (changed.path / "adapter_model.safetensors").open("ab") as weights:
        weights.write(b"\0")
    for adapter in (changed, of_another_model):
        body = {"question": QUESTION, "release": adapter.name}
        reply = served.client.post(f"{served.url}/v1/query", json=body)
        assert reply.json()["code"] == "adapter_rejected", reply.text
        assert adapter.name not in served.loaded()
        shutil.rmtree(adapter.path)


@pytest.mark.anyio
async def test_one_that_hangs_is_left_out_and_taken_back(served: Served) -> None:
    served.ask_until(START_SECONDS, degraded=False)
    vllm, url = served.vllm(), f"{served.vllm_url()}/v1"
    languages = frozenset({"en"})
    asked = OpenAiGenerator(served.model, url, None, languages, timeout_seconds=ASK_SECONDS)
    patience = Patience(first_token=4.0, next_token=ASK_SECONDS, probe=ASK_SECONDS)
    model = ServedModel(served.model, languages, [ModelServer(url, asked, None, patience)])
    os.killpg(vllm, signal.SIGSTOP)
    try:
        with pytest.raises(GeneratorError, match="wrote nothing"):
            await _write(model)
        started = time.monotonic()
        with pytest.raises(GeneratorError, match="no server"):
            await _write(model)
        assert time.monotonic() - started < SOON_SECONDS
    finally:
        os.killpg(vllm, signal.SIGCONT)
    async with asyncio.timeout(RECOVERY_SECONDS):
        while True:
            try:
                assert await _write(model)
                break
            except GeneratorError:
                await asyncio.sleep(0.2)
    await model.aclose()
    assert served.vllm() == vllm


async def _write(model: ServedModel) -> str:
    messages = (Message("user", "Count to three."),)
    return "".join([piece.text async for piece in model.stream(messages, Sampling(4))])


def test_an_answer_that_is_cut_off_is_quoted_and_all_is_as_before_when_it_is_back(served: Served) -> None:
    release = served.adapters[0]
    promote(served.home, release)
    served.ask_until(SWITCH_SECONDS, degraded=False, release=release)
    vllm = served.vllm()
    cut, seconds = _killed_in_mid_stream(served, vllm)
    assert served.is_degraded(cut)
    assert cut["citations"]
    assert seconds < SOON_SECONDS
    started = time.monotonic()
    assert served.is_degraded(served.ask())
    assert time.monotonic() - started < SOON_SECONDS
    _wait_until_healthy(served, vllm)
    served.ask_until(RECOVERY_SECONDS, degraded=False, release=release)
    assert session_of(vllm) == []
    assert served.loaded() == {release}


def _killed_in_mid_stream(served: Served, vllm: int) -> tuple[dict[str, Any], float]:
    """The answer during which vLLM was killed, and the seconds from then to its end."""
    body, event, killed = {"question": QUESTION, "cache": False, "stream": True}, "", 0.0
    with served.client.stream("POST", f"{served.url}/v1/query", json=body) as reply:
        for line in reply.iter_lines():
            event = line.removeprefix("event: ") if line.startswith("event: ") else event
            if event == "message.delta" and not killed:
                os.kill(vllm, signal.SIGKILL)
                killed = time.monotonic()
            if event == "done" and line.startswith("data: "):
                return msgspec.json.decode(line.removeprefix("data: ")), time.monotonic() - killed
    raise AssertionError("the stream ended before the answer did")


def _wait_until_healthy(served: Served, killed: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if served.vllm() != killed and served.client.get(f"{served.vllm_url()}/health").is_success:
                return
        except (ValueError, httpx.TransportError):
            pass
        time.sleep(0.2)
    pytest.fail("vLLM was not started again")


def test_it_ends_with_the_server(served: Served) -> None:
    vllm = served.vllm()
    assert len(session_of(vllm)) > 1
    served.process.terminate()
    assert served.process.wait(60) in (0, -signal.SIGTERM)
    assert session_of(vllm) == []
