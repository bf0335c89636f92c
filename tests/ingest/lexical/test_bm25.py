"""BM25: the formula it promises, the ranking of the reference, and what is deleted stays deleted."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import pytest

from eval.retrieval.dataset_index import corpus_documents
from eval.retrieval.datasets import read_dataset
from ingest.document import BlockKind, Chunk, Document, MetadataValue, chunk_id, document_id
from ingest.errors import NoTermsError, SnapshotCorruptError
from ingest.filters.facets import FacetFilter, access_clause, document_key
from ingest.lexical.bm25 import (
    DOCUMENT_WEIGHT,
    K1,
    B,
    LexicalReader,
    clone_lexical,
    open_lexical,
    stage_lexical,
)
from ingest.lexical.reference import ReferenceReader
from ingest.words.terms import terms

TEXTS = [
    "The rank of an adapter.",
    "Rank, rank and rank.",
    "Backups of the home directory",
    "检索增强生成 XJ-2041b",
]


def document_of(
    text: str,
    *,
    uri: str = "note:",
    title: str = "",
    language: str = "en",
    metadata: Mapping[str, MetadataValue] | None = None,
) -> Document:
    return Document(document_id(uri, text), uri, title, text, language, (), (), "", metadata=metadata or {})


def chunk_of(document: Document, start: int = 0, end: int | None = None) -> Chunk:
    text = document.text[start:end]
    return Chunk(
        chunk_id(document.id, start, start + len(text)),
        document.id,
        document.uri,
        document.title,
        (),
        text,
        start,
        start + len(text),
        None,
        None,
        BlockKind.PARAGRAPH,
        document.language,
    )


def write(directory: Path, documents: Iterable[Document], first: int = 1) -> None:
    """Add documents of one chunk each, under the numbers ``first``, ``first`` + 1 …"""
    writer = stage_lexical(directory)
    for number, document in enumerate(documents, first):
        writer.add(document, [number], [chunk_of(document)])
    writer.commit()


def build(directory: Path, texts: Iterable[str]) -> LexicalReader:
    """An index of ``texts`` under the numbers 1, 2, 3 …"""
    write(directory, map(document_of, texts))
    return open_lexical(directory)


def bm25(words: Sequence[str], texts: Sequence[Sequence[str]], at: int) -> float:
    """The score of one of ``texts`` by the formula that the module states."""
    average = sum(map(len, texts)) / len(texts)
    score = 0.0
    for word in words:
        containing = sum(word in text for text in texts)
        idf = math.log(1 + (len(texts) - containing + 0.5) / (containing + 0.5))
        frequency = Counter(texts[at])[word]
        score += idf * frequency * (K1 + 1) / (frequency + K1 * (1 - B + B * len(texts[at]) / average))
    return score


def numbers(found: Sequence[tuple[int, float]]) -> list[int]:
    return [number for number, _ in found]


def test_the_score_is_that_of_the_stated_formula(tmp_path: Path) -> None:
    texts = ["The rank of an adapter. Backups stay.", "Rank, rank and rank. Adapters of the house."]
    documents = [document_of(text) for text in texts]
    writer = stage_lexical(tmp_path / "index")
    for at, document in enumerate(documents):
        middle = document.text.index(".") + 1
        writer.add(
            document, [2 * at, 2 * at + 1], [chunk_of(document, 0, middle), chunk_of(document, middle)]
        )
    writer.commit()
    found = dict(open_lexical(tmp_path / "index").search("rank of adapters", 10))
    whole = [terms(text) for text in texts]
    halves = [terms(half) for text in texts for half in text.split(".")[:2]]
    words = ["rank", "adapt"]
    assert found.keys() == {0, 2, 3}
    for number, score in found.items():
        own, outer = bm25(words, halves, number), bm25(words, whole, number // 2)
        assert score == pytest.approx(own + DOCUMENT_WEIGHT * outer, rel=1e-4)


def test_codes_and_chinese_are_found(tmp_path: Path) -> None:
    reader = build(tmp_path / "index", TEXTS)
    assert numbers(reader.search("xj-2041B", 10)) == [4]
    assert numbers(reader.search("2041", 10)) == [4]
    assert numbers(reader.search("增強", 10)) == [4]


def test_title_file_name_and_stated_facts_are_searched_too(tmp_path: Path) -> None:
    document = document_of(
        "Sixteen.",
        title="Choosing the rank",
        uri="file:///filings/ACME_10-K.pdf",
        metadata={"author": "Ada Lovelace", "year": 2024, "draft": True, "keywords": ("loan", "bond")},
    )
    write(tmp_path / "index", [document])
    reader = open_lexical(tmp_path / "index")
    for query in ("rank", "acme", "lovelace", "2024", "bonds"):
        assert numbers(reader.search(query, 10)) == [1], query
    assert reader.search("True", 10) == []


def test_what_says_who_may_see_a_document_is_no_word(tmp_path: Path) -> None:
    write(tmp_path / "index", [document_of("Sixteen.", metadata={"acl": ("surgeons",)})])
    assert open_lexical(tmp_path / "index").search("surgeons", 10) == []


def test_a_chunk_that_may_not_be_seen_is_not_found(tmp_path: Path) -> None:
    documents = [document_of("rank one", metadata={"acl": ("staff",)}), document_of("rank two")]
    write(tmp_path / "index", documents)
    reader = open_lexical(tmp_path / "index")
    assert sorted(numbers(reader.search("rank", 10))) == [1, 2]
    public, staff = (
        reader.only(FacetFilter((access_clause(groups),))) for groups in (frozenset[str](), {"staff"})
    )
    assert numbers(reader.search("rank", 10, public)) == [2]
    assert sorted(numbers(reader.search("rank", 10, staff))) == [1, 2]


def test_a_question_finds_the_words_of_every_language_of_the_index(tmp_path: Path) -> None:
    write(tmp_path / "index", [document_of("Die Häuser", language="de"), document_of("The houses")])
    reader = open_lexical(tmp_path / "index")
    assert reader.languages == ("de", "en")
    assert numbers(reader.search("Häusern", 10)) == [1]
    assert numbers(reader.search("house", 10)) == [2]


def test_a_query_without_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoTermsError):
        build(tmp_path / "index", TEXTS).search("?! 🐎", 10)


def test_a_query_in_the_engines_own_syntax_is_plain_text(tmp_path: Path) -> None:
    reader = build(tmp_path / "index", TEXTS)
    assert sorted(numbers(reader.search('rank AND NOT "adapter" ^9 number:3 [a TO z] *', 10))) == [1, 2]


def test_the_number_of_chunks_with_a_term_is_known(tmp_path: Path) -> None:
    reader = build(tmp_path / "index", TEXTS)
    assert [reader.document_frequency(term) for term in ("rank", "of", "absent")] == [2, 2, 0]


def test_a_clone_changes_and_its_source_does_not(tmp_path: Path) -> None:
    source = build(tmp_path / "source", TEXTS)
    clone_lexical(tmp_path / "source", tmp_path / "clone")
    writer = stage_lexical(tmp_path / "clone")
    writer.delete(document_of(TEXTS[0]).id, [1])
    added = document_of("Another rank")
    writer.add(added, [9], [chunk_of(added)])
    writer.commit()
    clone = open_lexical(tmp_path / "clone")
    assert clone.numbers() == {2, 3, 4, 9}
    assert sorted(numbers(clone.search("rank", 10))) == [2, 9]
    assert open_lexical(tmp_path / "source").numbers() == source.numbers() == {1, 2, 3, 4}
    assert sorted(numbers(source.search("rank", 10))) == [1, 2]


def test_a_document_counts_once_however_often_chunks_of_it_are_added(tmp_path: Path) -> None:
    document = document_of("Rank one. Rank two.")
    for number, (start, end) in enumerate([(0, 9), (9, None)]):
        writer = stage_lexical(tmp_path / "index")
        writer.add(document, [number], [chunk_of(document, start, end)])
        writer.commit()
    scores = dict(open_lexical(tmp_path / "index").search("rank", 10))
    own, outer = math.log(1 + 0.5 / 2.5), math.log(1 + 0.5 / 1.5) * 2 * (K1 + 1) / (2 + K1)
    assert scores == pytest.approx(dict.fromkeys((0, 1), own + DOCUMENT_WEIGHT * outer), rel=1e-4)


def test_nothing_is_visible_before_the_commit(tmp_path: Path) -> None:
    build(tmp_path / "index", TEXTS)
    writer = stage_lexical(tmp_path / "index")
    document = document_of("rank")
    writer.add(document, [9], [chunk_of(document)])
    assert open_lexical(tmp_path / "index").numbers() == {1, 2, 3, 4}
    writer.commit()


def test_an_index_may_be_empty(tmp_path: Path) -> None:
    reader = build(tmp_path / "index", [])
    assert reader.search("rank", 10) == []
    assert reader.numbers() == set()


def test_a_folder_without_an_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(SnapshotCorruptError, match="the BM25 index cannot be opened"):
        open_lexical(tmp_path / "absent")


def test_the_reference_looks_at_what_may_be_seen(tmp_path: Path) -> None:
    documents = [
        document_of("rank one", uri="note:1", metadata={"acl": ("staff",)}),
        document_of("rank two", uri="note:2"),
        document_of("rank two ranks", uri="note:3"),
    ]
    write(tmp_path / "index", documents)
    pairs = [(document, [(number, chunk_of(document))]) for number, document in enumerate(documents, 1)]
    public = (access_clause(frozenset[str]()),)
    for reader in (open_lexical(tmp_path / "index"), ReferenceReader(pairs)):
        visible = reader.only(FacetFilter(public))
        found = dict(reader.search("rank", 10, visible))
        assert set(found) == {2, 3}
        assert [reader.holds(term, visible) for term in ("one", "two", "absent")] == [False, True, False]
        # The first stands in for a chunk of the third document, which weighs more.
        stands_in = FacetFilter(public, stand_ins={1: document_key(documents[2].id)})
        found = dict(reader.search("rank", 10, reader.only(stands_in)))
        assert set(found) == {1, 2, 3}
        assert found[1] > found[2]


def overlap(directory: Path, documents: Sequence[Document], queries: Sequence[str]) -> float:
    """The mean share of the reference's ten best chunks that are among the ten best."""
    pairs = [(document, [(number, chunk_of(document))]) for number, document in enumerate(documents, 1)]
    write(directory, documents)
    reader, reference = open_lexical(directory), ReferenceReader(pairs)
    shares: list[float] = []
    for query in queries:
        expected = set(numbers(reference.search(query, 10)))
        shares.append(len(expected & set(numbers(reader.search(query, 10)))) / max(1, len(expected)))
    return sum(shares) / len(shares)


@pytest.mark.parametrize("dataset", ["xquad_en", "cmrc2018_zh"])
def test_the_ranking_agrees_with_the_reference(shared_data: Path, tmp_path: Path, dataset: str) -> None:
    content = read_dataset(shared_data / "dev" / dataset, limit=100)
    documents = list(islice(corpus_documents(content), 1000))
    assert overlap(tmp_path / "index", documents, [query.text for query in content.queries]) >= 0.95


def test_the_ranking_of_a_made_corpus_agrees_with_the_reference(tmp_path: Path) -> None:
    draw = random.Random(7)
    words = [f"word{chr(97 + rank % 26)}{rank}" for rank in range(300)]
    weights = [1 / (rank + 1) for rank in range(300)]
    texts = [" ".join(draw.choices(words, weights, k=draw.randint(5, 80))) for _ in range(300)]
    queries = [" ".join(draw.sample(words, 4)) for _ in range(50)]
    assert overlap(tmp_path / "index", [document_of(text) for text in texts], queries) >= 0.95
