"""The generator that is sampled: that of the settings, or a vLLM of its own for as long as it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import cast, get_args

from ingest.choices import GeneratorKind
from ingest.errors import AdapterRejectedError, ModelNotFoundError, SettingsError
from ingest.settings import Settings
from ingest.settings_generator import GeneratorSettings
from ingest.settings_vllm import LoraRank
from service.generate import Generator, Preparable
from service.generators import smollm2
from service.releases.adapters import CONFIG
from service.releases.model_origin import base_of
from service.releases.release import GGUF, AdapterRecord, Release, check_files, read_record
from service.vllm.process import VllmProcess
from service.vllm.served_weights import fingerprint_of, verified_folder
from service.vllm.serving import weights_to_serve, with_own_vllm
from service.wiring import load_generator

# A server batches what comes at once; the embedded model answers one prompt after the other.
AT_ONCE = {GeneratorKind.OPENAI: 16, GeneratorKind.VLLM: 16, GeneratorKind.LLAMA_CPP: 1}

_PATIENCE = 300.0
"""Seconds for a first token: nobody waits for it, and so many prompts at once keep a CPU busy for minutes."""


def check_kind(settings: Settings) -> None:
    """Make sure that the generator writes.

    Raises:
        SettingsError: it quotes only.
    """
    kind = settings.generator.kind
    if kind not in AT_ONCE:
        kinds = ", ".join(sorted(writing.value for writing in AT_ONCE))
        raise SettingsError(
            f"generator.kind is {kind.value}, which writes no answers to sample: set one of {kinds}."
        )


def check_generator(settings: Settings, release: Release) -> None:
    """Check all about the generator with ``release`` that can be without a start of it; asks no server.

    Raises:
        SettingsError, ModelNotFoundError: it writes nothing, or its model or interpreter is not there.
        AdapterRejectedError: the release's adapter does not go with the model, or its files were changed.
    """
    check_kind(settings)
    match settings.generator.kind:
        case GeneratorKind.LLAMA_CPP:
            _check_embedded(settings, release)
        case GeneratorKind.VLLM:
            _check_own(settings, release)
        case _:
            asyncio.run(load_generator(settings.generator, release, settings.home).aclose())
            if release.adapter is not None:
                check_files(release.adapter)


def sampled_base(settings: Settings) -> str:
    """What adapters that the generator can take up name as their base.

    Raises:
        ModelNotFoundError, AdapterRejectedError: there is no such model on this machine.
    """
    if settings.generator.kind is GeneratorKind.LLAMA_CPP:
        return base_of(_embedded(settings))
    return fingerprint_of(settings.generator.model, settings.home)


@asynccontextmanager
async def opened_generator(settings: Settings, release: Release) -> AsyncGenerator[Generator]:
    """The generator with ``release``, ready to be asked; a vLLM that was started for it ends with the block.

    Raises:
        SettingsError, ModelNotFoundError, MissingExtraError: it cannot be opened.
        AdapterRejectedError: it cannot take up the release's adapter.
        GeneratorError: vLLM does not start.
    """
    async with AsyncExitStack() as opened:
        if settings.generator.kind is GeneratorKind.VLLM:
            settings = await opened.enter_async_context(_running_vllm(settings, release))
        generator = load_generator(patient(settings.generator), release, settings.home)
        opened.push_async_callback(generator.aclose)
        if isinstance(generator, Preparable):
            await generator.prepare()
        yield generator


def own_vllm(settings: Settings, release: Release) -> tuple[Settings, VllmProcess | None]:
    """As ``with_own_vllm``, of ``release`` in place of what is served.

    Weights that hold what is served can answer for nothing else, so for another release the base is started,
    with room for its adapter.

    Raises:
        SettingsError, ModelNotFoundError: vLLM or its model is not there.
        AdapterRejectedError: the adapter's files cannot be read.
    """
    vllm = settings.vllm
    if vllm.max_lora_rank is None and weights_to_serve(settings).served_name != release.name:
        vllm = vllm.model_copy(update={"max_lora_rank": _room_for(release.adapter)})
    return with_own_vllm(settings.model_copy(update={"vllm": vllm}))


def patient(generator: GeneratorSettings) -> GeneratorSettings:
    """The settings with waits for a server that nobody waits for."""
    patience = max(generator.first_token_seconds, _PATIENCE)
    waits = {"first_token_seconds": patience, "timeout_seconds": patience, "silent_seconds": patience}
    return generator.model_copy(update=waits)


@asynccontextmanager
async def _running_vllm(settings: Settings, release: Release) -> AsyncGenerator[Settings]:
    served, process = own_vllm(settings, release)
    if process is None:
        yield served
        return
    process.start()
    try:
        await process.wait_ready(settings.vllm.start_seconds, once=True)
        yield served
    finally:
        await process.stop()


def _room_for(adapter: AdapterRecord | None) -> LoraRank:
    """The least rank that vLLM can be started with and that ``adapter`` has room in; 0 for none."""
    if adapter is None:
        return 0
    rank = read_record(adapter.path / CONFIG).get("r")
    allowed = cast("tuple[LoraRank, ...]", get_args(LoraRank))
    for room in allowed:
        if isinstance(rank, int) and room >= rank:
            return room
    return allowed[-1]


def _embedded(settings: Settings) -> Path:
    model = settings.generator.model
    source = smollm2.gguf_path() if model is None else Path(model)
    if not source.is_file():
        raise ModelNotFoundError(f"no GGUF file at {source}: correct generator.model.")
    return source


def _check_embedded(settings: Settings, release: Release) -> None:
    release.check(base_model=base_of(_embedded(settings)))
    if release.adapter is not None and GGUF not in release.adapter.files:
        raise AdapterRejectedError(
            f"the adapter {release.name} has no {GGUF}, which llama.cpp loads: sample it with "
            "generator.kind = vllm."
        )


def _check_own(settings: Settings, release: Release) -> None:
    own_vllm(settings, release)
    adapter = release.adapter
    if adapter is None or weights_to_serve(settings).served_name == release.name:
        return
    release.check(base_model=fingerprint_of(settings.generator.model, settings.home))
    verified_folder(adapter, settings.home)
