from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from ingest.errors import AdapterRejectedError, GeneratorError
from ingest.settings_generator import GeneratorSettings
from ingest.snapshots.durable import file_sha256
from service.generate import Message, Sampling
from service.prompt import PROMPT_ID
from service.releases.adapters import Provenance, keep_adapter
from service.releases.release import (
    AdapterRecord,
    Release,
    base_release,
    model_fingerprint,
    named_release,
    tokenizer_digest,
)
from service.routing.open_model import open_model
from service.routing.served_model import ServedModel
from service.vllm.adapters import VllmAdapter
from tests.service.routing.fake_model_server import Behaviour, FakeModelServer, fake_model_servers

pytestmark = pytest.mark.anyio

MESSAGES = (Message("system", "Be brief."), Message("user", "Which rank?"))


@dataclass(frozen=True)
class Home:
    """A home with a model's folder and adapters of it."""

    path: Path

    @property
    def model(self) -> Path:
        return self.path / "base"

    def make_model(self) -> None:
        self.model.mkdir(parents=True)
        (self.model / "config.json").write_text("{}")
        (self.model / "model.safetensors").write_bytes(b"weights")

    def keep(self, weights: bytes = b"one", base: str | None = None, prompt: str = PROMPT_ID) -> Release:
        source = self.path / "run"
        source.mkdir(exist_ok=True)
        (source / "adapter_model.safetensors").write_bytes(weights)
        (source / "adapter_config.json").write_text('{"r": 8}')
        (source / "adapter.gguf").write_bytes(b"gguf")
        provenance = Provenance(
            base or model_fingerprint(self.model), prompt, "0" * 64, tokenizer=tokenizer_digest(self.model)
        )
        kept = keep_adapter(self.path, "sft", list(source.iterdir()), provenance)
        return named_release(self.path, kept.name)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make_model()
    return made


def adapter_of(release: Release) -> AdapterRecord:
    assert release.adapter is not None
    return release.adapter


@asynccontextmanager
async def on_server(home: Home, release: Release) -> AsyncIterator[tuple[FakeModelServer, VllmAdapter]]:
    async with fake_model_servers(1) as (server,), httpx.AsyncClient(base_url=server.url) as client:
        server.root = str(home.model)
        yield server, VllmAdapter(client, release, adapter_of(release), home.path)


async def until_it_answers(model: ServedModel) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                assert [piece async for piece in model.stream(MESSAGES, Sampling(8))]
                return
            except GeneratorError:
                await asyncio.sleep(0.01)


async def test_an_adapter_is_loaded_from_its_folder_tried_out_and_unloaded(home: Home) -> None:
    release = home.keep()
    async with on_server(home, release) as (server, adapter):
        await adapter.prepare()
        assert server.adapters == {release.name: str(adapter_of(release).path.resolve())}
        await adapter.undo()
        await adapter.undo()
        assert server.changes == [("load", release.name), ("unload", release.name)]


async def test_an_adapter_that_the_server_has_already_is_left_to_who_loaded_it(home: Home) -> None:
    release = home.keep()
    async with on_server(home, release) as (server, adapter):
        server.adapters[release.name] = "/elsewhere"
        await adapter.prepare()
        await adapter.undo()
        assert server.changes == []


async def test_one_that_is_merged_into_the_weights_is_not_loaded(home: Home) -> None:
    release = home.keep()
    merged = home.path / "merged"
    shutil.copytree(home.model, merged)
    record = {
        "adapter_sha256": adapter_of(release).sha256,
        "base_model": adapter_of(release).base_model,
        "files": {path.name: file_sha256(path) for path in merged.iterdir()},
    }
    (merged / "merge.json").write_text(json.dumps(record))
    async with on_server(home, release) as (server, adapter):
        server.base, server.root = release.name, str(merged)
        await adapter.prepare()
        await adapter.undo()
        assert server.changes == []
        (merged / "model.safetensors").write_bytes(b"others")
        with pytest.raises(AdapterRejectedError, match="no merge"):
            await adapter.prepare()


async def test_an_unpacked_model_is_known_by_the_fingerprint_that_is_its_name(home: Home) -> None:
    name = "Model.Q4_1@0123456789abcdef"
    unpacked = home.path / "models" / name
    shutil.copytree(home.model, unpacked)
    async with on_server(home, home.keep(base=name)) as (server, adapter):
        server.root = str(unpacked)
        await adapter.prepare()
        assert server.adapters


async def assert_refused(home: Home, release: Release, why: str) -> None:
    async with on_server(home, release) as (server, adapter):
        with pytest.raises(AdapterRejectedError, match=why):
            await adapter.prepare()
        assert server.adapters == {}


async def test_another_base_or_prompt_is_refused(home: Home) -> None:
    await assert_refused(home, home.keep(base="other@0123456789abcdef"), "base model")
    await assert_refused(home, home.keep(b"two", prompt="0" * 8), "prompt")


