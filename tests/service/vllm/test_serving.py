from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from ingest.choices import GeneratorKind
from ingest.errors import AdapterRejectedError
from ingest.settings import Settings, load_settings
from ingest.snapshots.durable import file_sha256
from service.cache.answer_cache import AnswerCache
from service.cache.caching_factory import CachingFactory
from service.history.history import History
from service.releases.promotion import promote, rollback, start_canary
from service.releases.release import Release
from service.server import open_parts
from service.vllm.served_weights import fingerprint_of
from service.vllm.serving import MERGED, with_own_vllm
from service.wiring import PipelineFactory
from tests.service.vllm.test_adapters_on_vllm import Home, adapter_of

BASE_MODEL = "base"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make_model()
    return made


def settings_of(home: Home, **values: object) -> Settings:
    overrides = {"generator.kind": "vllm", "generator.model": str(home.model), "vllm.python": sys.executable}
    more = {name.replace("__", "."): value for name, value in values.items()}
    return load_settings({"home": home.path, **overrides, **more}, environment={}, directory=home.path)


def arguments_of(settings: Settings) -> str:
    served, process = with_own_vllm(settings)
    assert process is not None
    assert served.generator.kind is GeneratorKind.OPENAI
    return " ".join(process.command.arguments)


def merge(home: Home, release: Release) -> Path:
    folder = home.path / MERGED / release.name
    shutil.copytree(home.model, folder)
    record = {
        "adapter_sha256": adapter_of(release).sha256,
        "base_model": adapter_of(release).base_model,
        "files": {path.name: file_sha256(path) for path in folder.iterdir()},
    }
    (folder / "merge.json").write_text(json.dumps(record))
    return folder


def test_without_adapters_the_base_is_served_and_none_can_be_loaded(home: Home) -> None:
    arguments = arguments_of(settings_of(home))
    assert f"--model {home.model} --served-model-name {BASE_MODEL}" in arguments
    assert "--enable-lora" not in arguments


def test_with_adapters_there_is_room_for_the_kept_ones_and_for_as_many_as_are_open(home: Home) -> None:
    home.keep()
    arguments = arguments_of(settings_of(home, routing__open_releases=3))
    assert "--enable-lora --max-lora-rank 8 --max-loras 4" in arguments
    assert "--max-lora-rank 64" in arguments_of(settings_of(home, vllm__max_lora_rank=64))
    assert "--enable-lora" not in arguments_of(settings_of(home, vllm__max_lora_rank=0))


def test_an_adapter_that_is_served_alone_is_served_merged_where_that_was_made(home: Home) -> None:
    release = home.keep()
    promote(home.path, release.name)
    assert f"--model {home.model}" in arguments_of(settings_of(home))
    folder = merge(home, release)
    arguments = arguments_of(settings_of(home))
    assert f"--model {folder} --served-model-name {release.name}" in arguments
    assert "--enable-lora" not in arguments
    with pytest.raises(AdapterRejectedError, match="again"):
        fingerprint_of(str(folder), home.path)


def test_an_adapter_that_only_came_with_another_model_is_not_served(home: Home) -> None:
    release = home.keep()
    merge(home, release)
    start_canary(home.path, home.keep(b"two").name, 0.5, first=adapter_of(release))
    rollback(home.path)
    assert f"--model {home.model}" in arguments_of(settings_of(home))


def test_kept_answers_hang_on_the_settings_and_not_on_the_port_that_was_free(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed_by: list[Settings] = []

    class WatchedFactory(CachingFactory):
        def __init__(
            self, factory: PipelineFactory, settings: Settings, history: History, answers: AnswerCache | None
        ) -> None:
            keyed_by.append(settings)
            super().__init__(factory, settings, history, answers)

    monkeypatch.setattr("service.server.CachingFactory", WatchedFactory)
    settings = settings_of(home)
    parts = open_parts(settings)
    parts.history.close()
    assert parts.vllm is not None
    assert keyed_by == [settings]


@pytest.mark.parametrize("others", ["canary", "alias", "rank", "changed"])
def test_beside_others_it_is_served_on_its_own(home: Home, others: str) -> None:
    release = home.keep()
    promote(home.path, release.name)
    folder = merge(home, release)
    values: dict[str, object] = {}
    if others == "canary":
        start_canary(home.path, home.keep(b"two").name, 0.5)
    elif others == "alias":
        values["routing__aliases"] = {"support": "base"}
    elif others == "rank":
        values["vllm__max_lora_rank"] = 8
    else:
        (folder / "model.safetensors").write_bytes(b"other")
    arguments = arguments_of(settings_of(home, **values))
    assert f"--model {home.model} --served-model-name {BASE_MODEL}" in arguments
    assert "--max-lora-rank 8" in arguments
