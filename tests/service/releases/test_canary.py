from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import AdapterRejectedError, CollectionNotFoundError
from ingest.settings_canary import CanarySettings
from service.answer import Answer
from service.history.feedback import new_feedback
from service.history.history import History
from service.pipeline import fold
from service.pipelines import Pipelines
from service.question import Inquiry
from service.releases.canary import CanaryPipelines, goes_to
from service.releases.promotion import promote, rollback, start_canary
from service.releases.release import read_candidate
from service.releases.release_history import BASE, Canary, Change, current_number, current_record
from tests.fakes import MemoryPipeline
from tests.service.releases.test_adapters import keep
from tests.service.releases.test_promotion import read_release
from tests.small_handbook import small_handbook

pytestmark = pytest.mark.anyio


def conversation_of(canary: Canary, *, candidate: bool) -> str:
    """A conversation that the candidate answers, or does not."""
    return next(text for text in map(str, range(10_000)) if goes_to(canary, text) is candidate)


@dataclass
class Service:
    """Canary pipelines over fake ones, whose releases are those of a real home."""

    home: Path
    history: History
    settings: CanarySettings = field(
        default_factory=lambda: CanarySettings(check_seconds=0, fewest_answers=20)
    )
    opened: list[MemoryPipeline] = field(default_factory=list[MemoryPipeline])
    failure: Exception | None = None
    is_loading: asyncio.Event = field(default_factory=asyncio.Event)
    may_load: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_load.set()
        served, candidate = (
            Pipelines(open_one, self.version, list, fresh_seconds=0.0)
            for open_one in (self.open_served, self.open_candidate)
        )
        self.pipelines = CanaryPipelines(
            self.home, served, candidate, self.history, self.settings, fresh_seconds=0.0
        )

    def version(self, collection: str) -> str:
        if collection != "default":
            raise CollectionNotFoundError(f"no collection is named {collection!r}.")
        return f"snapshot-1/{current_number(self.home)}"

    async def open_served(self, collection: str) -> MemoryPipeline:
        return self.opened_as(read_release(self.home).name)

    async def open_candidate(self, collection: str) -> MemoryPipeline:
        self.is_loading.set()
        await self.may_load.wait()
        if self.failure is not None:
            raise self.failure
        return self.opened_as((read_candidate(self.home) or read_release(self.home)).name)

    def opened_as(self, release: str) -> MemoryPipeline:
        pipeline = MemoryPipeline(small_handbook(), self.history)
        pipeline.release = replace(pipeline.release, name=release)
        self.opened.append(pipeline)
        return pipeline

    async def asked(self, conversation: str, question: str = "Which rank is the default?") -> Answer:
        async with self.pipelines.lease("default", conversation) as pipeline:
            return await fold(pipeline.stream(Inquiry(question)))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    home = tmp_path / "home"
    history = History(home / "history.sqlite")
    yield Service(home, history)
    history.close()


@pytest.fixture
def candidate(service: Service) -> str:
    return keep(service.home, b"candidate").name


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5, 0.95])
def test_the_candidate_gets_its_share_of_the_conversations(share: float) -> None:
    canary = Canary("sft@00000001", share, None)
    total = 20_000
    found = sum(goes_to(canary, f"question {number}") for number in range(total))
    assert abs(found - share * total) < 4 * (share * (1 - share) * total) ** 0.5  # standard deviations


