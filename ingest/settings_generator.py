"""The settings section ``generator``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from ingest.choices import GeneratorKind
from ingest.settings_section import Positive, Price, Section

Seconds = Annotated[float, Field(gt=0)]


class GeneratorSettings(Section):
    """The model that writes answers."""

    kind: GeneratorKind = GeneratorKind.LLAMA_CPP
    model: str | None = Field(
        default=None, description="GGUF file (llama-cpp), folder or id (vllm), served model name (openai)"
    )
    base_url: str | None = Field(
        default=None, description="OpenAI-compatible server, for example vLLM's …/v1"
    )
    base_urls: tuple[str, ...] = Field(
        default=(), description="more servers of the same model; questions are spread over all of them"
    )
    api_key: SecretStr | None = None
    languages: tuple[str, ...] | None = Field(
        default=None, description="languages the model writes; default by kind"
    )
    threads: Positive = 2
    context_tokens: Annotated[int, Field(ge=512)] = 4096
    max_tokens: Positive = 96
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 0.0
    first_token_seconds: Seconds = Field(
        default=10.0,
        description="openai: longest wait for a first token; then the server is left out for a while",
    )
    timeout_seconds: Seconds = Field(default=10.0, description="openai: longest wait for each next token")
    silent_seconds: Seconds = Field(
        default=0.35,
        description="openai: least silence after which a server that takes questions at once is left out",
    )
    prompt_price: Price | None = Field(default=None, description="of a million tokens read, for evaluations")
    completion_price: Price | None = Field(default=None, description="of a million tokens written")

    @property
    def servers(self) -> tuple[str, ...]:
        """The URLs of ``base_url`` and ``base_urls``, each once."""
        first = () if self.base_url is None else (self.base_url,)
        return tuple(dict.fromkeys((*first, *self.base_urls)))
