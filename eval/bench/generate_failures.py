"""How soon questions are answered while the model server fails, and how soon it is asked again after that.

The server is a stand-in, which is killed while it writes, stays down, comes back, falls silent, and goes on.
Every question must be answered, and every answer that the model did not write must say so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import httpx

from eval.bench.generate_client import open_client
from eval.bench.goal_figures import Figure
from eval.bench.stand_in_process import StandInProcess
from ingest.errors import TroikaError
from service.answer import Degradation

SOON_MS = 500.0
RECOVERY_SECONDS = 10.0
_AT_ONCE = 8
_WHILE_DOWN = 20
_UNDER_WAY_SECONDS = 1.0
_PAUSE_SECONDS = 0.05
_LONGEST_RECOVERY = 60.0


@dataclass(frozen=True, slots=True)
class _Answered:
    """An answer that was whole ``at`` this time of ``time.perf_counter``, and who wrote it."""

    at: float
    milliseconds: float
    by_model: bool


async def measure_failures(
    model: StandInProcess, address: str, questions: Sequence[str]
) -> tuple[Figure, ...]:
    """Ask the server at ``address``, which ``model`` stands behind, while that one fails in three ways.

    Raises:
        TroikaError: a question was not answered, or an answer does not say that the model did not write it.
    """
    async with open_client(address) as client:
        asked = iter(cycle(questions))
        return (
            *await _killed(client, model, list(islice(asked, _AT_ONCE))),
            *await _down(client, list(islice(asked, _WHILE_DOWN)), "down"),
            *await _back(client, model.start_again, asked, "started again"),
            *await _silent(client, model, asked),
            *await _back(client, model.go_on, asked, "that was silent, and goes on"),
        )


async def _killed(
    client: httpx.AsyncClient, model: StandInProcess, questions: Sequence[str]
) -> tuple[Figure, ...]:
    asking = asyncio.gather(*(_ask(client, question) for question in questions))
    await asyncio.sleep(_UNDER_WAY_SECONDS)
    model.kill()
    killed = time.perf_counter()
    answers = await asking
    _expect_quotation(answers, "killed")
    longest = max((answer.at - killed) * 1e3 for answer in answers)
    return (_soon(f"model server killed in mid-answer: to the end of {len(answers)} answers", longest),)


async def _down(client: httpx.AsyncClient, questions: Sequence[str], how: str) -> tuple[Figure, ...]:
    answers = [await _ask(client, question) for question in questions]
    _expect_quotation(answers, how)
    longest = max(answer.milliseconds for answer in answers)
    return (_soon(f"model server {how}: the longest of {len(answers)} answers", longest),)


async def _silent(
    client: httpx.AsyncClient, model: StandInProcess, asked: Iterator[str]
) -> tuple[Figure, ...]:
    asking = asyncio.gather(*(_ask(client, next(asked)) for _ in range(_AT_ONCE)))
    await asyncio.sleep(_UNDER_WAY_SECONDS)
    model.halt()
    halted = time.perf_counter()
    answers = [await _ask(client, next(asked)), *await asking]
    _expect_quotation(answers, "silent")
    longest = max((answer.at - halted) * 1e3 for answer in answers)
    what = f"model server silent in mid-answer, and asked once more: to the end of {len(answers)} answers"
    after = await _down(client, list(islice(asked, _WHILE_DOWN)), "silent, further answers")
    return (_soon(what, longest), *after)


async def _back(
    client: httpx.AsyncClient, bring_back: Callable[[], None], asked: Iterator[str], how: str
) -> tuple[Figure, ...]:
    bring_back()
    back = time.perf_counter()
    while time.perf_counter() - back < _LONGEST_RECOVERY:
        answer = await _ask(client, next(asked))
        if answer.by_model:
            seconds = answer.at - answer.milliseconds / 1e3 - back
            what = f"model server {how}: until it is asked again"
            return (Figure("fail", what, "troika", "s", seconds, RECOVERY_SECONDS, False),)
        await asyncio.sleep(_PAUSE_SECONDS)
    raise TroikaError(f"the model server {how} is not asked {_LONGEST_RECOVERY:.0f} s later: see its log.")


async def _ask(client: httpx.AsyncClient, question: str) -> _Answered:
    started = time.perf_counter()
    reply = await client.post("/v1/query", json={"question": question, "cache": False})
    ended = time.perf_counter()
    if not reply.is_success:
        raise TroikaError(f"{question!r} was answered {reply.status_code}: {reply.text[:300]}")
    degraded = reply.json()["degraded"]
    if degraded not in (None, Degradation.GENERATOR.value):
        raise TroikaError(f"the answer to {question!r} is {degraded}: the model was not to be asked at all.")
    return _Answered(ended, (ended - started) * 1e3, degraded is None)


def _expect_quotation(answers: Sequence[_Answered], how: str) -> None:
    if any(answer.by_model for answer in answers):
        raise TroikaError(f"the model server was {how}, and an answer does not say that it did not write it.")


def _soon(what: str, milliseconds: float) -> Figure:
    return Figure("fail", what, "troika", "ms", milliseconds, SOON_MS, at_least=False)