async def test_another_tokenizer_is_refused_where_the_adapter_was_kept_with_one(home: Home) -> None:
    kept_without = home.keep(b"one")
    (home.model / "tokenizer.json").write_text("{}")
    kept_with = home.keep(b"two")
    for release in (kept_without, kept_with):
        async with on_server(home, release) as (_, adapter):
            await adapter.prepare()
    (home.model / "chat_template.jinja").write_text("{{ messages }}")
    async with on_server(home, kept_without) as (_, adapter):
        await adapter.prepare()
    await assert_refused(home, kept_with, "trained for the tokenizer")


@pytest.mark.parametrize("name", ["adapter_model.bin", "tokenizer.json", "code.py"])
async def test_a_file_that_was_not_kept_with_it_is_refused(home: Home, name: str) -> None:
    release = home.keep()
    (adapter_of(release).path / name).write_text("{}")
    await assert_refused(home, release, name)


async def test_changed_weights_are_refused(home: Home) -> None:
    release = home.keep()
    (adapter_of(release).path / "adapter_model.safetensors").write_bytes(b"other")
    await assert_refused(home, release, "SHA-256")


async def test_a_folder_elsewhere_is_refused(home: Home) -> None:
    release = home.keep()
    folder = adapter_of(release).path
    elsewhere = home.path.parent / folder.name
    shutil.move(folder, elsewhere)
    folder.symlink_to(elsewhere)
    await assert_refused(home, release, "lies in")


async def test_a_base_that_cannot_be_seen_is_refused(home: Home) -> None:
    async with on_server(home, home.keep()) as (server, adapter):
        server.root = "org/model"
        with pytest.raises(AdapterRejectedError, match="cannot be compared"):
            await adapter.prepare()


async def test_a_server_without_adapters_is_told_from_one_that_is_down(home: Home) -> None:
    release = home.keep()
    async with on_server(home, release) as (server, adapter):
        server.has_adapters = False
        with pytest.raises(AdapterRejectedError, match=r"404.*--enable-lora"):
            await adapter.prepare()
        await server.kill()
        with pytest.raises(GeneratorError):
            await adapter.prepare()


@pytest.mark.parametrize(("words", "logprob"), [((), -0.5), (("Nine.",), -9.0)])
async def test_an_adapter_that_answers_nonsense_is_unloaded_again(
    home: Home, words: tuple[str, ...], logprob: float
) -> None:
    release = home.keep()
    async with on_server(home, release) as (server, adapter):
        server.words, server.logprob = words, logprob
        with pytest.raises(AdapterRejectedError, match="train it again"):
            await adapter.prepare()
        assert server.changes == [("load", release.name), ("unload", release.name)]


@pytest.mark.parametrize("behaviour", [Behaviour.OVERLOADED, Behaviour.UNAVAILABLE])
async def test_a_server_that_is_busy_on_trial_says_nothing_of_the_adapter(
    home: Home, behaviour: Behaviour
) -> None:
    release = home.keep()
    async with on_server(home, release) as (server, adapter):
        server.behaviour = behaviour
        with pytest.raises(GeneratorError):
            await adapter.prepare()
        server.behaviour = Behaviour.WELL
        await adapter.prepare()
        assert server.changes == [("load", release.name)]


async def test_an_adapter_that_vllm_fails_on_is_rejected(home: Home) -> None:
    async with on_server(home, home.keep()) as (server, adapter):
        server.behaviour = Behaviour.FAILING
        with pytest.raises(AdapterRejectedError, match="500"):
            await adapter.prepare()


async def test_several_adapters_answer_side_by_side_and_are_loaded_again_after_a_restart(home: Home) -> None:
    releases = [home.keep(b"one"), home.keep(b"two"), base_release()]
    async with fake_model_servers(1) as (server,):
        server.root = str(home.model)
        settings = GeneratorSettings(base_url=server.url, model=server.base)
        models = [open_model(settings, one, frozenset({"en"}), home.path) for one in releases]
        for model in models:
            await model.prepare()
            assert [piece async for piece in model.stream(MESSAGES, Sampling(8))]
        assert [body["model"] for body in server.asked] == [*(one.name for one in releases[:2]), server.base]
        await server.kill()
        await server.start()
        for model in models[:2]:
            with pytest.raises(GeneratorError, match="404"):
                _ = [piece async for piece in model.stream(MESSAGES, Sampling(8))]
            await until_it_answers(model)
        for model in models:
            await model.aclose()
        assert server.adapters == {}


async def test_a_model_is_opened_while_its_servers_are_down(home: Home) -> None:
    async with fake_model_servers(1) as (server,):
        server.root = str(home.model)
        await server.kill()
        release = home.keep()
        settings = GeneratorSettings(base_url=server.url, model=server.base)
        model = open_model(settings, release, frozenset({"en"}), home.path)
        await model.prepare()
        with pytest.raises(GeneratorError):
            await anext(model.stream(MESSAGES, Sampling(8)))
        await server.start()
        await until_it_answers(model)
        await model.aclose()
