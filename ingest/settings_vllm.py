"""The settings section ``vllm``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ingest.settings_section import Section

LoraRank = Literal[0, 8, 16, 32, 64, 128, 256, 320, 512]
"""What vLLM can be started with."""


class VllmSettings(Section):
    """The vLLM that the server starts and supervises where generator.kind is vllm."""

    python: Path = Field(
        default=Path(".venv-vllm/bin/python"), description="the Python of vLLM's own environment"
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=0, description="0 is any that is free")
    max_lora_rank: LoraRank | None = Field(
        default=None,
        description="highest rank of the adapters that are served, 0 for none; default that of the kept ones",
    )
    arguments: str = Field(
        default="", description="more arguments for vLLM, for example --max-model-len 8192"
    )
    start_seconds: Annotated[float, Field(gt=0)] = 600.0
