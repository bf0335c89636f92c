"""The command that starts vLLM, in an environment of its own: it pins other libraries than Troika does."""

from __future__ import annotations

import math
import os
import shlex
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import ModelNotFoundError, SettingsError
from ingest.settings import VllmSettings

SERVED_NAME = "generator"
_HOST = "127.0.0.1"
_MODULE = "vllm.entrypoints.openai.api_server"


@dataclass(frozen=True, slots=True)
class VllmCommand:
    """What is run, with the environment it is given, and where it will answer."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    base_url: str


def vllm_command(
    settings: VllmSettings,
    model: str | None,
    home: Path,
    *,
    served_name: str = SERVED_NAME,
    adapters_at_once: int = 2,
) -> VllmCommand:
    """The command for ``model``, a folder in the Hugging Face layout or the id of a model that is cached.

    Args:
        served_name: what clients call it.
        adapters_at_once: how many adapters may answer side by side; further ones take turns with them.

    Raises:
        SettingsError: there is no such interpreter, or no model is named.
        ModelNotFoundError: the model is a path, and nothing is there.
    """
    if model is None:
        raise SettingsError(
            "generator.kind is vllm, and generator.model is not set: "
            "name a folder with config.json and safetensors, or the id of a model."
        )
    if Path(model).is_absolute() and not (Path(model) / "config.json").is_file():
        raise ModelNotFoundError(f"no model at {model}: expected a folder with config.json, correct it.")
    port = settings.port or _free_port()
    arguments = [str(interpreter(settings)), "-m", _MODULE]
    arguments += ["--disable-uvicorn-access-log"]  # its health is asked for twice a second
    arguments += ["--model", model, "--served-model-name", served_name, "--host", _HOST, "--port", str(port)]
    if settings.max_lora_rank:  # vLLM asks for it when it starts
        arguments += ["--enable-lora", "--max-lora-rank", str(settings.max_lora_rank)]
        arguments += ["--max-loras", str(adapters_at_once)]
    arguments += shlex.split(settings.arguments)
    return VllmCommand(tuple(arguments), _environment(settings, home), f"http://{_HOST}:{port}/v1")


def interpreter(settings: VllmSettings) -> Path:
    """The Python of vLLM's environment.

    Raises:
        SettingsError: it is not there.
    """
    path = settings.python.expanduser()
    if not path.is_file():
        raise SettingsError(
            f"no Python with vLLM at {path}: make its environment with `make vllm-env`, set "
            "vllm.python, or point generator.kind = openai at a running server."
        )
    # Not resolved: the link inside of a virtual environment is what makes it one.
    return path.absolute()


def _environment(settings: VllmSettings, home: Path) -> dict[str, str]:
    """That of this process, with adapters allowed at run time and nothing sent home."""
    return {
        # Its own limit is 10 minutes, whatever ``vllm.start_seconds`` allows.
        "VLLM_ENGINE_READY_TIMEOUT_S": str(math.ceil(settings.start_seconds)),
        # In GiB. Without it, vLLM on a CPU asks for 92 % of all memory, and ends where less is free.
        "VLLM_CPU_KVCACHE_SPACE": "4",
        **os.environ,
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "VLLM_CACHE_ROOT": str(home.absolute() / "cache" / "vllm"),
    }


def _free_port() -> int:
    with socket.create_server((_HOST, 0)) as listener:
        return int(listener.getsockname()[1])
