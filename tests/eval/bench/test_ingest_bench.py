"""The ingest benchmark measures real runs, small ones here, and says what it reached."""

from __future__ import annotations

import json
import os
import sys
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import pytest

from eval.bench import ingest_pages
from eval.bench.child_process import run_child
from eval.bench.goal_figures import Figure, GoalFigures, figure_rows, goal_markdown
from eval.bench.ingest import Sizes, run_ingest_bench
from eval.bench.ingest_collection import RandomEmbedder, build_collection
from eval.bench.ingest_corpus import PDF_PAGES, Prose, english_words, write_files, write_pdfs
from eval.bench.ingest_memory import watched_memory
from eval.bench.ingest_parts import Part
from eval.bench.machine import Machine
from eval.bench.peers.reader import Reader
from eval.bench.time_spent import TimeSpent
from ingest.embed import PRESETS
from ingest.parse import parse_file
from ingest.pipeline import ingest_paths
from ingest.request import IngestRequest
from ingest.settings import IngestSettings, Settings
from ingest.snapshots.verify import verify_collection

WORDS = ("the", "of", "and", "river", "letter", "stone", "winter", "answer", "garden", "measure")
READ = '{"run": {"spent": {"seconds": 2.0, "processor_seconds": 1.5}, "characters": 9}}'
MACHINE = Machine("a processor", 2, 23.0, "3.11.7")


def test_the_same_seed_makes_the_same_prose() -> None:
    assert Prose(WORDS, 1).paragraph(200) == Prose(WORDS, 1).paragraph(200)
    assert Prose(WORDS, 1).paragraph(200) != Prose(WORDS, 2).paragraph(200)


def test_prose_has_as_many_words_as_asked_for_and_the_common_ones_often() -> None:
    words = [word.strip(".").lower() for word in Prose(WORDS, 1).words(3000)]
    assert len(words) == 3000
    assert words.count("the") > words.count("measure") > 0


def test_the_vocabulary_is_of_english_words_with_the_common_ones_first() -> None:
    words = english_words(PRESETS["minilm"])
    assert len(words) > 10_000
    assert words.index("the") < words.index("company") < words.index("telescope")


def test_pdfs_have_twenty_pages_each_and_their_words_can_be_read(tmp_path: Path) -> None:
    prose = Prose(english_words(PRESETS["minilm"]), 1)
    paths = write_pdfs(tmp_path, prose, PDF_PAGES + 3)
    documents = [parse_file(path) for path in paths]
    assert [len(document.pages) for document in documents] == [PDF_PAGES, 3]
    assert {document.language for document in documents} == {"en"}
    assert len(documents[1].text.split()) > 3 * 500


def test_random_vectors_have_length_one() -> None:
    vectors = RandomEmbedder(PRESETS["minilm"]).embed_passages(["a", "b"])
    assert vectors.shape == (2, 384)
    assert (vectors**2).sum(axis=1) == pytest.approx([1.0, 1.0], abs=1e-5)


