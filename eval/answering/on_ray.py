"""Cases answered by actors on a Ray cluster, or on one that is started on this machine.

Each actor opens a pipeline of its own, as the settings ask for, so the home must be where every node sees
it. What they answer is what this process would answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from itertools import islice
from typing import Any, cast

import msgspec
import ray

from eval.answering.in_process import open_answerer
from eval.answering.window import answer_cases
from eval.cases.case import Case
from eval.runs.record import CaseRecord
from ingest.choices import GeneratorKind
from ingest.engines.ray import RayEngine
from ingest.engines.ray_stream import Stage
from ingest.settings import Settings

_CASES_OF_A_ROW = 4

_cases = msgspec.msgpack.Decoder(list[Case])
_records = msgspec.msgpack.Decoder(list[CaseRecord])


def answer_on_ray(
    settings: Settings,
    address: str | None,
    cases: Iterable[Case],
    concurrency: int,
    *,
    oracle: bool,
    release: str | None,
) -> Generator[CaseRecord]:
    """The record of each case, as they come; see ``eval.answering.window.answer_cases``.

    Args:
        address: a cluster's, for example ``ray://head:10001``; None for one on this machine.
        concurrency: the cases that each actor answers at a time.

    Raises:
        ClusterError: the cluster cannot be reached, or lost a node.
    """
    there = settings.model_copy(update={"home": settings.home.absolute()})
    make = partial(AnswerCases, there, concurrency, oracle=oracle, release=release)
    with RayEngine(address, there, there.home / "models") as engine:
        for row in engine.run(lambda: _stage(settings, make), case_rows(cases)):
            yield from _records.decode(row)


def case_rows(cases: Iterable[Case]) -> Iterator[bytes]:
    """Cases as rows, a few in each."""
    waiting = iter(cases)
    while row := list(islice(waiting, _CASES_OF_A_ROW)):
        yield msgspec.msgpack.encode(row)


def _stage(settings: Settings, make: partial[AnswerCases]) -> Stage:
    """As many actors as there are cores for their models."""
    available = max(1, int(cast("Any", ray).cluster_resources().get("CPU", 1)))
    embedded = settings.generator.kind is GeneratorKind.LLAMA_CPP
    cores = min(settings.generator.threads if embedded else settings.embedder.threads, available)
    return Stage(make, max(1, available // cores), cores)


class AnswerCases:
    """Answers rows of cases with a pipeline that is opened once in each actor."""

    def __init__(self, settings: Settings, concurrency: int, *, oracle: bool, release: str | None) -> None:
        self._concurrency = concurrency
        self._loop = asyncio.Runner()
        self._opened = AsyncExitStack()
        self._answerer, _ = self._loop.run(
            self._opened.enter_async_context(open_answerer(settings, oracle=oracle, release=release))
        )

    def __call__(self, row: bytes) -> Iterator[bytes]:
        yield msgspec.msgpack.encode(self._loop.run(self._answer(_cases.decode(row))))

    def __del__(self) -> None:
        self._loop.run(self._opened.aclose())
        self._loop.close()

    async def _answer(self, cases: Iterable[Case]) -> list[CaseRecord]:
        return [record async for record in answer_cases(self._answerer, cases, self._concurrency)]
