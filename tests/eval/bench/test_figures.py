"""The demo benchmark's figures are shown as they were measured."""

from __future__ import annotations

import json
import os
from datetime import date

import pytest

from eval.bench.figures import (
    DemoFigures,
    GenerationFigures,
    IngestFigures,
    RetrievalFigures,
    Share,
    demo_lines,
    demo_markdown,
    demo_rows,
)
from eval.bench.machine import this_machine
from eval.bench.server_process import Memory, read_memory
from ingest.errors import TroikaError
from tests.eval.fakes import shown

FIGURES = DemoFigures(
    measured_on=date(2026, 1, 2),
    machine=this_machine(),
    ingest=IngestFigures(documents=3, pages=30, chunks=120, seconds=4.0, prepared_seconds=9.0),
    retrieval=RetrievalFigures(500, 2.04, 5.0),
    generation=GenerationFigures(10, Share(8, 10), "tiny", 700.0, 1500.4),
    server=Memory(800.4, 900.0),
    document_in_top_5={"en": Share(19, 20), "zh": Share(12, 12)},
    refused_unanswerable=Share(6, 8),
    refused_answerable=Share(1, 32),
    citations_exact=Share(0, 0),
    citations_right=Share(3, 4),
)


def test_rates_are_computed_from_counts() -> None:
    rows = dict(demo_rows(FIGURES))
    assert rows["ingest, pages/s"] == "7.5 (30 pages)"
    assert rows["ingest, chunks/s"] == "30 (120 chunks)"
    assert rows["whole answer p50, 10 answers"] == "1500 ms"
    assert rows["expected document in the top 5, en"] == "19 of 20 (95 %)"
    assert rows["citations equal to their source"] == "0 of 0"
    assert "7.5 (30 pages)" in shown(demo_lines(FIGURES))


def test_markdown_says_where_and_when() -> None:
    first, *_, last = demo_markdown(FIGURES).splitlines()
    assert first.startswith("`troika bench demo`, 2026-01-02, ")
    assert last == "| citations that lead to the gold evidence | 3 of 4 (75 %) |"


def test_the_json_form_can_be_written() -> None:
    document = json.loads(json.dumps(FIGURES.to_json()))
    assert document["ingest"]["pages_per_second"] == 7.5
    assert document["measured_on"] == "2026-01-02"
    assert document["document_in_top_5"]["zh"] == {"part": 12, "whole": 12}


def test_the_memory_of_this_process_is_read() -> None:
    memory = read_memory(os.getpid())
    assert 1.0 < memory.resident_mb <= memory.peak_mb


def test_the_memory_of_no_process_is_an_error() -> None:
    with pytest.raises(TroikaError, match="cannot be read"):
        read_memory(2**30)


def test_this_machine_is_described() -> None:
    machine = this_machine()
    assert machine.processor
    assert machine.cores >= 1
    assert machine.memory_gib > 0.1
