"""An adapter on a running vLLM: made sure of, loaded, tried out, and unloaded when nobody needs it any more.

vLLM must run with ``--enable-lora`` and ``VLLM_ALLOW_RUNTIME_LORA_UPDATING``, see the folders of this home
under the same paths, and be reachable by Troika alone: whoever reaches it can load any folder. An adapter is
served under its own name, which holds the hash of its weights, so that a name never means two things.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import httpx
import msgspec

from ingest.errors import AdapterRejectedError, GeneratorError
from service.observe.failures import told_of
from service.releases.release import AdapterRecord, Release, tokenizer_digest
from service.vllm.served_weights import fingerprint_of, is_merged_from, verified_folder
from service.vllm.trial import PASSING, try_out

logger = logging.getLogger(__name__)

_TIMEOUT = httpx.Timeout(20.0, connect=2.0)
_DETAIL_CHARACTERS = 300


class ServedWeights(msgspec.Struct):
    """A model as ``/v1/models`` lists it: ``root`` is its folder, ``parent`` the base of an adapter."""

    id: str
    root: str | None = None
    parent: str | None = None


class _ServedModels(msgspec.Struct):
    data: list[ServedWeights]


class VllmAdapter:
    """What a server needs before it is asked for an adapter; see ``service.routing.server.Preparation``."""

    def __init__(
        self, client: httpx.AsyncClient, release: Release, adapter: AdapterRecord, home: Path
    ) -> None:
        """``adapter`` is that of ``release``; ``client`` knows the server's URL, and is not closed."""
        self._client = client
        self._release = release
        self._adapter = adapter
        self._home = home
        self._was_loaded = False

    async def prepare(self) -> None:
        """Load the adapter, unless the server has it, and have it answer a few questions.

        Raises:
            AdapterRejectedError: it does not belong on this server, cannot be loaded, or answers nonsense.
            GeneratorError: the server does not answer now.
        """
        served = await self._served()
        found = next((model for model in served if model.id == self._adapter.name), None)
        if found is not None and found.parent is None:
            await asyncio.to_thread(self._check_merged, found)
        else:
            folder = await asyncio.to_thread(self._verified, served)
            if found is None:
                await self._change("load", {"lora_name": self._adapter.name, "lora_path": str(folder)})
                self._was_loaded = True
                logger.info("%s is loaded at %s", self._adapter.name, self._client.base_url)
        try:
            await try_out(self._client, self._adapter.name)
        except AdapterRejectedError:
            await self.undo()
            raise

    async def undo(self) -> None:
        """Unload the adapter, if it was loaded from here; one that is merged into the weights stays."""
        if self._was_loaded:
            self._was_loaded = False
            try:
                await self._change("unload", {"lora_name": self._adapter.name})
            except (AdapterRejectedError, GeneratorError) as error:
                logger.warning("%s was not unloaded: %s", self._adapter.name, told_of(error))

    async def _served(self) -> Sequence[ServedWeights]:
        reply = await self._ask("GET", "/models")
        try:
            return msgspec.json.decode(reply.raise_for_status().content, type=_ServedModels).data
        except (httpx.HTTPStatusError, ValueError) as error:
            raise GeneratorError(
                f"the generator at {self._client.base_url} lists no models ({error!r}): it is no vLLM."
            ) from error

    def _check_merged(self, served: ServedWeights) -> None:
        if served.root is None or not is_merged_from(Path(served.root), self._adapter):
            raise AdapterRejectedError(
                f"{self._client.base_url} serves {served.root} as {served.id}, which is no merge of it: "
                "start it with the folder that `troika finetune export --merged` makes."
            )
        self._release.check(base_model=self._adapter.base_model)

    def _verified(self, served: Sequence[ServedWeights]) -> Path:
        """The adapter's folder, after every check that needs no server."""
        base = next((model.root for model in served if model.parent is None), None)
        fingerprint = fingerprint_of(base, self._home)
        self._release.check(base_model=fingerprint, tokenizer=tokenizer_digest(Path(base or "")))
        return verified_folder(self._adapter, self._home)

    async def _change(self, change: Literal["load", "unload"], body: dict[str, str]) -> None:
        reply = await self._ask("POST", f"/{change}_lora_adapter", body)
        if not reply.is_success:
            detail = " ".join(reply.text.split())[:_DETAIL_CHARACTERS]
            raise AdapterRejectedError(
                f"{self._client.base_url} does not {change} {self._adapter.name} "
                f"({reply.status_code} {detail}): start vLLM with --enable-lora, a --max-lora-rank "
                "that is high enough, and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True."
            )

    async def _ask(self, method: str, path: str, body: dict[str, str] | None = None) -> httpx.Response:
        try:
            reply = await self._client.request(method, path, json=body, timeout=_TIMEOUT)
        except httpx.HTTPError as error:
            raise GeneratorError(
                f"the generator at {self._client.base_url} failed ({error!r}): see its log."
            ) from error
        if reply.status_code in PASSING:
            raise GeneratorError(f"the generator at {self._client.base_url} answers {reply.status_code}.")
        return reply
