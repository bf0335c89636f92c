from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from mcp.client.client import Client

from ingest.errors import TroikaError
from ingest.settings import Settings
from service.app import Parts, create_app
from service.history.history import History
from service.mcp.knowledge import Conditions, Knowledge, OwnKnowledge, ServedKnowledge
from service.mcp.tools import tool_server
from service.retrieval.search_schemas import SearchBody
from service.schemas import AnswerBody
from tests.fakes import MemoryPipeline, OnePipeline
from tests.small_handbook import LORA_TEXT, small_handbook

QUESTION = "Which rank is the default for an adapter?"

pytestmark = pytest.mark.anyio


def own() -> OwnKnowledge:
    return OwnKnowledge(OnePipeline(MemoryPipeline(small_handbook())), "default")


class Failing:
    """Knowledge that cannot be had."""

    async def search(self, query: str, k: int, conditions: Conditions) -> SearchBody:
        raise TroikaError("what is asked for is not there: ask for something else.")

    async def ask(self, question: str, conditions: Conditions) -> AnswerBody:
        raise RuntimeError("secret detail")


async def test_the_tools_describe_what_they_take_and_give() -> None:
    async with Client(tool_server(own())) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == {"search", "ask"}
    for tool in tools.values():
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
        assert tool.description
    assert set(tools["search"].input_schema["properties"]) == {"query", "k", "filter"}
    assert set((tools["ask"].output_schema or {})["properties"]) >= {"answer", "abstained", "citations"}


async def test_an_answer_comes_with_quotes_that_stand_where_it_says() -> None:
    async with Client(tool_server(own())) as client:
        result = await client.call_tool("ask", {"question": QUESTION})
    answer = result.structured_content
    assert answer is not None
    assert not answer["abstained"]
    citation = answer["citations"][0]
    assert citation["quote"] == LORA_TEXT[citation["quote_start"] : citation["quote_end"]]
    assert citation["uri"]


async def test_passages_are_found_within_a_filter() -> None:
    async with Client(tool_server(own())) as client:
        found = (await client.call_tool("search", {"query": QUESTION, "k": 2})).structured_content
        assert found is not None
        passage = found["passages"][0]
        assert passage["text"] == LORA_TEXT[passage["start"] : passage["end"]]
        other = {"query": QUESTION, "filter": {"uri": "file:///none"}}
        nothing = (await client.call_tool("search", other)).structured_content
    assert nothing is not None
    assert nothing["passages"] == []


async def test_what_goes_wrong_is_told_to_the_model_and_no_more() -> None:
    async with Client(tool_server(Failing())) as client:
        refused = await client.call_tool("search", {"query": QUESTION})
        crashed = await client.call_tool("ask", {"question": QUESTION})
        wrong = await client.call_tool("search", {"query": QUESTION, "k": 0})
    assert refused.is_error
    assert "ask for something else" in str(refused.content)
    assert crashed.is_error
    assert "secret" not in str(crashed.content)
    assert wrong.is_error


async def test_a_server_elsewhere_gives_the_same(tmp_path: Path) -> None:
    history = History(tmp_path / "history.sqlite")
    pipeline = OnePipeline(MemoryPipeline(small_handbook()))
    app = create_app(Settings(home=tmp_path), Parts(pipeline, history))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        served: Knowledge = ServedKnowledge(client, None)
        here, there = await own().search(QUESTION, 3, {}), await served.search(QUESTION, 3, {})
        assert there.hits == here.hits
        assert (await served.ask(QUESTION, {})).text == (await own().ask(QUESTION, {})).text
        with pytest.raises(TroikaError, match="400"):
            await served.search(" ", 3, {})
    history.close()


async def test_a_server_that_is_not_there_is_said() -> None:
    async with httpx.AsyncClient(base_url="http://127.0.0.1:9") as client:
        with pytest.raises(TroikaError, match="cannot be reached"):
            await ServedKnowledge(client, None).search(QUESTION, 3, {})
    page = httpx.MockTransport(lambda _: httpx.Response(200, text="<html>"))
    async with httpx.AsyncClient(base_url="http://localhost", transport=page) as client:
        with pytest.raises(TroikaError, match="no Troika"):
            await ServedKnowledge(client, None).ask(QUESTION, {})
