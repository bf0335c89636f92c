from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.choices import GeneratorKind
from ingest.errors import UnknownModelError
from ingest.settings import GeneratorSettings, Settings
from ingest.settings_routing import RoutingSettings
from service.openai_api.models import ModelName, find_model, list_models, read_model_name
from service.pipelines import CollectionSummary

ADAPTER = "support@1a2b3c4d"
COLLECTIONS = [CollectionSummary(name, "s1", 1, 1) for name in ("handbook", "law")]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A finished adapter, which has an alias, and an unfinished one."""
    folder = tmp_path / "adapters" / ADAPTER
    folder.mkdir(parents=True)
    (tmp_path / "adapters" / "law@00000000").mkdir()
    manifest = {
        "format": 1,
        "sha256": "0",
        "base_model": "m",
        "prompt_id": "p",
        "dataset_sha256": "d",
        "created_at": "2026-11-21T12:00:00.000+00:00",
        "files": {},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    routing = RoutingSettings(aliases={"help": ADAPTER, "plain": "base"})
    generator = GeneratorSettings(kind=GeneratorKind.EXTRACTIVE)  # a kind that no adapter comes with
    return Settings(home=tmp_path, routing=routing, generator=generator)


def test_every_release_and_every_collection_is_listed(settings: Settings) -> None:
    models = list_models(settings, COLLECTIONS)
    assert [model.id for model in models] == [
        "troika",
        "base",
        ADAPTER,
        "help",
        "plain",
        "troika:handbook",
        "troika:law",
    ]
    assert {model.object for model in models} == {"model"}
    assert {model.id: model.created for model in models if model.created} == dict.fromkeys(
        (ADAPTER, "help"), 1795262400
    )


def test_a_listed_name_reads_as_what_it_was_listed_for(settings: Settings) -> None:
    for model in list_models(settings, COLLECTIONS):
        assert find_model(model.id, settings, COLLECTIONS) == model
    assert read_model_name(f"{ADAPTER}:law") == ModelName(ADAPTER, "law")
    assert find_model(f"{ADAPTER}:law", settings, COLLECTIONS).id == f"{ADAPTER}:law"


@pytest.mark.parametrize(
    "name", ["gpt-6", "", ":", "troika:", "troika:tax", "law@00000000", f"{ADAPTER}:tax", "base:law:law"]
)
def test_other_names_are_none(name: str, settings: Settings) -> None:
    with pytest.raises(UnknownModelError):
        find_model(name, settings, COLLECTIONS)