@given(st.text(), st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_a_larger_share_keeps_the_conversations_that_the_candidate_has(
    text: str, one: float, other: float
) -> None:
    small, large = (Canary("sft@00000001", share, None) for share in sorted((one, other)))
    assert goes_to(large, text) >= goes_to(small, text)


def test_another_candidate_gets_other_conversations() -> None:
    sides = Counter(
        tuple(goes_to(Canary(name, 0.5, None), str(number)) for name in ("sft@00000001", "sft@00000002"))
        for number in range(4000)
    )
    assert min(sides.values()) > 850


async def test_all_turns_of_a_conversation_are_answered_by_one_side(service: Service, candidate: str) -> None:
    canary = start_canary(service.home, candidate, 0.5).canary
    assert canary is not None
    sides = {str(n): {(await service.asked(str(n))).release for _ in range(3)} for n in range(40)}
    assert all(len(releases) == 1 for releases in sides.values())
    assert {name for releases in sides.values() for name in releases} == {BASE, candidate}
    assert all((releases == {candidate}) is goes_to(canary, text) for text, releases in sides.items())


async def test_what_belongs_to_no_conversation_is_served_as_to_all(service: Service, candidate: str) -> None:
    start_canary(service.home, candidate, 0.99)
    async with service.pipelines.lease("default") as pipeline:
        assert pipeline.release.name == BASE


async def test_without_a_canary_nothing_but_what_is_served_is_opened(service: Service) -> None:
    assert (await service.asked("anything")).release == BASE
    assert len(service.opened) == 1
    with pytest.raises(CollectionNotFoundError):
        async with service.pipelines.lease("nowhere", "anything"):
            pass


async def test_a_running_server_takes_over_the_end_of_a_canary(service: Service, candidate: str) -> None:
    canary = start_canary(service.home, candidate, 0.5).canary
    assert canary is not None
    text = conversation_of(canary, candidate=True)
    async with service.pipelines.lease("default", text) as under_way:
        assert under_way.release.name == candidate
        rollback(service.home)
        assert (await service.asked(text)).release == BASE
        assert not service.opened[0].closed
    await asyncio.sleep(0)
    assert service.opened[0].closed
    start_canary(service.home, candidate, 0.5)
    assert (await service.asked(text)).release == candidate
    promote(service.home, candidate)
    assert (await service.asked(conversation_of(canary, candidate=False))).release == candidate


@pytest.mark.parametrize("share", [None, 0.6])
async def test_a_canary_that_is_ended_or_changed_while_its_model_loads_leaves_nobody_waiting(
    service: Service, candidate: str, share: float | None
) -> None:
    canary = start_canary(service.home, candidate, 0.5).canary
    assert canary is not None
    text = conversation_of(canary, candidate=True)
    service.may_load.clear()
    waiting = asyncio.create_task(service.asked(text))
    await service.is_loading.wait()
    changed = None if share is None else start_canary(service.home, candidate, share).canary
    if changed is None:
        rollback(service.home)
    await service.asked(conversation_of(changed or canary, candidate=False))
    assert (await asyncio.wait_for(waiting, 5)).release == BASE
    service.may_load.set()
    last = current_record(service.home)
    assert last is not None
    assert last.canary == changed
    assert (await service.asked(text)).release == (BASE if changed is None else candidate)


async def test_a_candidate_that_cannot_be_opened_is_taken_back_and_nobody_notices(
    service: Service, candidate: str, caplog: pytest.LogCaptureFixture
) -> None:
    canary = start_canary(service.home, candidate, 0.5).canary
    assert canary is not None
    service.failure = AdapterRejectedError("its files were changed")
    assert (await service.asked(conversation_of(canary, candidate=True))).release == BASE
    last = current_record(service.home)
    assert last is not None
    assert (last.change, last.canary) == (Change.TAKEN_BACK, None)
    assert last.reason == f"{candidate} was taken back: it cannot be opened: its files were changed"
    assert last.reason.removeprefix(f"{candidate} ") in caplog.text


async def test_a_candidate_that_readers_call_worse_is_taken_back(
    service: Service, candidate: str, caplog: pytest.LogCaptureFixture
) -> None:
    start_canary(service.home, candidate, 0.5)
    for number in range(400):
        answer = await service.asked(f"{number}", f"Which rank is the default? {number}")
        service.history.add_feedback(new_feedback(answer.id, "down" if answer.release == candidate else "up"))
        await asyncio.sleep(0)
        if read_candidate(service.home) is None:
            break
    last = current_record(service.home)
    assert last is not None
    assert last.change is Change.TAKEN_BACK
    assert last.reason.startswith(f"{candidate} was taken back: down_votes: candidate ")
    assert {(await service.asked(str(number))).release for number in range(20)} == {BASE}
    await service.pipelines.aclose()
    assert "was taken back" in caplog.text
    assert all(pipeline.closed for pipeline in service.opened)


async def test_guards_that_cannot_be_asked_are_logged_and_stop_nothing(
    service: Service, candidate: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_since: object) -> None:
        raise OSError("the disk failed")

    monkeypatch.setattr(service.history, "outcomes", fail)
    start_canary(service.home, candidate, 0.5)
    await service.asked("1")
    await service.pipelines.aclose()
    await asyncio.sleep(0)
    assert "the guards of the canary could not be asked" in caplog.text
