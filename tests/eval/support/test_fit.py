from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.support.claims import Change, claims_of
from eval.support.fit import fit_support, support_table
from ingest.errors import CasesError
from tests.eval.fakes import shown

TOWNS = ("Oslo", "Bergen", "Trondheim", "Stavanger", "Tromsø", "Bodø", "Molde", "Hamar")


def write_dataset(folder: Path, year: int) -> Path:
    """Passages about towns, and a question about each."""
    folder.mkdir()
    towns = list(enumerate(TOWNS))
    texts = {
        town: f"The harbour of {town} was opened in {year + number}, and it is visited by Queen Maud often."
        for number, town in towns
    }
    documents = [{"_id": town, "title": "Ports", "text": text, "lang": "en"} for town, text in texts.items()]
    queries = [
        {
            "_id": f"q{number}",
            "text": f"When was the harbour of {town} opened?",
            "answers": [str(year + number)],
        }
        for number, town in towns
    ]
    for name, rows in (("corpus", documents), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    judged = "".join(f"q{number}\t{town}\t1\n" for number, town in towns)
    (folder / "qrels.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}", "utf-8")
    return folder


def test_claims_differ_from_what_is_borne_out_in_one_thing(tmp_path: Path) -> None:
    _, claims = claims_of(write_dataset(tmp_path / "ports", 1900), 8)
    assert {claim.change for claim in claims} == set(Change)
    for claim in claims:
        is_said = claim.text in claim.passage.text
        assert is_said is claim.is_supported
    assert any(" not " in claim.text for claim in claims if claim.change is Change.NEGATION)


def test_weights_are_judged_on_the_data_set_that_they_were_not_fitted_on(tmp_path: Path) -> None:
    folders = [write_dataset(tmp_path / "ports", 1900), write_dataset(tmp_path / "docks", 1950)]
    found = fit_support(folders, 8)
    assert [figures.name for figures in found.figures] == ["ports", "docks"]
    assert all(figures.auroc >= figures.auroc_words for figures in found.figures)
    assert found.weights["others"].weights[2] < 0
    assert json.loads(json.dumps(found.to_json()))["sets"][0]["name"] == "ports"
    assert "ports" in shown(support_table(found))


def test_a_language_with_one_data_set_cannot_be_judged(tmp_path: Path) -> None:
    with pytest.raises(CasesError, match="two of each"):
        fit_support([write_dataset(tmp_path / "ports", 1900)], 8)