def test_a_collection_made_quickly_is_sound_and_its_files_count_as_ingested(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    prose = Prose(english_words(PRESETS["minilm"]), 1)
    paths = write_files(tmp_path / "files", prose, files=3, paragraphs=4, words=85)
    chunks = build_collection("made", paths, settings)
    assert chunks >= 12
    assert verify_collection(settings.home, "made").problems == ()
    assert ingest_paths([tmp_path / "files"], "made", settings).unchanged == 3


def test_memory_of_a_process_is_seen_while_it_is_watched() -> None:
    with watched_memory(os.getpid()) as peak:
        held = bytearray(b"x" * 50_000_000)
    assert peak.together_mb >= peak.alone_mb > len(held) / 1_000_000


@pytest.mark.parametrize(
    ("value", "at_least", "met"),
    [(81.0, True, True), (79.0, True, False), (79.0, False, True), (None, True, None)],
)
def test_a_goal_is_met_or_missed(value: float | None, at_least: bool, met: bool | None) -> None:
    assert Figure(Part.EMBEDDING, "speed", "troika", "chunks/s", value, 80.0, at_least).met is met


def test_figures_are_printed_with_their_goals_and_a_missing_peer_with_its_reason() -> None:
    figures = GoalFigures(
        "troika bench ingest",
        date(2026, 11, 21),
        MACHINE,
        (
            Figure(Part.PAGES, "pages", "troika", "pages/s", 312.4, goal=300.0),
            Figure(Part.PAGES, "pages", "a peer", "pages/s", None, note="it is not installed"),
            Figure(Part.CHANGE, "change", "troika", "s", 2.5, goal=2.0, at_least=False),
        ),
    )
    assert [row[2:] for row in figure_rows(figures)] == [
        ("312 pages/s", "≥ 300 pages/s: met"),
        ("not measured (it is not installed)", ""),
        ("2.5 s", "≤ 2 s: missed"),
    ]
    assert "| pages | troika | 312 pages/s | ≥ 300 pages/s: met |" in goal_markdown(figures)
    document = json.loads(json.dumps(figures.to_json()))
    assert [figure["met"] for figure in document["figures"]] == [True, None, False]


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    return write_pdfs(tmp_path / "pdfs", Prose(WORDS, 1), 2)[0]


def test_a_reader_is_measured_in_a_process_of_its_own(pdf: Path) -> None:
    line = run_child(Path(sys.executable), "eval.bench.peers.reader_process", Reader.PYPDF, str(pdf))
    run = json.loads(line)["run"]
    assert run["spent"]["seconds"] > 0
    assert run["spent"]["processor_seconds"] > 0
    assert run["characters"] > 1_000


@pytest.mark.parametrize(
    ("reader", "missing"), [(Reader.LLAMA_INDEX, "llama_index"), (Reader.UNSTRUCTURED, "unstructured")]
)
def test_a_reader_that_is_not_installed_says_what_is_missing(reader: Reader, missing: str, pdf: Path) -> None:
    if find_spec(missing):
        pytest.skip(f"{missing} is installed")
    line = run_child(Path(sys.executable), "eval.bench.peers.reader_process", reader, str(pdf))
    assert json.loads(line) == {"missing": missing}


@pytest.mark.parametrize(
    ("printed", "spent"),
    [
        (READ, TimeSpent(2.0, 1.5)),
        (READ.replace("9", "0"), "it found no text"),
        ('{"missing": "spacy"}', "spacy is not installed: run `make bench-env`"),
    ],
)
def test_a_peer_that_reads_nothing_has_no_speed(
    printed: str, spent: TimeSpent | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_pages, "run_child", lambda *_: printed)
    assert ingest_pages.peer_spent(Reader.UNSTRUCTURED, [], Path(sys.executable)) == spent


def test_pages_are_told_with_the_processes_that_read_them_and_what_each_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[str, tuple[Path | str, ...], int | None]] = []

    def ingest(request: IngestRequest, collection: str, settings: Settings, _: object) -> None:
        read.append((collection, tuple(request.paths), settings.ingest.workers))

    monkeypatch.setattr(ingest_pages, "ingest", ingest)
    monkeypatch.setattr(ingest_pages, "run_child", lambda *_: READ)
    settings = Settings(home=tmp_path / "home", ingest=IngestSettings(workers=2))
    own, own_cost, *peers = ingest_pages.measure_pages(
        tmp_path / "pdfs", settings, Prose(WORDS, 1), 3, Path(sys.executable)
    )
    assert own.who == own_cost.who == "troika, 2 processes that parse"
    assert (own.unit, own_cost.unit) == ("pages/s", "ms")
    (warm_up, (first,), _), measured = read
    assert (warm_up, measured) == ("warm-up", ("pages", (tmp_path / "pdfs",), 2))
    assert Path(first).parent == tmp_path / "pdfs"
    assert own_cost.what == f"{own.what}, processor time a page"
    assert [(peer.unit, peer.value) for peer in peers] == [("pages/s", 1.5), ("ms", 500.0)] * len(Reader)
    assert all(peer.who.endswith(", one process") for peer in peers)


@pytest.mark.slow
def test_every_part_is_measured() -> None:
    sizes = Sizes(pages=20, embedded_chunks=32, chunks=100, files=10, memory_pages=10)
    figures = run_ingest_bench(sizes).figures
    assert {figure.part for figure in figures} == set(Part)
    assert all(figure.value for figure in figures if figure.who.startswith(("troika", "pypdf")))
