"""A real ingest is counted as Prometheus reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from reportlab.pdfgen.canvas import Canvas

from ingest.metrics import IngestMetrics
from ingest.pipeline import ingest, ingest_paths
from ingest.request import IngestRequest
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from tests.ingest.conftest import CountedParsing, CountingEmbedder


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_a_run_counts_what_it_did(
    folder: Path,
    settings: Settings,
    words: CountingEmbedder,
    parsing: CountedParsing,
    registry: CollectorRegistry,
) -> None:
    metrics = IngestMetrics(registry)
    (folder / "empty.md").write_bytes(b"")
    report = ingest_paths([folder], "docs", settings, progress=metrics.watch())
    snapshot = Collection(settings.home, "docs").require_current()
    size = sum(path.stat().st_size for path in snapshot.rglob("*") if path.is_file())
    assert registry.get_sample_value("rag_ingest_sources_total") == 4
    assert registry.get_sample_value("rag_ingest_failures_total", {"code": "file_empty"}) == 1
    for state in ("cut", "embedded"):
        assert registry.get_sample_value("rag_ingest_chunks_total", {"state": state}) == report.chunks_added
    assert registry.get_sample_value("rag_ingest_publish_seconds_count") == 1
    assert 0 < (registry.get_sample_value("rag_snapshot_bytes") or 0) <= size
    assert registry.get_sample_value("rag_index_lag_chunks") == 0
    assert (registry.get_sample_value("rag_ingest_embedding_seconds_total") or 0) > 0


def test_runs_add_up_and_one_without_a_change_counts_its_sources_alone(
    folder: Path,
    settings: Settings,
    words: CountingEmbedder,
    parsing: CountedParsing,
    registry: CollectorRegistry,
) -> None:
    metrics = IngestMetrics(registry)
    report = ingest_paths([folder], "docs", settings, progress=metrics.watch())
    ingest_paths([folder], "docs", settings, progress=metrics.watch())
    assert registry.get_sample_value("rag_ingest_sources_total") == 6
    assert registry.get_sample_value("rag_ingest_chunks_total", {"state": "cut"}) == report.chunks_added
    assert registry.get_sample_value("rag_ingest_publish_seconds_count") == 1


def test_pages_are_counted(
    settings: Settings,
    words: CountingEmbedder,
    parsing: CountedParsing,
    registry: CollectorRegistry,
    tmp_path: Path,
) -> None:
    canvas = Canvas(str(tmp_path / "two.pdf"))
    for number in (1, 2):
        canvas.drawString(72, 720, f"This is the text of page {number}.")
        canvas.showPage()
    canvas.save()
    ingest_paths([tmp_path / "two.pdf"], "docs", settings, progress=IngestMetrics(registry).watch())
    assert registry.get_sample_value("rag_ingest_pages_total") == 2


def test_chunks_without_a_vector_are_the_lag(
    folder: Path,
    settings: Settings,
    words: CountingEmbedder,
    parsing: CountedParsing,
    registry: CollectorRegistry,
) -> None:
    words.interrupt_after = 0
    with pytest.raises(KeyboardInterrupt):
        ingest(
            IngestRequest((folder,), lexical_first=True), "docs", settings, IngestMetrics(registry).watch()
        )
    assert (registry.get_sample_value("rag_index_lag_chunks") or 0) > 0
    assert b"rag_index_lag_chunks" in generate_latest(registry)
