"""The official OpenAI client and LangChain's, as they come, against a real server.

The fast tests run over the fake pipeline; the slow ones over a server with the embedded model.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import openai
import pytest
import uvicorn
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel, SecretStr

from ingest.errors import GeneratorError
from ingest.pipeline import ingest_documents
from ingest.settings import GeneratorSettings, Settings
from service.answer import AnswerEvent, Finished
from service.app import Parts, create_app
from service.history.history import History
from service.question import Inquiry
from service.releases.served import first_release
from tests.fakes import MemoryPipeline, OnePipeline
from tests.small_handbook import small_handbook

ROOT = Path(__file__).parents[2]
QUESTION = "Which rank is the default for an adapter?"
ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": QUESTION}]
START_SECONDS = 300.0


class Rank(BaseModel):
    """What the structured questions ask for."""

    rank: int


class JsonPipeline(MemoryPipeline):
    """Says ``{"rank": 16}`` where JSON is asked for."""

    async def stream(self, inquiry: Inquiry) -> AsyncGenerator[AnswerEvent]:
        async for event in super().stream(inquiry):
            if inquiry.json_schema is not None and isinstance(event, Finished) and not event.answer.abstained:
                yield Finished(replace(event.answer, text='{"rank": 16}', citations=()))
            else:
                yield event


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> MemoryPipeline:
    home = tmp_path_factory.mktemp("openai-home")
    return JsonPipeline(small_handbook(), History(home / "history.sqlite"))


@pytest.fixture(scope="module")
def url(pipeline: MemoryPipeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server, as the clients want it."""
    assert pipeline.history is not None
    settings = Settings(home=tmp_path_factory.mktemp("openai-app"), collection="default")
    app = create_app(settings, Parts(OnePipeline(pipeline), pipeline.history))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    server.should_exit = True
    thread.join()


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as opened:
        yield opened


def chat_model(url: str) -> ChatOpenAI:
    return ChatOpenAI(base_url=url, api_key=SecretStr("none"), model="troika", max_retries=0)


def test_a_completion_is_read_with_its_annotations_and_usage(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model="troika", messages=ASKED, temperature=0, max_tokens=50)
    message = completion.choices[0].message
    assert message.content is not None
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.total_tokens == 449
    assert message.annotations
    span = message.annotations[0].url_citation
    assert 0 <= span.start_index < span.end_index <= len(message.content)
    assert span.url.startswith("file:///handbook/")
    assert completion.model_extra is not None
    assert completion.model_extra["troika"]["answer_id"] in completion.id


def test_a_stream_adds_up_to_the_completion(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="troika", messages=ASKED)
    chunks = list(
        client.chat.completions.create(
            model="troika", messages=ASKED, stream=True, stream_options={"include_usage": True}
        )
    )
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"


def test_the_clients_own_accumulation_gathers_text_and_annotations(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="troika", messages=ASKED) as stream:
        message = stream.get_final_completion().choices[0].message
    whole = client.chat.completions.create(model="troika", messages=ASKED).choices[0].message
    assert (message.content, message.annotations) == (whole.content, whole.annotations)


@pytest.mark.anyio
async def test_the_asynchronous_client_does_the_same(url: str) -> None:
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
        whole = await client.chat.completions.create(model="troika", messages=ASKED)
        stream = await client.chat.completions.create(model="troika", messages=ASKED, stream=True)
        said = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert said == whole.choices[0].message.content


def test_a_schema_is_parsed_into_the_clients_model(client: openai.OpenAI) -> None:
    parsed = client.chat.completions.parse(model="troika", messages=ASKED, response_format=Rank)
    assert parsed.choices[0].message.parsed == Rank(rank=16)
    with client.chat.completions.stream(model="troika", messages=ASKED, response_format=Rank) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == Rank(rank=16)


def test_json_that_cannot_be_given_is_the_clients_refusal(client: openai.OpenAI) -> None:
    asked: list[ChatCompletionMessageParam] = [{"role": "user", "content": "今天午饭吃什么"}]
    message = (
        client.chat.completions.parse(model="troika", messages=asked, response_format=Rank).choices[0].message
    )
    assert (message.content, message.parsed) == (None, None)
    assert (message.refusal or "").startswith("我不知道")


def test_extra_keys_reach_the_server(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(
        model="troika:default", messages=ASKED, user="ann", extra_body={"passages": 1, "cache": False}
    )
    assert completion.model_extra is not None
    assert completion.model_extra["troika"]["passages"] == 1


def test_every_error_is_the_clients_own_exception(client: openai.OpenAI, pipeline: MemoryPipeline) -> None:
    create = client.chat.completions.create
    with pytest.raises(openai.NotFoundError) as caught:
        create(model="troika:nope", messages=ASKED)
    assert caught.value.code == "collection_not_found"
    with pytest.raises(openai.BadRequestError) as refused:
        create(model="troika", messages=ASKED, n=3)
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "n")
    with pytest.raises(openai.BadRequestError):
        create(model="troika", messages=[{"role": "user", "content": ""}])
    with pytest.raises(openai.APIStatusError) as too_long:
        create(model="troika", messages=[{"role": "user", "content": "x" * 5000}])
    assert too_long.value.status_code == 413
    pipeline.failure = GeneratorError("gone")
    try:
        with pytest.raises(openai.InternalServerError):
            create(model="troika", messages=ASKED)
        with pytest.raises(openai.APIError, match="gone"):
            list(create(model="troika", messages=ASKED, stream=True))
    finally:
        pipeline.failure = None


