"""Labelled queries: from cases that name a document, each document under the name that the case gives it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.retrieval.labels import case_labels, require_enough
from ingest.errors import CasesError
from ingest.settings import Settings


def test_cases_that_name_no_document_are_left_out(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    case = {"question": "Why?", "language": "en", "answerable": True, "answers": ["so"]}
    path.write_text(
        "\n".join(json.dumps(case | more) for more in ({"id": "1", "document": "a/b.md"}, {"id": "2"})),
        "utf-8",
    )
    labels = case_labels(settings, path, None)
    (query,) = labels.queries
    assert (labels.name, labels.collection, dict(query.grades)) == ("cases.jsonl", "default", {"a/b.md": 1})
    assert labels.name_of("file:///docs/a/b.md", query) == "a/b.md"
    assert labels.name_of("file:///docs/b.md", query) == "file:///docs/b.md"


def test_few_queries_are_refused() -> None:
    require_enough(20)
    with pytest.raises(CasesError, match="19 labelled queries"):
        require_enough(19)
