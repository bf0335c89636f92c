"""The model that ``generator.kind = openai`` names, with the release that answers."""

from __future__ import annotations

from pathlib import Path

from ingest.errors import SettingsError
from ingest.settings_generator import GeneratorSettings
from service.generators.openai_http import OpenAiGenerator
from service.releases.release import Release
from service.routing.served_model import ServedModel
from service.routing.server import ModelServer, Patience
from service.vllm.adapters import VllmAdapter


def open_model(
    settings: GeneratorSettings, release: Release, languages: frozenset[str], home: Path
) -> ServedModel:
    """The generator that asks the servers of the settings; nothing is sent yet.

    The base model is asked for by the name in the settings, an adapter by its own, under which the servers,
    each a vLLM, are made to serve it.

    Raises:
        SettingsError: no server, no model or what is no URL is named.
    """
    if settings.model is None or not settings.servers:
        raise SettingsError(
            "generator.kind is openai, and generator.base_url or generator.model is not set: "
            "give the server's URL (…/v1) and the name of the model it serves."
        )
    name = settings.model if release.adapter is None else release.name
    key = settings.api_key.get_secret_value() if settings.api_key else None
    patience = Patience(
        settings.first_token_seconds,
        settings.timeout_seconds,
        # A server that is slow enough for longer waits would else never be taken back.
        probe=settings.first_token_seconds / 2,
    )

    longest = max(patience.first_token, patience.next_token)

    def server(url: str) -> ModelServer:
        asked = OpenAiGenerator(name, url, key, languages, longest, settings.silent_seconds)
        adapter = release.adapter
        preparation = None if adapter is None else VllmAdapter(asked.client, release, adapter, home)
        return ModelServer(url, asked, preparation, patience)

    return ServedModel(name, languages, [server(url) for url in settings.servers])
