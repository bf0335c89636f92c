from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.decision.finding import Finding
from eval.decision.gate import judge
from eval.decision.gate_config import GateConfig, Superior
from eval.decision.gate_report import gate_report, write_gate_report
from eval.decision.pairs import Pairs
from finetune.promote import promote_proven, verify_releases
from ingest.choices import GeneratorKind
from ingest.errors import (
    AdapterNotFoundError,
    CollectionNotFoundError,
    GateReportError,
    PromotionRefusedError,
    ReleaseHistoryError,
    UsageError,
)
from ingest.pipeline import ingest_documents
from ingest.settings import GeneratorSettings, Settings
from ingest.snapshots.snapshot import open_snapshot
from service.prompt import PROMPT_ID
from service.releases.adapters import Provenance, keep_adapter
from service.releases.promotion import promote, rollback
from service.releases.release import WEIGHTS, read_candidate
from service.releases.release_history import BASE, Change, current_record, report_path
from service.releases.served import served_release
from tests.eval.decision.runs import identity, records
from tests.small_handbook import small_handbook

COLLECTION = "small"
ASKED = GateConfig(superior=(Superior(measure="f1"),))
NOW, THEN = tuple(records(0.5)), tuple(records(0.8))
Report = Callable[..., Path]


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory, shared_models: Path) -> Settings:
    generator = GeneratorSettings(kind=GeneratorKind.EXTRACTIVE)  # with it no adapter comes
    settings = Settings(home=tmp_path_factory.mktemp("home"), collection=COLLECTION, generator=generator)
    (settings.home / "models").symlink_to(shared_models)
    ingest_documents(small_handbook(), COLLECTION, settings)
    return settings


