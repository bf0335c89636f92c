"""``troika bench generate``: what Troika adds to a model server's own time, what it keeps open at once, and
how soon it answers while that server fails.

Both are asked the same questions with the same prompts, by turns, so that what else the machine does falls
upon both. Every prompt is asked once before, so the model server has it in its prefix cache either way, and
the time to the first token is short: what Troika adds shows best then. The processes of a vLLM look for more
work for a second after an answer, each on a core of its own, so that it is left to rest before the next
single stream: on few cores it would slow down whoever comes behind it.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
from collections.abc import Awaitable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import cycle, islice
from pathlib import Path

from eval.bench.generate_client import BareModel, Streamed, ThroughTroika, ask_all, open_client
from eval.bench.generate_failures import measure_failures
from eval.bench.generate_prefixes import PrefixHits, measure_prefix_hits
from eval.bench.goal_figures import Figure, GoalFigures
from eval.bench.machine import this_machine
from eval.bench.retrieval_collection import ensure_collection
from eval.bench.retrieval_source import ensure_corpus
from eval.bench.server_process import running_server
from eval.bench.stand_in_process import StandInProcess, stand_in
from ingest.errors import TroikaError
from ingest.settings import Settings
from service.history.history import open_history
from service.prompt import render

logger = logging.getLogger(__name__)

ADDED_MS = 10.0
ADDED_SHARE = 3.0
OPEN_STREAMS = 500
_OPEN_SECONDS = 30.0
AT_ONCE = 16
_REST_SECONDS = 1.5
_ORDERS = (0.0, 0.1)
_CHUNKS = 1_000
_DRAWS_A_ROUND = 80
_FAILING_TOKENS = 90


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """What is measured: a model server, or a stand-in where there is none, and how often."""

    base_url: str | None
    model: str
    questions: int = 24
    rounds: int = 5
    max_tokens: int = 96
    datasets: Sequence[Path] = field(default=())


def run_generate_bench(request: GenerateRequest, settings: Settings) -> GoalFigures:
    """Measure on a collection of the data sets, or of the sample handbook.

    Raises:
        TroikaError: a server did not start, or did not answer as it should.
    """
    corpus = ensure_corpus(request.datasets, _CHUNKS, settings)
    collection = ensure_collection(corpus, settings)
    questions = list(islice(cycle(corpus.questions), request.questions))
    with (
        _model_server(request) as base_url,
        running_server(settings.home, collection, _variables(request, base_url)) as server,
    ):
        figures = asyncio.run(_beside(request, base_url, server.address, settings, questions))
        hits = asyncio.run(_prefix_hits(request, base_url, settings, collection, corpus.questions))
    with (
        _slow_stand_in(request.max_tokens) as slow,
        running_server(settings.home, collection, _variables(request, slow.base_url)) as server,
    ):
        figures += (asyncio.run(_open_streams(server.address, questions)),)
    with (
        stand_in(_FAILING_TOKENS, 0.02) as failing,
        running_server(
            settings.home, collection, _with_default_patience(request, failing.base_url)
        ) as server,
    ):
        figures += asyncio.run(measure_failures(failing, server.address, questions))
    return GoalFigures("troika bench generate", date.today(), this_machine(), (*figures, *_hit_figures(hits)))


def _variables(request: GenerateRequest, base_url: str) -> dict[str, str]:
    """The environment of a server that has every question answered by the model, at full length."""
    return {
        "TROIKA_GENERATOR__KIND": "openai",
        "TROIKA_GENERATOR__BASE_URL": base_url,
        "TROIKA_GENERATOR__MODEL": request.model,
        "TROIKA_GENERATOR__MAX_TOKENS": str(request.max_tokens),
        "TROIKA_GENERATOR__FIRST_TOKEN_SECONDS": "120",
        "TROIKA_ANSWER__MIN_EVIDENCE": "0",
        "TROIKA_ANSWER__MAX_SENTENCES": "10000",
        "TROIKA_LIMITS__CONCURRENT_ANSWERS": str(2 * OPEN_STREAMS),
        "OMP_WAIT_POLICY": "passive",
    }


def _with_default_patience(request: GenerateRequest, base_url: str) -> dict[str, str]:
    """The same for answers of ``_FAILING_TOKENS``, with the default wait for a first token."""
    variables = _variables(request, base_url) | {"TROIKA_GENERATOR__MAX_TOKENS": str(_FAILING_TOKENS)}
    del variables["TROIKA_GENERATOR__FIRST_TOKEN_SECONDS"]
    return variables


@contextmanager
def _model_server(request: GenerateRequest) -> Generator[str]:
    if request.base_url is not None:
        yield request.base_url
        return
    with stand_in(request.max_tokens, 0.02) as model:
        yield model.base_url


def _slow_stand_in(max_tokens: int) -> AbstractContextManager[StandInProcess]:
    """Keeps each stream open for ``_OPEN_SECONDS``; one that writes more than it is asked for is cut off."""
    tokens = min(30, max_tokens)
    return stand_in(tokens, _OPEN_SECONDS / tokens)


async def _beside(
    request: GenerateRequest, base_url: str, address: str, settings: Settings, questions: Sequence[str]
) -> tuple[Figure, ...]:
    async with open_client(base_url) as model_client, open_client(address) as own_client:
        troika = ThroughTroika(own_client)
        history = open_history(settings)
        bare = BareModel(model_client, request.model, {}, request.max_tokens)
        for question in questions:  # the answer that is kept holds the passages of the prompt
            own = await troika.ask(question)
            kept = history.get(own.answer_id).answer
            bare.prompts[question] = render(kept.question, kept.passages, kept.language)
            if (await bare.ask(question)).prompt_tokens != own.prompt_tokens:
                raise TroikaError(f"{request.model} was not asked {question!r} in the same words by both.")
        history.close()
        rest = 0.0 if request.base_url is None else _REST_SECONDS
        alone = await _alternating(bare, troika, questions, request.rounds, 1, rest)
        rush = await _alternating(bare, troika, list(questions) * 2, request.rounds, AT_ONCE)
    return (*_first_tokens(request, alone), *_throughput(request, rush))


@dataclass(slots=True)
class _Sides:
    """The answers of both, round by round, and the tokens a second of each round."""

    bare: list[Streamed] = field(default_factory=list[Streamed])
    troika: list[Streamed] = field(default_factory=list[Streamed])
    bare_rates: list[float] = field(default_factory=list[float])
    troika_rates: list[float] = field(default_factory=list[float])


async def _alternating(
    bare: BareModel,
    troika: ThroughTroika,
    questions: Sequence[str],
    rounds: int,
    at_once: int,
    rest_seconds: float = 0.0,
) -> _Sides:
    sides = _Sides()
    for _ in range(rounds):
        for ask, answers, rates in (
            (bare.ask, sides.bare, sides.bare_rates),
            (troika.ask, sides.troika, sides.troika_rates),
        ):
            found, seconds = await ask_all(ask, questions, at_once, rest_seconds)
            answers += found
            rates.append(sum(streamed.tokens for streamed in found) / seconds)
    return sides


def _first_tokens(request: GenerateRequest, sides: _Sides) -> Iterator[Figure]:
    what = "one stream: time to the first token, median"
    bare, troika = (
        statistics.median(streamed.first_ms for streamed in side) for side in (sides.bare, sides.troika)
    )
    yield Figure("first", what, _who(request), "ms", bare)
    yield Figure("first", what, "troika before it", "ms", troika)
    yield Figure("first", "added to the first token", "troika", "ms", troika - bare, ADDED_MS, False)


def _throughput(request: GenerateRequest, sides: _Sides) -> Iterator[Figure]:
    what = f"{AT_ONCE} streams: tokens a second, median of the rounds"
    bare, troika = statistics.median(sides.bare_rates), statistics.median(sides.troika_rates)
    yield Figure("rate", what, _who(request), "tokens/s", bare)
    yield Figure("rate", what, "troika before it", "tokens/s", troika)
    lost = statistics.median(
        100 * (1 - own / other) for own, other in zip(sides.troika_rates, sides.bare_rates, strict=True)
    )
    yield Figure("rate", "of them lost, median of the rounds", "troika", "%", lost, ADDED_SHARE, False)


def _who(request: GenerateRequest) -> str:
    return "a stand-in at 50 tokens/s" if request.base_url is None else f"{request.model}, asked without it"


async def _open_streams(address: str, questions: Sequence[str]) -> Figure:
    """Open all streams before the first of them ends, and count those that the model wrote to their end."""
    async with open_client(address) as client:
        asking = map(ThroughTroika(client).ask, islice(cycle(questions), OPEN_STREAMS))
        ended = await asyncio.gather(*map(_is_whole, asking))
    what = f"{OPEN_STREAMS} streams open at once on one process: answers that were whole"
    return Figure("open", what, "troika", "", sum(ended), OPEN_STREAMS)


async def _is_whole(asked: Awaitable[Streamed]) -> bool:
    try:
        await asked
    except TroikaError as error:
        logger.warning("of %d streams one failed: %s", OPEN_STREAMS, error)
        return False
    return True


async def _prefix_hits(
    request: GenerateRequest, base_url: str, settings: Settings, collection: str, questions: Sequence[str]
) -> list[PrefixHits] | None:
    if request.base_url is None:
        return None
    async with open_client(base_url) as client:
        return await measure_prefix_hits(
            client, request.model, settings, collection, questions, _ORDERS, _DRAWS_A_ROUND * request.rounds
        )


def _hit_figures(hits: list[PrefixHits] | None) -> Iterator[Figure]:
    what = "tokens of prompts that the prefix cache knew"
    for order, name in enumerate(("passages by score", "passages of like score in one order")):
        value = None if hits is None else 100 * hits[order].share
        note = "the server has no such counters" if hits is None else ""
        yield Figure("prefix", what, name, "%", value, note=note)
