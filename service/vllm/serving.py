"""Settings that ask for a supervised vLLM, as settings that name a server and the process behind it."""

from __future__ import annotations

from ingest.choices import GeneratorKind
from ingest.settings import Settings
from service.vllm.command import SERVED_NAME, vllm_command
from service.vllm.process import SupervisionPolicy, VllmProcess


def with_own_vllm(settings: Settings) -> tuple[Settings, VllmProcess | None]:
    """The settings with vLLM as any other server at a URL, and the process to start; None for another kind.

    Raises:
        SettingsError, ModelNotFoundError: vLLM or its model is not there.
    """
    generator = settings.generator
    if generator.kind is not GeneratorKind.VLLM:
        return settings, None
    command = vllm_command(settings.vllm, generator.model, settings.home)
    served = generator.model_copy(
        update={"kind": GeneratorKind.OPENAI, "model": SERVED_NAME, "base_url": command.base_url}
    )
    policy = SupervisionPolicy(start_seconds=settings.vllm.start_seconds)
    process = VllmProcess(command, settings.home / "logs" / "vllm.log", policy)
    return settings.model_copy(update={"generator": served}), process