@pytest.fixture
def settings(ingested: Settings, tmp_path: Path) -> Settings:
    """A home of the test's own over the same collection."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "collections").symlink_to(ingested.home / "collections")
    return ingested.model_copy(update={"home": home})


def kept(settings: Settings, weights: bytes = b"one") -> str:
    folder = settings.home.parent / "run"
    folder.mkdir(exist_ok=True)
    for name in (WEIGHTS, "adapter_config.json", "adapter.gguf"):
        (folder / name).write_bytes(weights)
    files = sorted(folder.iterdir())
    return keep_adapter(settings.home, "sft", files, Provenance("tiny@0", PROMPT_ID, "d")).name


@pytest.fixture(scope="module")
def findings() -> dict[bool, tuple[Finding, ...]]:
    """What a gate finds of a better candidate, and of one that is no better."""
    runs = {better: Pairs(identity(), identity(), NOW, THEN if better else NOW) for better in (True, False)}
    return {better: judge(ASKED, pairs) for better, pairs in runs.items()}


@pytest.fixture
def report(settings: Settings, findings: dict[bool, tuple[Finding, ...]], tmp_path: Path) -> Report:
    """Writes the report of a gate about a release, by default one that passed here and now."""
    snapshot = open_snapshot(settings.home, COLLECTION)
    run = replace(identity(), prompt_id=PROMPT_ID, snapshot_id=snapshot.id, collection=COLLECTION)
    snapshot.close()

    def write(release: str, *, baseline: str = BASE, better: bool = True, **measured: Any) -> Path:
        served, candidate = replace(run, release=baseline), replace(run, release=release, **measured)
        path = tmp_path / "gate.json"
        pairs = Pairs(served, candidate, (), ())
        write_gate_report(path, gate_report(ASKED, findings[better], pairs, None))
        return path

    return write


def test_an_adapter_with_a_passing_report_is_served_and_the_report_kept(
    settings: Settings, report: Report
) -> None:
    name = kept(settings)
    path = report(name)
    promote_proven(settings, name, path)
    release = served_release(settings)
    assert release.name == name
    sha256 = json.loads(path.read_text())["sha256"]
    assert release.report_sha256 == sha256
    assert report_path(settings.home, sha256).read_text() == path.read_text()
    assert [record.release for record in verify_releases(settings.home)] == [name]


def test_the_next_adapter_is_held_against_the_one_that_is_served(settings: Settings, report: Report) -> None:
    first, second = kept(settings, b"one"), kept(settings, b"two")
    promote_proven(settings, first, report(first))
    with pytest.raises(PromotionRefusedError, match=f"against base, and {first} is served"):
        promote_proven(settings, second, report(second))
    promote_proven(settings, second, report(second, baseline=first))
    assert served_release(settings).name == second


@pytest.mark.parametrize(
    ("measured", "reason"),
    [
        ({"release": "sft@ffffffff"}, "the report is about the release sft@ffffffff"),
        ({"prompt_id": "old"}, "the report is about the prompt old"),
        ({"snapshot_id": "another"}, "the report is about the snapshot another"),
        ({"snapshot_id": None}, "the report is about the snapshot None"),
        ({"better": False}, "f1 is not shown to be better"),
        ({"generator": "extractive"}, "the candidate's answers were quoted"),
        ({"settings_sha256": "t" * 64}, "asked with different settings"),
        ({"url": "http://localhost:8080"}, "asked with different settings or at different servers"),
    ],
)
def test_a_report_about_anything_else_is_refused_with_the_reason_and_the_remedy(
    settings: Settings, report: Report, measured: dict[str, Any], reason: str
) -> None:
    name = kept(settings)
    path = report(measured.pop("release", name), **measured)
    with pytest.raises(PromotionRefusedError, match=reason) as refused:
        promote_proven(settings, name, path)
    message = str(refused.value)
    assert "\n" not in message
    assert f"--release {name} --out NEW" in message
    assert "troika eval gate --candidate NEW --baseline OLD" in message
    assert current_record(settings.home) is None


def test_every_reason_is_named(settings: Settings, report: Report) -> None:
    name = kept(settings)
    path = report("sft@ffffffff", prompt_id="old", better=False)
    with pytest.raises(PromotionRefusedError, match=r"f1 is not shown.*release sft@ffffffff.*prompt old"):
        promote_proven(settings, name, path)


def test_a_canary_needs_the_same_proof(settings: Settings, report: Report) -> None:
    name = kept(settings)
    with pytest.raises(PromotionRefusedError, match="no gate's report was given"):
        promote_proven(settings, name, None, 0.05)
    promote_proven(settings, name, report(name), 0.05)
    candidate = read_candidate(settings.home)
    assert candidate is not None
    assert (candidate.name, served_release(settings).name) == (name, BASE)
    promote_proven(settings, name, report(name))
    assert served_release(settings).name == name
    assert len(verify_releases(settings.home)) == 2


def test_the_base_model_needs_no_proof_and_is_no_canary(settings: Settings) -> None:
    promote(settings.home, kept(settings))
    promote_proven(settings, BASE, None)
    assert served_release(settings).name == BASE
    with pytest.raises(UsageError, match="no candidate"):
        promote_proven(settings, BASE, None, 0.05)


def test_what_came_with_the_package_is_noted_before_the_first_change(settings: Settings) -> None:
    embedded = settings.model_copy(update={"generator": GeneratorSettings()})
    packaged = served_release(embedded).name
    promote_proven(embedded, BASE, None)
    first, second = verify_releases(embedded.home)
    assert (first.change, first.release, second.release) == (Change.INSTALLED, packaged, BASE)
    assert rollback(embedded.home).name == packaged


def test_a_change_that_is_refused_notes_nothing(settings: Settings, report: Report) -> None:
    embedded = settings.model_copy(update={"generator": GeneratorSettings()})
    packaged = served_release(embedded).name
    tried = kept(settings)
    for name, share in ((packaged, 0.05), (tried, 1.5)):
        with pytest.raises(UsageError):
            promote_proven(embedded, name, report(name, baseline=packaged), share)
    assert current_record(embedded.home) is None
    promote_proven(embedded, tried, report(tried, baseline=packaged), 0.05)
    assert [record.release for record in verify_releases(embedded.home)] == [packaged, packaged]


def test_what_cannot_be_judged_is_an_error_of_its_own(settings: Settings, report: Report) -> None:
    name = kept(settings)
    path = report(name)
    with pytest.raises(AdapterNotFoundError):
        promote_proven(settings, "sft@00000000", path)
    with pytest.raises(CollectionNotFoundError):
        promote_proven(settings.model_copy(update={"collection": "nowhere"}), name, path)
    path.write_text(path.read_text().replace('"passed": true', '"passed": false'))
    with pytest.raises(GateReportError):
        promote_proven(settings, name, path)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("{}")])
def test_a_kept_report_that_is_gone_or_changed_is_found(
    settings: Settings, report: Report, damage: Callable[[Path], object]
) -> None:
    name = kept(settings)
    promote_proven(settings, name, report(name), 0.05)
    record = current_record(settings.home)
    assert record is not None
    assert record.canary is not None
    assert record.canary.report_sha256 is not None
    damage(report_path(settings.home, record.canary.report_sha256))
    with pytest.raises(ReleaseHistoryError, match="the report of the release 000001 is damaged"):
        verify_releases(settings.home)


def test_a_report_in_the_place_of_another_is_found(settings: Settings, report: Report) -> None:
    one, two = kept(settings, b"one"), kept(settings, b"two")
    promote_proven(settings, one, report(one))
    kept_report = served_release(settings).report_sha256
    assert kept_report is not None
    report_path(settings.home, kept_report).write_text(report(two).read_text())
    with pytest.raises(ReleaseHistoryError, match="the report of the release 000001 is another one"):
        verify_releases(settings.home)
