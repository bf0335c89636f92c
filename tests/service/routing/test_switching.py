"""Snapshots and adapters are switched while questions are asked: a real server's pipelines over a fake vLLM.

The fake writes the name of the model that it was asked for and the first line of the first passage, so an
answer shows which release and which snapshot made it.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from ingest.pipeline import ingest_documents
from ingest.settings import Settings, load_settings
from ingest.snapshots.collection import Collection
from service.answer import Answer
from service.cache.caching_factory import CachingFactory
from service.history.history import open_history
from service.pipeline import fold
from service.question import Inquiry
from service.releases.promotion import promote
from service.releases.release_history import BASE
from service.routing.releases import ReleasePipelines, open_releases
from service.wiring import PipelineFactory
from tests.service.routing.fake_model_server import FakeModelServer, fake_model_servers
from tests.service.vllm.test_adapters_on_vllm import Home
from tests.small_handbook import make_document

pytestmark = pytest.mark.anyio

QUESTION = "Which door is open in the library?"
DOORS = ("northern", "southern")
ASKERS = 3
PAUSE = 0.05


def writes(body: dict[str, Any]) -> Sequence[str]:
    (quoted,) = re.findall(r"^> (.+)$", body["messages"][1]["content"], re.MULTILINE)[:1] or ["nothing"]
    return (f"{body['model']} says: ", quoted.rstrip("."), " [1].")


@dataclass
class Stage:
    """Pipelines as ``troika serve`` has them, and the snapshots and releases to switch between."""

    home: Path
    pipelines: ReleasePipelines
    server: FakeModelServer
    door_of: dict[str, str]
    releases: tuple[str, ...]
    answers: list[Answer] = field(default_factory=list[Answer])

    async def ask(self) -> Answer:
        async with self.pipelines.lease("default", QUESTION) as pipeline:
            answer = await fold(pipeline.stream(Inquiry(QUESTION, cache=False)))
        self.answers.append(answer)
        return answer

    async def ask_until(self, stopped: asyncio.Event) -> None:
        while not stopped.is_set():
            await self.ask()
            await asyncio.sleep(PAUSE)

    async def reach(self, snapshot: str, release: str) -> None:
        """Ask until the answers come from there."""
        async with asyncio.timeout(60):
            while True:
                answer = await self.ask()
                if (answer.snapshot_id, answer.release) == (snapshot, release):
                    return
                await asyncio.sleep(PAUSE)


@asynccontextmanager
async def staged(home: Path) -> AsyncIterator[Stage]:
    kept = Home(home)
    kept.make_model()
    releases = tuple(kept.keep(weights).name for weights in (b"one", b"two"))
    async with fake_model_servers(1) as (server,):
        server.root, server.writes = str(kept.model), writes
        settings = settings_of(home, server)
        door_of = {snapshot_of(settings, door): door for door in DOORS}
        history = open_history(settings)
        factory = CachingFactory(PipelineFactory(settings, history), settings, history, None)
        pipelines = open_releases(settings, factory, history)
        yield Stage(home, pipelines, server, door_of, (*releases, BASE))
        await pipelines.aclose()
        history.close()


def settings_of(home: Path, server: FakeModelServer) -> Settings:
    generator = {"kind": "openai", "model": server.base, "base_url": server.url}
    overrides = {f"generator.{key}": value for key, value in generator.items()}
    return load_settings({"home": home, **overrides}, environment={}, directory=home)


def snapshot_of(settings: Settings, door: str) -> str:
    text = f"# Library\n\nThe {door} door is open in the library.\n"
    document = replace(make_document("library.md", "Library", text), content_sha256=f"{door:0<64}")
    ingest_documents([document], "default", settings)
    return Collection(settings.home, "default").require_current().name


async def switch_under_load(stage: Stage, switches: int) -> None:
    """Switch one thing or the other at random; each switch must be seen before the next one."""
    drawn, stopped = random.Random(7), asyncio.Event()
    snapshot, release = Collection(stage.home, "default").require_current().name, BASE
    askers = [asyncio.create_task(stage.ask_until(stopped)) for _ in range(ASKERS)]
    for _ in range(switches):
        if drawn.random() < 0.5:
            snapshot = next(other for other in stage.door_of if other != snapshot)
            Collection(stage.home, "default").publish(snapshot)
        else:
            release = drawn.choice([other for other in stage.releases if other != release])
            promote(stage.home, release)
        await stage.reach(snapshot, release)
    stopped.set()
    await asyncio.gather(*askers)


def assert_nothing_is_mixed(stage: Stage) -> None:
    for answer in stage.answers:
        model = stage.server.base if answer.release == BASE else answer.release
        door = stage.door_of[answer.snapshot_id]
        assert answer.text == f"{model} says: The {door} door is open in the library [1]."
        assert (answer.generator, answer.degraded) == (model, None)
        (citation,) = answer.citations
        assert citation.quote == f"The {door} door is open in the library."
    seen = Counter((answer.snapshot_id, answer.release) for answer in stage.answers)
    assert set(seen) <= set(itertools.product(stage.door_of, stage.releases))


@pytest.mark.parametrize("switches", [20, pytest.param(200, marks=pytest.mark.slow)])
async def test_no_answer_fails_or_mixes_two_snapshots_or_releases(home: Path, switches: int) -> None:
    async with staged(home) as stage:
        await switch_under_load(stage, switches)
        assert_nothing_is_mixed(stage)
        loads = [name for change, name in stage.server.changes if change == "load"]
        assert set(loads) == set(stage.releases) - {BASE}
    assert stage.server.adapters == {}
