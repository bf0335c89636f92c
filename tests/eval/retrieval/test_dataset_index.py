"""A data set's corpus becomes documents, and its index has a name of its own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from eval.retrieval.dataset_index import collection_for, corpus_document
from eval.retrieval.datasets import CorpusDocument, Dataset
from ingest.settings import Settings, load_settings
from ingest.snapshots.collection import Collection


def settings_with(overrides: dict[str, object]) -> Settings:
    return load_settings(overrides, environment={})


DATASET = Dataset("My Set_中文", Path("corpus.jsonl"), "0" * 64, ())


def test_each_paragraph_is_a_block() -> None:
    text = "One line\nand another.\n\n  \n  Second, indented.\n\n"
    document = corpus_document("set", CorpusDocument("d", "T", text, "en"))
    assert [text[block.start : block.end] for block in document.blocks] == [
        "One line\nand another.",
        "  Second, indented.",
    ]
    assert document.text == text
    assert document.title == "T"


def test_a_document_of_a_title_alone_is_searched_by_it() -> None:
    assert corpus_document("set", CorpusDocument("d", "Only a title", "", "en")).text == "Only a title"


def test_the_collection_changes_with_whatever_changes_the_index() -> None:
    settings = settings_with({})
    name = collection_for(DATASET, settings)
    Collection(Path(), name)
    assert name.startswith("eval-my-set-")
    others = {
        collection_for(dataclasses.replace(DATASET, corpus_sha256="1" * 64), settings),
        collection_for(DATASET, settings_with({"embedder.preset": "bge-m3"})),
        collection_for(DATASET, settings_with({"chunking.max_tokens": 99})),
    }
    assert len({name, *others}) == 4
    assert collection_for(DATASET, settings_with({"embedder.threads": 1})) == name
