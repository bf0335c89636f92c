"""Log-probabilities from llama.cpp: as it serves, or in float32 all through."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import numpy as np
import xllamacpp  # pyright: ignore[reportMissingTypeStubs]

from finetune.adapters.probes import Probe
from finetune.parity.scores import Scores
from service.generators.llama_cpp import LlamaCppGenerator

_SECONDS = 600.0
_CERTAIN = 1e6
_SHORTEST_CONTEXT, _ROOM = 512, 8
_QUIET = -1


@dataclass(frozen=True, slots=True)
class LlamaCpp:
    """A GGUF model with its GGUF adapter.

    ``exact`` computes attention in float32; the generator that serves rounds keys and values to 16 bits.
    """

    model: Path
    adapter: Path
    threads: int
    exact: bool


def llama_cpp_scores(form: LlamaCpp, probes: Sequence[Probe]) -> list[Scores]:
    """Score the probes.

    llama.cpp tells log-probabilities of what it writes only. So it is made to write the answer, token by
    token, through a bias that the log-probabilities it tells do not contain.

    Raises:
        GeneratorError: the model cannot be loaded.
    """
    context_tokens = max(_SHORTEST_CONTEXT, max(map(len, probes)) + _ROOM)
    serve = _exact if form.exact else _served
    with serve(form, context_tokens) as address, httpx.Client(base_url=address, timeout=_SECONDS) as client:
        return [_score(client, probe) for probe in probes]


@contextmanager
def _served(form: LlamaCpp, context_tokens: int) -> Generator[str]:
    """The generator that answers questions; its address."""
    generator = LlamaCppGenerator(
        name=form.model.stem,
        model_path=form.model,
        adapter_path=form.adapter,
        languages=frozenset(),
        threads=form.threads,
        context_tokens=context_tokens,
    )
    try:
        yield generator.address
    finally:
        asyncio.run(generator.aclose())


@contextmanager
def _exact(form: LlamaCpp, context_tokens: int) -> Generator[str]:
    """A server that rounds nothing in attention; its address."""
    library = cast("Any", xllamacpp)
    parameters = library.CommonParams()
    parameters.model.path = str(form.model)
    parameters.lora_adapters = [library.CommonAdapterLoraInfo(str(form.adapter), 1.0)]
    parameters.cache_type_k = parameters.cache_type_v = library.ggml_type.GGML_TYPE_F32
    # Flash attention rounds to 16 bits whatever the cache holds.
    parameters.flash_attn_type = library.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    parameters.n_ctx, parameters.n_parallel = context_tokens, 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = form.threads
    parameters.verbosity, parameters.warmup = _QUIET, False
    server = library.Server(parameters)
    yield str(server.listening_address)
    del server


def _score(client: httpx.Client, probe: Probe) -> Scores:
    logprobs = np.full(len(probe.answer), np.nan)
    best = np.full(len(probe.answer), -1, np.int64)
    for place, token in enumerate(probe.answer):
        body = {
            "prompt": [*probe.prompt, *probe.answer[:place]],
            "n_predict": 1,
            "temperature": 0,
            "logit_bias": [[token, _CERTAIN]],
            "n_probs": 1,
            "cache_prompt": True,
            "id_slot": 0,
        }
        reply = client.post("/completion", json=body).raise_for_status().json()
        # It is silent on a token that ends within a character.
        for step in reply.get("completion_probabilities", ()):
            logprobs[place] = step["logprob"]
            best[place] = step["top_logprobs"][0]["id"]
    return Scores(logprobs, best)
