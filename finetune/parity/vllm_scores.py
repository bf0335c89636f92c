"""Log-probabilities from a vLLM that is started for it, in an environment of its own."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from finetune.adapters.lora import Lora
from finetune.adapters.probes import Probe
from finetune.parity.scores import Scores
from ingest.errors import GeneratorError
from ingest.settings import VllmSettings
from service.vllm.command import SERVED_NAME, vllm_command
from service.vllm.process import SupervisionPolicy, VllmProcess

ADAPTER_NAME = "adapter"
_SECONDS = 600.0
_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)


@dataclass(frozen=True, slots=True)
class Vllm:
    """Where vLLM is found, and where it may write its cache and its log."""

    python: Path
    home: Path


def vllm_scores(vllm: Vllm, model: Path, lora: Lora | None, probes: Sequence[Probe]) -> list[Scores]:
    """Score the probes in float32 with the folder ``model`` and, if there is one, the LoRA adapter.

    Raises:
        SettingsError: there is no such Python.
        GeneratorError: vLLM did not start, or did not answer.
    """
    return asyncio.run(_scores(vllm, model, lora, probes))


async def _scores(vllm: Vllm, model: Path, lora: Lora | None, probes: Sequence[Probe]) -> list[Scores]:
    command = vllm_command(_settings(vllm, lora, max(map(len, probes)) + 1), str(model.absolute()), vllm.home)
    log = vllm.home / "logs" / "vllm-parity.log"
    process = VllmProcess(command, log, SupervisionPolicy(start_seconds=_SECONDS))
    process.start()
    try:
        await process.wait_ready(_SECONDS, once=True)
        async with httpx.AsyncClient(base_url=command.base_url, timeout=_SECONDS) as client:
            name = SERVED_NAME if lora is None else ADAPTER_NAME
            return [await score_probe(client, name, probe) for probe in probes]
    except httpx.HTTPError as error:
        raise GeneratorError(f"vLLM did not score the prompts ({error!r}): read {log}.") from error
    finally:
        await process.stop()


def _settings(vllm: Vllm, lora: Lora | None, length: int) -> VllmSettings:
    arguments = ["--dtype", "float32", "--max-model-len", str(length), "--enforce-eager"]
    if lora is None:
        return VllmSettings(python=vllm.python, arguments=shlex.join(arguments))
    rank = next(rank for rank in _RANKS if rank >= lora.rank)
    arguments += ["--lora-modules", f"{ADAPTER_NAME}={lora.folder.absolute()}"]
    return VllmSettings.model_validate(
        {"python": vllm.python, "max_lora_rank": rank, "arguments": shlex.join(arguments)}
    )


async def score_probe(client: httpx.AsyncClient, name: str, probe: Probe) -> Scores:
    """Ask the server behind ``client`` for the scores of one probe, with the model ``name``."""
    body = {
        "model": name,
        "prompt": [*probe.prompt, *probe.answer],
        "max_tokens": 1,
        "temperature": 0,
        "prompt_logprobs": 1,
    }
    reply = (await client.post("/completions", json=body)).raise_for_status().json()
    told: list[dict[str, Any]] = reply["choices"][0]["prompt_logprobs"][-len(probe.answer) :]
    logprobs = [place[str(token)]["logprob"] for place, token in zip(told, probe.answer, strict=True)]
    best = [min(place, key=lambda token, place=place: place[token]["rank"]) for place in told]
    return Scores(np.array(logprobs), np.array(best, np.int64))
