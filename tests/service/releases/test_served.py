from __future__ import annotations

from pathlib import Path

import pytest

from ingest.choices import GeneratorKind
from ingest.errors import UsageError
from ingest.settings import GeneratorSettings, Settings
from service.generators import smollm2
from service.prompt import PROMPT_ID
from service.releases.adapters import list_adapters
from service.releases.promotion import promote, rollback, start_canary
from service.releases.release import ADAPTERS, PACKAGED, base_release, model_fingerprint, named_release
from service.releases.release_history import BASE, Change, read_history
from service.releases.served import (
    first_release,
    served_name,
    served_release,
    usable_adapters,
)
from tests.service.releases.test_adapters import keep

OTHER_MODEL = GeneratorSettings(kind=GeneratorKind.OPENAI, model="m", base_url="http://127.0.0.1:9/v1")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def test_the_packaged_adapter_answers_until_another_is_promoted(settings: Settings) -> None:
    first = served_release(settings)
    assert first.adapter is not None
    assert first.adapter.path.parent == PACKAGED
    first.check(base_model=model_fingerprint(smollm2.gguf_path()), prompt_id=PROMPT_ID)
    promote(settings.home, keep(settings.home, b"one").name)
    assert served_name(settings) == served_release(settings).name != first.name


@pytest.mark.parametrize(
    "generator",
    [
        GeneratorSettings(kind=GeneratorKind.EXTRACTIVE),
        OTHER_MODEL,
        GeneratorSettings(kind=GeneratorKind.VLLM, model="m"),
        GeneratorSettings(model="another.gguf"),
    ],
)
def test_another_model_answers_as_it_comes(settings: Settings, generator: GeneratorSettings) -> None:
    other = settings.model_copy(update={"generator": generator})
    assert served_release(other) == base_release()
    assert usable_adapters(other) == []


@pytest.mark.parametrize("is_ended", [False, True])
def test_another_model_answers_as_it_comes_beside_and_after_a_canary_of_the_packaged_one(
    settings: Settings, is_ended: bool
) -> None:
    first = first_release(settings.generator)
    tried = keep(settings.home, b"one").name
    start_canary(settings.home, tried, 0.05, first=first.adapter)
    if is_ended:
        rollback(settings.home)
    assert served_release(settings).name == served_name(settings) == first.name
    other = settings.model_copy(update={"generator": OTHER_MODEL})
    assert served_release(other) == base_release()
    assert served_name(other) == BASE
    assert start_canary(settings.home, tried, 0.1).release == BASE
    promote(settings.home, first.name)
    assert served_name(other) == served_name(settings) == first.name


def test_another_version_of_the_packaged_model_answers_as_it_comes(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "SmolLM2-135M-Instruct.Q4_1.gguf"
    other.write_bytes(b"other weights")
    monkeypatch.setattr(smollm2, "gguf_path", lambda: other)
    assert first_release(settings.generator) == base_release()


def test_the_packaged_adapter_is_found_by_its_name(settings: Settings) -> None:
    first = first_release(settings.generator)
    assert named_release(settings.home, first.name) == first
    assert [adapter.name for adapter in usable_adapters(settings)] == [first.name]
    assert list_adapters(settings.home) == []


def test_a_rollback_leads_to_the_packaged_adapter_though_another_be_packaged_by_then(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, one = first_release(settings.generator).name, keep(settings.home, b"one").name
    for _ in range(2):
        promote(settings.home, one, first=first_release(settings.generator).adapter)
    changes = [Change.INSTALLED, Change.PROMOTED, Change.PROMOTED]
    assert [record.change for record in read_history(settings.home)] == changes
    rollback(settings.home)
    assert [adapter.name for adapter in usable_adapters(settings)] == [first, one]

    monkeypatch.setattr("service.releases.release.PACKAGED", tmp_path / "nothing")
    release = rollback(settings.home)
    assert release.name == first
    assert release.adapter is not None
    assert release.adapter.path == settings.home / ADAPTERS / first
    with pytest.raises(UsageError, match="nothing was served before"):
        rollback(settings.home)
    promote(settings.home, BASE)
    assert rollback(settings.home).name == first
