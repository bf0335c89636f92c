from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from eval.bench.generate import OPEN_STREAMS, GenerateRequest, run_generate_bench
from eval.bench.generate_client import BareModel, ThroughTroika
from eval.bench.generate_prefixes import measure_prefix_hits
from ingest.errors import TroikaError
from ingest.settings import Settings

pytestmark = pytest.mark.anyio

USAGE = '{"prompt_tokens": 9, "completion_tokens": 2}'
DONE = f'event: done\ndata: {{"id": "a", "degraded": %s, "usage": {USAGE}}}\n\n'
WORD = 'event: message.delta\ndata: {"text": "The"}\n\n'


def answering(text: str, status: int = 200) -> httpx.AsyncClient:
    """A client of a server that answers every request with ``text``."""
    return httpx.AsyncClient(
        base_url="http://server", transport=httpx.MockTransport(lambda _: httpx.Response(status, text=text))
    )


async def test_an_answer_of_the_model_is_measured_with_its_tokens() -> None:
    async with answering(WORD + DONE % "null") as client:
        streamed = await ThroughTroika(client).ask("Why?")
    assert (streamed.tokens, streamed.prompt_tokens, streamed.answer_id) == (2, 9, "a")


@pytest.mark.parametrize(
    "text", [WORD + DONE % '"generator_unavailable"', WORD, "", "event: error\ndata: {}\n\n"]
)
async def test_an_answer_that_the_model_did_not_make_is_no_measurement(text: str) -> None:
    async with answering(text) as client:
        with pytest.raises(TroikaError, match="was not made by the model"):
            await ThroughTroika(client).ask("Why?")


async def test_a_model_that_refuses_or_does_not_count_is_no_measurement() -> None:
    async with answering("no such model", 404) as client:
        with pytest.raises(TroikaError, match="answered 404"):
            await BareModel(client, "m", {"Why?": ()}, 8).ask("Why?")
    async with answering("data: [DONE]\n\n") as client:
        with pytest.raises(TroikaError, match="did not say how much"):
            await BareModel(client, "m", {"Why?": ()}, 8).ask("Why?")


async def test_prefix_hits_are_left_out_where_the_server_does_not_count_them(tmp_path: Path) -> None:
    async with answering("# other counters\n") as client:
        assert (
            await measure_prefix_hits(client, "m", Settings(home=tmp_path), "c", ("Why?",), (0.0,), 1) is None
        )


@pytest.mark.slow
def test_without_a_model_server_a_stand_in_is_measured(tmp_path: Path, shared_models: Path) -> None:
    (tmp_path / "models").symlink_to(shared_models)
    request = GenerateRequest(None, "stand-in", questions=2, rounds=1, max_tokens=8)
    figures = run_generate_bench(request, Settings(home=tmp_path)).figures
    values = {figure.what: figure.value for figure in figures}
    (whole,) = (value for what, value in values.items() if "streams open at once" in what)
    assert whole == OPEN_STREAMS
    assert values["tokens of prompts that the prefix cache knew"] is None
    assert sum(what.startswith("model server ") for what in values) == 6
