"""Settings that ask for a supervised vLLM, as settings that name a server and the process behind it.

An adapter that is served alone is served merged into its base: on its own it costs vLLM a part of its speed,
on a CPU most of it. ``troika finetune export RUN --merged TROIKA_HOME/merged/NAME`` makes the folder that is
served then. Another release cannot join it: ``troika serve`` is started again after a promotion. Where there
is no such folder, or several releases answer, vLLM serves the base, and takes up what is promoted.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from ingest.choices import GeneratorKind
from ingest.settings import Settings
from ingest.settings_vllm import LoraRank
from service.prompt import PROMPT_ID
from service.releases.adapters import CONFIG, list_adapters
from service.releases.release import AdapterRecord, named_release, read_record
from service.releases.served import served_record
from service.vllm.command import SERVED_NAME, VllmCommand, vllm_command
from service.vllm.process import SupervisionPolicy, VllmProcess
from service.vllm.served_weights import is_merged_from

MERGED = "merged"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Weights:
    """What vLLM is started with: a model, what clients call it, and the highest rank of adapters."""

    model: str | None
    served_name: str
    max_lora_rank: LoraRank


def with_own_vllm(settings: Settings) -> tuple[Settings, VllmProcess | None]:
    """The settings with vLLM as any other server at a URL, and the process to start; None for another kind.

    Raises:
        SettingsError, ModelNotFoundError: vLLM or its model is not there.
        ReleaseHistoryError, AdapterNotFoundError, AdapterRejectedError: about the release that is served.
    """
    generator = settings.generator
    if generator.kind is not GeneratorKind.VLLM:
        return settings, None
    weights = weights_to_serve(settings)
    logger.info("vLLM is started with %s as %s", weights.model, weights.served_name)
    command = own_command(settings, weights)
    served = generator.model_copy(
        update={
            "kind": GeneratorKind.OPENAI,
            "model": _name(generator.model),
            "base_url": command.base_url,
            "base_urls": (),
        }
    )
    policy = SupervisionPolicy(start_seconds=settings.vllm.start_seconds)
    process = VllmProcess(command, settings.home / "logs" / "vllm.log", policy)
    return settings.model_copy(update={"generator": served}), process


def own_command(settings: Settings, weights: Weights) -> VllmCommand:
    """The command that starts vLLM with ``weights``; the errors of ``vllm_command``."""
    return vllm_command(
        settings.vllm.model_copy(update={"max_lora_rank": weights.max_lora_rank}),
        weights.model,
        settings.home,
        served_name=weights.served_name,
        adapters_at_once=settings.routing.open_releases + 1,
    )


def weights_to_serve(settings: Settings) -> Weights:
    """The merged folder of the one release that is served, if there is one; else the base."""
    model, rank = settings.generator.model, settings.vllm.max_lora_rank
    if rank is not None:
        return Weights(model, _name(model), rank)
    record, routing = served_record(settings), settings.routing
    if record is not None and record.canary is None and not routing.aliases and not routing.collections:
        adapter = named_release(settings.home, record.release).adapter
        if adapter is not None and is_merged_from(folder := settings.home / MERGED / adapter.name, adapter):
            return Weights(str(folder.absolute()), adapter.name, 0)
    return Weights(model, _name(model), _highest_rank(list_adapters(settings.home)))


def _name(model: str | None) -> str:
    """What a model is called in answers: the name of its folder, or its id."""
    return SERVED_NAME if model is None else Path(model).name if Path(model).is_absolute() else model


def _highest_rank(adapters: list[AdapterRecord]) -> LoraRank:
    """The least rank that vLLM can be started with and that all adapters have room in; 0 without any."""
    ranks = [_rank(adapter.path) for adapter in adapters if adapter.prompt_id == PROMPT_ID]
    highest, allowed = max(ranks, default=0), cast("tuple[LoraRank, ...]", get_args(LoraRank))
    for rank in allowed:
        if rank >= highest:
            return rank
    return allowed[-1]


def _rank(folder: Path) -> int:
    found = read_record(folder / CONFIG).get("r")
    return found if isinstance(found, int) else 0
