"""BM25: the formula it promises, the ranking of the reference, and what is deleted stays deleted."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from rank_bm25 import BM25Okapi  # pyright: ignore[reportMissingTypeStubs]

from ingest.document import BlockKind, Chunk
from ingest.errors import NoTermsError, SnapshotCorruptError
from ingest.lexical import K1, B, LexicalReader, LexicalWriter, clone_lexical
from ingest.terms import terms

TEXTS = [
    "The rank of an adapter.",
    "Rank, rank and rank.",
    "Backups of the home directory",
    "检索增强生成 XJ-2041b",
]


def chunk_of(text: str, title: str = "") -> Chunk:
    return Chunk("", "", "", title, (), text, 0, len(text), None, None, BlockKind.PARAGRAPH, "en")


def build(directory: Path, texts: Iterable[str]) -> LexicalReader:
    """An index of ``texts`` under the numbers 1, 2, 3 …"""
    chunks = [chunk_of(text) for text in texts]
    writer = LexicalWriter(directory)
    writer.add(range(1, len(chunks) + 1), chunks)
    writer.commit()
    return LexicalReader(directory)


def idf(documents: int, containing: int) -> float:
    """The weight of a term, as the module states it."""
    return math.log(1 + (documents - containing + 0.5) / (containing + 0.5))


def numbers(found: Sequence[tuple[int, float]]) -> list[int]:
    return [number for number, _ in found]


def test_the_score_is_that_of_the_stated_formula(tmp_path: Path) -> None:
    found = dict(build(tmp_path / "index", TEXTS).search("rank of adapters", 10))
    documents = [terms(text) for text in TEXTS]
    average = sum(map(len, documents)) / len(documents)
    for number, document in enumerate(documents, 1):
        expected = 0.0
        for term in ("rank", "of", "adapt"):
            frequency = Counter(document)[term]
            containing = sum(term in other for other in documents)
            norm = frequency + K1 * (1 - B + B * len(document) / average)
            expected += idf(len(documents), containing) * frequency * (K1 + 1) / norm
        assert found.get(number, 0.0) == pytest.approx(expected, rel=1e-4)


def test_codes_and_chinese_are_found(tmp_path: Path) -> None:
    reader = build(tmp_path / "index", TEXTS)
    assert numbers(reader.search("xj-2041B", 10)) == [4]
    assert numbers(reader.search("2041", 10)) == [4]
    assert numbers(reader.search("增强", 10)) == [4]


def test_titles_and_headings_are_searched_too(tmp_path: Path) -> None:
    writer = LexicalWriter(tmp_path / "index")
    writer.add([5], [chunk_of("Sixteen.", title="Choosing the rank")])
    writer.commit()
    assert numbers(LexicalReader(tmp_path / "index").search("rank", 10)) == [5]


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
    writer = LexicalWriter(tmp_path / "clone")
    writer.delete([1])
    writer.add([9], [chunk_of("Another rank")])
    writer.commit()
    assert LexicalReader(tmp_path / "clone").numbers() == {2, 3, 4, 9}
    assert LexicalReader(tmp_path / "source").numbers() == source.numbers() == {1, 2, 3, 4}
    assert sorted(numbers(source.search("rank", 10))) == [1, 2]


def test_nothing_is_visible_before_the_commit(tmp_path: Path) -> None:
    build(tmp_path / "index", TEXTS)
    writer = LexicalWriter(tmp_path / "index")
    writer.add([9], [chunk_of("rank")])
    assert LexicalReader(tmp_path / "index").numbers() == {1, 2, 3, 4}
    writer.commit()


def test_an_index_may_be_empty(tmp_path: Path) -> None:
    reader = build(tmp_path / "index", [])
    assert reader.search("rank", 10) == []
    assert reader.numbers() == set()


def test_a_folder_without_an_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(SnapshotCorruptError, match="the BM25 index cannot be opened"):
        LexicalReader(tmp_path / "absent")


@pytest.mark.parametrize("dataset", ["xquad_en", "cmrc2018_zh"])
def test_the_ranking_agrees_with_the_reference(shared_data: Path, tmp_path: Path, dataset: str) -> None:
    """The reference's own idf, ln((N - df + 0.5) / (df + 0.5)) with a floor, is replaced by ours."""
    folder = shared_data / "dev" / dataset
    texts = [row["text"] for row in read_lines(folder / "corpus.jsonl", 1000)]
    queries = [row["text"] for row in read_lines(folder / "queries.jsonl", 100)]
    reader = build(tmp_path / "index", texts)
    reference: Any = BM25Okapi([terms(text) for text in texts], k1=K1, b=B)
    containing = Counter(term for text in texts for term in set(terms(text)))
    reference.idf = {term: idf(len(texts), count) for term, count in containing.items()}
    overlaps: list[float] = []
    for query in queries:
        scores = reference.get_scores(list(dict.fromkeys(terms(query))))
        expected = {index + 1 for index in scores.argsort()[::-1][:10]}
        overlaps.append(len(expected & set(numbers(reader.search(query, 10)))) / 10)
    assert sum(overlaps) / len(overlaps) >= 0.95


def read_lines(path: Path, limit: int) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in islice(file, limit)]
