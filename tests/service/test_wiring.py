from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ingest.choices import GeneratorKind
from ingest.errors import AdapterNotFoundError, CollectionNotFoundError, ModelNotFoundError, SettingsError
from ingest.settings import GeneratorSettings, Settings, load_settings
from ingest.snapshots.snapshot import Snapshot
from service.history.history import History
from service.question import Inquiry
from service.releases.release import base_release
from service.routing.served_model import ServedModel
from service.wiring import PipelineFactory, load_generator, open_pipeline
from tests.service.conftest import COLLECTION
from tests.service.releases.test_adapters import keep

ROOT = Path(__file__).parents[2]
QUESTION = "Which rank is the default for an adapter?"
EXTRACTIVE = {"generator.kind": "extractive"}
NOT_FOR_SERVING = ("torch", "transformers", "sentence_transformers", "trl", "peft")


def with_overrides(settings: Settings, **values: object) -> Settings:
    """``settings`` with other ``generator`` or ``answer`` values, by ``section__key``."""
    overrides = {name.replace("__", "."): value for name, value in values.items()}
    return load_settings(
        {"home": settings.home, "collection": settings.collection, **overrides},
        environment={},
        directory=settings.home,
    )


@pytest.mark.anyio
async def test_an_extractive_service_quotes_the_sources_and_keeps_its_answers(
    small_settings: Settings, tmp_path: Path
) -> None:
    history = History(tmp_path / "history.sqlite")
    settings = with_overrides(small_settings, generator__kind="extractive")
    pipeline = await open_pipeline(settings, COLLECTION, history=history)
    answer = await pipeline.answer(Inquiry(QUESTION))
    assert "A rank of 16 is the default" in answer.text
    assert (answer.generator, answer.degraded, answer.groundedness) == ("extractive", None, 1.0)
    assert history.get(answer.id).answer == answer
    await pipeline.aclose()
    history.close()


@pytest.mark.anyio
async def test_pipelines_of_one_factory_share_the_generator_until_the_last_is_closed(
    small_settings: Settings,
) -> None:
    settings = with_overrides(
        small_settings,
        generator__kind="openai",
        generator__model="m",
        generator__base_url="http://127.0.0.1:9/v1",
    )
    factory = PipelineFactory(settings, None)
    one, other = await asyncio.gather(factory.open(COLLECTION), factory.open(COLLECTION))
    assert one.generator is other.generator
    await one.aclose()
    third = await factory.open(COLLECTION)
    assert third.generator is other.generator
    await other.aclose()
    await third.aclose()
    fourth = await factory.open(COLLECTION)
    assert fourth.generator is not one.generator
    await fourth.aclose()


@pytest.mark.anyio
async def test_a_generator_that_is_down_is_replaced_by_the_sources_own_words(
    small_settings: Settings,
) -> None:
    settings = with_overrides(
        small_settings,
        generator__kind="openai",
        generator__model="m",
        generator__base_url="http://127.0.0.1:9/v1",
    )
    pipeline = await open_pipeline(settings, COLLECTION)
    answer = await pipeline.answer(Inquiry(QUESTION))
    assert answer.degraded is not None
    assert "A rank of 16 is the default" in answer.text
    await pipeline.aclose()


@pytest.mark.anyio
async def test_an_adapter_answers_by_its_name_whatever_is_served(
    small_settings: Settings, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    name = keep(home, b"one").name
    for shared in ("collections", "models"):
        (home / shared).symlink_to(small_settings.home / shared)
    settings = with_overrides(small_settings.model_copy(update={"home": home}), generator__kind="extractive")
    for release, answering in ((name, name), (None, "base"), ("base", "base")):
        pipeline = await open_pipeline(settings, COLLECTION, release=release)
        assert (await pipeline.answer(Inquiry(QUESTION))).release == answering
        await pipeline.aclose()
    with pytest.raises(AdapterNotFoundError):
        await open_pipeline(settings, COLLECTION, release="sft@00000000")


@pytest.mark.anyio
async def test_a_collection_that_does_not_exist_is_named(small_settings: Settings) -> None:
    with pytest.raises(CollectionNotFoundError, match="nowhere"):
        await open_pipeline(small_settings, "nowhere")


@pytest.mark.anyio
async def test_a_model_that_is_missing_leaves_no_snapshot_open(
    small_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    close = Snapshot.close

    def counting_close(snapshot: Snapshot) -> None:
        closed.append(snapshot.id)
        close(snapshot)

    monkeypatch.setattr(Snapshot, "close", counting_close)
    settings = with_overrides(small_settings, generator__model="/nowhere/model.gguf")
    with pytest.raises(ModelNotFoundError, match=r"/nowhere/model\.gguf"):
        await open_pipeline(settings, COLLECTION)
    assert len(closed) == 1


@pytest.mark.parametrize("missing", ["base_url", "model"])
def test_an_openai_generator_needs_its_url_and_model(missing: str, tmp_path: Path) -> None:
    values: dict[str, Any] = {"base_url": "http://localhost:1/v1", "model": "m", missing: None}
    settings = GeneratorSettings(kind=GeneratorKind.OPENAI, **values)
    with pytest.raises(SettingsError, match=missing):
        load_generator(settings, base_release(), tmp_path)


def test_the_languages_of_a_generator_come_from_its_kind_unless_they_are_set(tmp_path: Path) -> None:
    served = GeneratorSettings(kind=GeneratorKind.OPENAI, base_url="http://localhost:1/v1", model="m")
    generator = load_generator(served, base_release(), tmp_path)
    assert isinstance(generator, ServedModel)
    assert generator.languages == {"en", "zh"}
    french = served.model_copy(update={"languages": ("fr",)})
    assert load_generator(french, base_release(), tmp_path).languages == {"fr"}
    extractive = GeneratorSettings(kind=GeneratorKind.EXTRACTIVE)
    assert {"en", "zh", "ja"} <= load_generator(extractive, base_release(), tmp_path).languages


def test_the_default_service_answers_without_the_training_libraries(small_settings: Settings) -> None:
    script = (
        "import asyncio, json, sys\n"
        "from ingest.settings import load_settings\n"
        "from service.question import Inquiry\n"
        "from service.wiring import open_pipeline\n"
        "import service.server\n"
        "async def main():\n"
        f"    pipeline = await open_pipeline(load_settings(), {COLLECTION!r})\n"
        f"    answer = await pipeline.answer(Inquiry({QUESTION!r}))\n"
        "    await pipeline.aclose()\n"
        "    return answer\n"
        "answer = asyncio.run(main())\n"
        f"loaded = [name for name in {NOT_FOR_SERVING!r} if name in sys.modules]\n"
        "print(json.dumps([answer.text, answer.usage.completion_tokens, loaded]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TROIKA_HOME": str(small_settings.home)},
        cwd=small_settings.home,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    text, tokens, loaded = json.loads(done.stdout)
    assert text
    assert tokens > 0
    assert loaded == []