def test_vectors_are_read_in_the_clients_default_form(client: openai.OpenAI) -> None:
    packed = client.embeddings.create(model="troika", input=["LoRA", "rank"])
    plain = client.embeddings.create(model="troika", input=["LoRA", "rank"], encoding_format="float")
    vectors = [np.array(item.embedding) for item in packed.data]
    assert [item.embedding for item in plain.data] == [pytest.approx(vector) for vector in vectors]
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1])
    assert packed.usage.prompt_tokens > 0
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="troika", input="word " * 100)
    assert caught.value.code == "context_length_exceeded"
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="text-embedding-3-small", input="LoRA")


def test_models_are_listed_and_found(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names == ["troika", "base", first_release(GeneratorSettings()).name, "troika:default"]
    assert client.models.retrieve("troika:default").id == "troika:default"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-6")
    assert caught.value.code == "model_not_found"


def test_langchain_asks_streams_and_counts(url: str) -> None:
    model = chat_model(url)
    whole = model.invoke(QUESTION)
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["total_tokens"] == 449
    assert "".join(str(chunk.content) for chunk in model.stream(QUESTION)) == whole.content
    history = [
        SystemMessage("Be brief."),
        HumanMessage("What is LoRA?"),
        AIMessage("A method [1]."),
        HumanMessage(QUESTION),
    ]
    assert model.invoke(history).content == whole.content


def test_langchain_reads_structured_output(url: str) -> None:
    assert chat_model(url).with_structured_output(Rank, method="json_schema").invoke(QUESTION) == Rank(
        rank=16
    )


def test_langchain_embeds(url: str) -> None:
    embeddings = OpenAIEmbeddings(
        base_url=url, api_key=SecretStr("none"), model="troika", check_embedding_ctx_length=False
    )
    assert len(embeddings.embed_documents(["LoRA", "rank"])) == 2
    assert np.linalg.norm(embeddings.embed_query("LoRA")) == pytest.approx(1)


@pytest.fixture(scope="module")
def real_url(tmp_path_factory: pytest.TempPathFactory, shared_models: Path) -> Iterator[str]:
    """A server of its own process, with the embedded model."""
    home = tmp_path_factory.mktemp("real-home")
    (home / "models").symlink_to(shared_models)
    ingest_documents(small_handbook(), "small", Settings(home=home, collection="small"))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TROIKA_HOME": str(home),
        "TROIKA_COLLECTION": "small",
    }
    command = [sys.executable, "-m", "troika", "serve", "--port", str(port)]
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=home)
    try:
        _wait_for(f"http://127.0.0.1:{port}/readyz")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(60)


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(address, timeout=5).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    pytest.fail("the server is not ready")


@pytest.mark.slow
def test_the_embedded_model_answers_both_clients(real_url: str) -> None:
    with openai.OpenAI(base_url=real_url, api_key="none", max_retries=0) as client:
        whole = client.chat.completions.create(
            model="base", messages=ASKED, temperature=0, seed=7, extra_body={"cache": False}
        )
        chunks = client.chat.completions.create(
            model="base", messages=ASKED, temperature=0, seed=7, stream=True, extra_body={"cache": False}
        )
        said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    message = whole.choices[0].message
    assert said == message.content
    assert "16" in (message.content or "")
    assert message.annotations
    assert whole.usage is not None
    assert whole.usage.prompt_tokens > 50
    assert "16" in str(chat_model(real_url).invoke(QUESTION).content)


@pytest.mark.slow
def test_the_embedded_model_keeps_to_a_schema_or_refuses(real_url: str) -> None:
    with openai.OpenAI(base_url=real_url, api_key="none", max_retries=0) as client:
        message = (
            client.chat.completions.parse(model="troika", messages=ASKED, response_format=Rank)
            .choices[0]
            .message
        )
    assert message.parsed == Rank(rank=16) or message.refusal


@pytest.mark.slow
def test_vectors_are_those_of_the_collection(real_url: str) -> None:
    with openai.OpenAI(base_url=real_url, api_key="none", max_retries=0) as client:
        texts = ["The rank of an adapter.", "秩是多少？", "Wine and cheese."]
        vectors = np.array([d.embedding for d in client.embeddings.create(model="troika", input=texts).data])
    assert vectors.shape == (3, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-3)
