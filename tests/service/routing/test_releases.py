from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ingest.choices import GeneratorKind
from ingest.errors import AdapterNotFoundError, CollectionNotFoundError
from ingest.settings import GeneratorSettings, Settings
from ingest.settings_routing import RoutingSettings
from ingest.snapshots.fitted import index_fingerprint
from ingest.snapshots.snapshot import Snapshot
from service.abstention.fitted import FittedAbstention, write_abstention
from service.abstention.logistic import Logistic
from service.abstention.signals import SIGNALS
from service.answer import Served
from service.cache.caching_factory import CachingFactory, open_answer_cache
from service.history.history import open_history
from service.pipeline import fold
from service.pipelines import DEFAULT_FRESH_SECONDS, Pipelines
from service.prompt import PROMPT_ID
from service.question import Inquiry
from service.releases.promotion import promote
from service.releases.release_history import BASE
from service.routing.releases import ReleasePipelines, open_releases
from service.wiring import PipelineFactory
from tests.fakes import MemoryPipeline
from tests.service.conftest import COLLECTION
from tests.service.releases.test_adapters import keep
from tests.service.releases.test_canary import Service, service

__all__ = ["service"]

pytestmark = pytest.mark.anyio

QUESTION = "Which rank is the default for an adapter?"


@dataclass
class Shelf:
    """Release pipelines over fake ones, beside those that are served."""

    service: Service
    settings: RoutingSettings = field(default_factory=RoutingSettings)
    opened: list[MemoryPipeline] = field(default_factory=list[MemoryPipeline])

    def __post_init__(self) -> None:
        served = self.service.pipelines
        self.pipelines = ReleasePipelines(self.service.home, served, self.make, self.settings)

    def make(self, release: str) -> Pipelines:
        async def open_named(collection: str) -> MemoryPipeline:
            await asyncio.sleep(0)
            self.opened.append(self.service.opened_as(release))
            return self.opened[-1]

        return Pipelines(open_named, self.service.version, list, fresh_seconds=0.0)

    async def release_of(
        self, release: str | None = None, collection: str = "default", conversation: str | None = None
    ) -> str:
        async with self.pipelines.lease(collection, conversation, release) as pipeline:
            return pipeline.release.name

    @property
    def ready(self) -> list[str]:
        return [pipeline.release.name for pipeline in self.opened if not pipeline.closed]


@pytest.fixture
def names(service: Service) -> list[str]:
    return [keep(service.home, text.encode()).name for text in ("one", "two", "three")]


async def test_what_is_named_answers_whatever_is_served(service: Service, names: list[str]) -> None:
    shelf = Shelf(service)
    promote(service.home, names[0])
    for asked, answering in ((None, names[0]), (names[1], names[1]), (BASE, BASE), (names[0], names[0])):
        assert await shelf.release_of(asked) == answering


async def test_an_alias_stands_for_a_release_and_a_collection_may_have_one_of_its_own(
    service: Service, names: list[str]
) -> None:
    settings = RoutingSettings(aliases={"support-zh": names[1]}, collections={"default": "support-zh"})
    shelf = Shelf(service, settings)
    assert await shelf.release_of("support-zh") == names[1]
    assert await shelf.release_of() == names[1]
    assert await shelf.release_of(names[2]) == names[2]
    with pytest.raises(CollectionNotFoundError):
        await shelf.release_of(collection="nowhere")


@pytest.mark.parametrize("name", ["sft@00000000", "../sft@00000000", "unknown"])
async def test_an_unknown_release_is_an_error_and_closes_no_other(
    service: Service, names: list[str], name: str
) -> None:
    shelf = Shelf(service, RoutingSettings(open_releases=1))
    await shelf.release_of(names[0])
    with pytest.raises(AdapterNotFoundError):
        await shelf.release_of(name)
    assert shelf.ready == [names[0]]


async def test_the_releases_that_were_not_asked_for_longest_make_way_but_none_that_answers(
    service: Service, names: list[str]
) -> None:
    shelf = Shelf(service, RoutingSettings(open_releases=2))
    for name in (names[0], names[1], names[0], names[2]):
        await shelf.release_of(name)
    await asyncio.sleep(0.01)
    assert sorted(shelf.ready) == sorted((names[0], names[2]))
    async with AsyncExitStack() as held:
        for name in (*names, BASE):
            await held.enter_async_context(shelf.pipelines.lease("default", None, name))
        assert Counter(shelf.ready) == Counter((*names, BASE))
    await asyncio.sleep(0.01)
    assert len(shelf.ready) == 2


async def test_one_release_is_opened_once_however_many_ask_for_it(service: Service, names: list[str]) -> None:
    shelf = Shelf(service)
    assert set(await asyncio.gather(*(shelf.release_of(names[0]) for _ in range(20)))) == {names[0]}
    assert len(shelf.opened) == 1


async def test_many_releases_asked_for_at_once_answer_as_themselves(
    service: Service, names: list[str]
) -> None:
    shelf = Shelf(service, RoutingSettings(open_releases=1))
    asked = [(*names, BASE)[number % 4] for number in range(40)]
    assert await asyncio.gather(*map(shelf.release_of, asked)) == asked


async def test_closing_closes_all(service: Service, names: list[str]) -> None:
    shelf = Shelf(service)
    await shelf.release_of(names[0])
    await shelf.release_of()
    await shelf.pipelines.aclose()
    assert all(pipeline.closed for pipeline in service.opened)


async def test_what_is_fitted_holds_for_a_running_server_and_for_what_it_has_answered(
    small_settings: Settings, small_snapshot: Snapshot, tmp_path: Path
) -> None:
    folder = tmp_path / "collections" / COLLECTION
    shutil.copytree(small_settings.home / "collections" / COLLECTION, folder)
    (tmp_path / "models").symlink_to(small_settings.home / "models")
    settings = Settings(home=tmp_path, generator=GeneratorSettings(kind=GeneratorKind.EXTRACTIVE))
    cache = open_answer_cache(settings)
    assert cache is not None
    history = open_history(settings)
    factory = CachingFactory(PipelineFactory(settings, history), settings, history, cache)
    pipelines = open_releases(settings, factory, history)

    async def answer(release: str | None) -> tuple[bool, Served | None]:
        async with pipelines.lease(COLLECTION, None, release) as pipeline:
            given = await fold(pipeline.stream(Inquiry(QUESTION)))
        return given.abstained, given.cache

    assert await answer(None) == (False, None)
    assert await answer(BASE) == await answer(None) == (False, Served.EXACT)
    write_abstention(folder, BASE, never(index_fingerprint(small_snapshot.manifest)))
    await asyncio.sleep(DEFAULT_FRESH_SECONDS)
    assert await answer(None) == await answer(BASE) == (True, None)
    await pipelines.aclose()
    history.close()
    cache.close()


def never(index: str) -> FittedAbstention:
    """A fit by which nothing is answered."""
    model = Logistic(0.0, (0.0,) * len(SIGNALS))
    return FittedAbstention(
        index, PROMPT_ID, SIGNALS, model, 1.0, max_wrong=0.1, confidence=0.95, cases=9, coverage=0, wrong=0
    )
