"""How much of its prompts a model server has read before, by the order in which passages stand in them."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import httpx
import numpy as np

from ingest.errors import TroikaError
from ingest.settings import Settings
from service.generate import Message
from service.pipeline import AnswerPipeline
from service.prompt import render
from service.question import Inquiry
from service.retrieval.context import ContextBuilder, ContextPolicy
from service.wiring import open_pipeline

_SKEW = 1.0
"""Exponent of Zipf's law: how much oftener the questions that are asked often are asked."""
_SEED = 7
_COUNTER = re.compile(r"^vllm:prefix_cache_(queries|hits)_total(?:\{[^}]*\})? ([\d.e+]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PrefixHits:
    """Tokens of prompts, and those among them that the server still knew."""

    asked: int
    hit: int

    @property
    def share(self) -> float:
        return self.hit / self.asked if self.asked else 0.0


async def measure_prefix_hits(
    client: httpx.AsyncClient,
    model: str,
    settings: Settings,
    collection: str,
    questions: Sequence[str],
    orders: Sequence[float],
    draws: int,
) -> list[PrefixHits] | None:
    """For each ``same_score`` of ``orders``: ask the same ``draws`` of ``questions``; None without counters.

    Each order has a salt of its own, so that none finds what another one left.
    """
    if await _counters(client) is None:
        return None
    pipeline = await open_pipeline(settings, collection)
    try:
        drawn = _zipf(questions, draws)
        return [await _measure(client, model, await _prompts(pipeline, drawn, order)) for order in orders]
    finally:
        await pipeline.aclose()


def _zipf(questions: Sequence[str], draws: int) -> list[str]:
    weights = 1 / np.arange(1, len(questions) + 1) ** _SKEW
    drawn = np.random.default_rng(_SEED).choice(len(questions), draws, p=weights / weights.sum())
    return [questions[int(number)] for number in drawn]


async def _prompts(
    pipeline: AnswerPipeline, questions: Sequence[str], same_score: float
) -> list[Sequence[Message]]:
    policy = ContextPolicy(passages=3, tokens=4000, neighbours=0, same_score=same_score)
    count = pipeline.embedder.tokens.count
    context = ContextBuilder(pipeline.snapshot.documents, count, policy)
    prompts: dict[str, Sequence[Message]] = {}
    for question in dict.fromkeys(questions):
        found = await pipeline.search(Inquiry(question), context.candidates())
        prompts[question] = render(question, context.build(found.hits).passages, "en")
    return [prompts[question] for question in questions]


async def _measure(client: httpx.AsyncClient, model: str, prompts: Sequence[Sequence[Message]]) -> PrefixHits:
    salt, before = uuid.uuid4().hex, await _require_counters(client)
    for prompt in prompts:
        body = {
            "model": model,
            "messages": [asdict(message) for message in prompt],
            "max_tokens": 1,
            "cache_salt": salt,
        }
        (await client.post("/chat/completions", json=body)).raise_for_status()
    await asyncio.sleep(1.0)  # the counters follow
    after = await _require_counters(client)
    return PrefixHits(after.asked - before.asked, after.hit - before.hit)


async def _require_counters(client: httpx.AsyncClient) -> PrefixHits:
    found = await _counters(client)
    if found is None:
        raise TroikaError(f"{client.base_url} has no counters of its prefix cache any more: see its log.")
    return found


async def _counters(client: httpx.AsyncClient) -> PrefixHits | None:
    metrics = str(client.base_url).rstrip("/").removesuffix("/v1") + "/metrics"
    reply = await client.get(metrics)
    found = {name: int(float(value)) for name, value in _COUNTER.findall(reply.text)}
    return PrefixHits(found["queries"], found["hits"]) if len(found) == 2 else None
