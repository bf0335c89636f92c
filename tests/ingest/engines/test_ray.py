"""On Ray an ingest gives what it gives without, to the chunk id; what goes wrong there says so."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.choices import Engine
from ingest.embed import Embedder
from ingest.engines.choose import open_ray
from ingest.errors import ClusterError, MissingExtraError, ModelNotFoundError
from ingest.pipeline import ingest
from ingest.report import IngestReport
from ingest.request import IngestRequest
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.snapshot import VECTORS, open_snapshot
from ingest.vectors.segments import read_segments
from ingest.workers.messages import ParseTask
from ingest.workers.pool import ParseResult, ParserPool, WorkerLimits

ray = pytest.importorskip("ray", reason="the extra ray is not installed")

HANDBOOK = Path(__file__).parents[3] / "examples" / "handbook"
LIMITS = WorkerLimits(seconds=20.0)


def same_process(engine: Any, monkeypatch: pytest.MonkeyPatch, *, sees_files: bool = False) -> list[float]:
    """Let stages of ``engine`` run in this process, rows in reverse; the cores that each asked for."""
    asked: list[float] = []

    def run(_: Any, make_stage: Any, rows: Iterator[bytes]) -> Iterator[bytes]:
        taken = list(rows)
        if taken:
            stage = make_stage()
            asked.append(stage.cores)
            work = stage.make()
            for row in reversed(taken):
                yield from work(row)

    kind = type(engine)
    monkeypatch.setattr(kind, "run", run)
    monkeypatch.setattr(kind, "reaches_files", property(lambda _: sees_files))
    monkeypatch.setattr(kind, "parsers", property(lambda _: 1))
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 4.0})
    return asked


def outcomes(results: Iterator[ParseResult]) -> dict[int, list[tuple[str, str, str]]]:
    """Member, hash and outcome of every part of each task; each task is closed once."""
    found: dict[int, list[tuple[str, str, str]]] = {}
    closed: list[int] = []
    for result in results:
        parts = found.setdefault(result.key, [])
        closed += [result.key] * result.last
        if result.part is not None:
            part = result.part
            parts.append((part.member, result.source_sha256, f"{part.content_sha256} {part.outcome!r}"))
    assert sorted(closed) == sorted(found)
    return found


def content(settings: Settings, collection: str) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """Id and text of every chunk, in order, and the vectors by id."""
    with closing(open_snapshot(settings.home, collection)) as snapshot:
        chunks = dict(snapshot.documents.numbered_chunks())
        dimension = snapshot.manifest.embedder.dimension
    vectors: dict[str, Any] = {}
    directory = Collection(settings.home, collection).require_current() / VECTORS
    for numbers, rows in read_segments(directory, dimension):
        vectors |= {chunks[int(number)].id: row for number, row in zip(numbers, rows, strict=True)}
    return [(chunk.id, chunk.text) for chunk in chunks.values()], vectors


@pytest.mark.slow
def test_a_collection_made_on_ray_is_the_same(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    shutil.copytree(HANDBOOK, folder)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing more")
    (folder / "empty.txt").write_bytes(b"")

    def run(engine: Engine) -> IngestReport:
        return ingest(IngestRequest(paths=(folder,), engine=engine), engine, settings)

    here, there = run(Engine.LOCAL), run(Engine.RAY)
    chunks, vectors = content(settings, Engine.LOCAL)
    ray_chunks, ray_vectors = content(settings, Engine.RAY)
    assert here.added > 10
    assert (there.added, there.failures) == (here.added, here.failures)
    assert ray_chunks == chunks
    assert ray_vectors.keys() == vectors.keys()
    assert max(float(np.abs(ray_vectors[key] - vectors[key]).max()) for key in vectors) < 1e-5
    assert not ray.is_initialized()
    assert run(Engine.RAY).unchanged == here.added


@pytest.mark.slow
def test_an_error_of_a_node_is_told_as_what_it_is(settings: Settings, tmp_path: Path) -> None:
    lost = settings.model_copy(
        update={"embedder": settings.embedder.model_copy(update={"model": str(tmp_path / "no-model")})}
    )
    from ingest.embed import spec_from_settings

    class Absent:
        spec = spec_from_settings(lost.embedder)

    with open_ray(None, lost, tmp_path) as engine, pytest.raises(ModelNotFoundError, match="no-model"):
        list(engine.embed(lambda: Absent(), [["a text"]]))  # type: ignore[arg-type, return-value]
    assert not ray.is_initialized()


def test_files_that_nodes_cannot_see_are_parsed_from_their_bytes(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.txt").write_bytes(b" \n")
    (tmp_path / "large.txt").write_bytes(b"much " * 100_000)
    paths = [
        tmp_path / "missing.txt",
        tmp_path / "empty.txt",
        tmp_path / "large.txt",
        HANDBOOK / "retrieval.md",
        HANDBOOK / "zh-choosing-alignment.docx",
    ]
    limits = replace(LIMITS, parse=replace(LIMITS.parse, file_bytes=400_000))
    tasks = [ParseTask(key, path, None, path.name) for key, path in enumerate(paths)]
    tasks.append(ParseTask(len(tasks), None, b"# Page\n\nText of a page.", "page.md"))
    with ParserPool(1, limits) as pool:
        expected = outcomes(pool.parse(tasks))
    with open_ray("ray://elsewhere:10001", settings, tmp_path) as engine:
        same_process(engine, monkeypatch)
        with engine.parsing(limits) as parsing:
            assert outcomes(parsing.parse(tasks)) == expected


def test_vectors_come_in_the_order_of_their_batches(
    settings: Settings, embedder: Embedder, shared_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = [
        ["LoRA trains two small matrices.", "短句"],
        ["A rank of 16."],
        ["Copy the home directory."] * 3,
    ]
    with open_ray(None, settings, shared_models) as engine:
        asked = same_process(engine, monkeypatch)
        found = list(engine.embed(lambda: embedder, batches))
    assert asked == [settings.embedder.threads]
    for vectors, batch in zip(found, batches, strict=True):
        assert np.allclose(vectors, embedder.embed_passages(batch), atol=1e-5)


def test_ray_is_not_started_when_there_is_nothing_to_do(settings: Settings, tmp_path: Path) -> None:
    def never() -> Embedder:
        raise AssertionError("the embedder was loaded")

    with open_ray(None, settings, tmp_path) as engine, engine.parsing(LIMITS) as parsing:
        assert list(parsing.parse([])) == []
        assert list(engine.embed(never, [])) == []
    assert not ray.is_initialized()


def test_a_cluster_that_cannot_be_reached_is_told_in_one_line(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise ConnectionError("nobody\nanswers")

    monkeypatch.setattr(ray, "init", refuse)
    task = ParseTask(0, HANDBOOK / "retrieval.md", None, "retrieval.md")
    with open_ray("elsewhere:6379", settings, tmp_path) as engine, engine.parsing(LIMITS) as parsing:
        with pytest.raises(ClusterError, match=r"elsewhere:6379 \(nobody answers\).*--ray-address"):
            list(parsing.parse([task]))


def test_without_the_library_the_extra_is_named(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(MissingExtraError, match=r"troika\[ray\]"):
        open_ray(None, settings, tmp_path)
