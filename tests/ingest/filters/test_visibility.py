"""What is filtered out is in no index's results, whatever the metadata, the filter and the asker's groups."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace

import pytest

from ingest.document import Document, MetadataValue, Page
from ingest.embed import Vector
from ingest.errors import FilterError
from ingest.filters.access import may_see
from ingest.filters.filters import EVERYTHING, Filter
from ingest.filters.forms import parse_filter, read_filter
from ingest.filters.visibility import Visibility
from ingest.pipeline import ingest_documents
from ingest.settings import Settings
from ingest.snapshots.snapshot import Snapshot, open_snapshot
from tests.ingest.conftest import CountingEmbedder
from tests.ingest.filters.test_filters import meets
from tests.small_handbook import make_document

pytestmark = pytest.mark.usefixtures("words")

_DOCUMENTS = 120
_GROUPS = ("staff", "hr", "legal", "*")
_WORDS = ["river", "harbour", "forest", "tide", "valley", "meadow", "bridge", "winter"]
_VALUES: dict[str, Sequence[MetadataValue]] = {
    "year": (2022, 2023, "2024", 2025.0, "unknown"),
    "date": ("2024-05-31", "2024-06-01T08:30:00Z", "2025-01-01", "soon"),
    "tags": (("a",), ("a", "b"), ("b", "c"), ("d",)),
    "draft": (True, False),
    'odd "key" \'s': ("x,y", "", "ключ"),
}
_ASKED: dict[str, Sequence[object]] = {
    "year": (2024, [2022, "2023"], {"gte": 2023}, {"gt": 2022, "lt": 2025}, {"not": 2024}, {"prefix": "202"}),
    "date": ("2024-06-01", {"lt": "2024-06-01T09:00:00Z"}, {"gte": "2024-06-01"}, {"not": "soon"}),
    "tags": ("a", ["b", "d"], {"not": ["a", "c"]}, "nowhere"),
    "draft": (True, {"not": True}),
    'odd "key" \'s': ("x,y", {"prefix": ""}),
    "language": ("en", ["zh", "de"]),
    "uri": ({"prefix": "file:///handbook/1"}, {"not": "file:///handbook/7.md"}),
    "page": (1, {"gte": 2}, {"not": 2}),
}


def random_document(number: int, chance: random.Random) -> Document:
    text = "\n\n".join(
        " ".join(chance.choices(_WORDS, k=30)) + f" {number} {part}." for part in range(chance.randint(1, 3))
    )
    plain = make_document(f"{number}.md", f"Note {number}", text)
    metadata = {key: chance.choice(values) for key, values in _VALUES.items() if chance.random() < 0.7}
    if chance.random() < 0.5:
        metadata["acl"] = tuple(chance.sample(_GROUPS, chance.randint(1, 2)))
    middle = len(plain.text) // 2
    pages = (Page(1, 0, middle), Page(2, middle, len(plain.text))) if number % 2 else ()
    return replace(plain, metadata=metadata, pages=pages)


@pytest.fixture
def snapshot(settings: Settings) -> Iterator[Snapshot]:
    chance = random.Random(8)
    ingest_documents([random_document(number, chance) for number in range(_DOCUMENTS)], "docs", settings)
    with closing(open_snapshot(settings.home, "docs")) as opened:
        yield opened


def allowed_numbers(snapshot: Snapshot, groups: frozenset[str], wanted: Filter) -> set[int]:
    """The indexed chunks that may be found, by going through all of them."""
    found: set[int] = set()
    indexed = set(snapshot.documents.indexed_numbers())
    for number, chunk in snapshot.documents.numbered_chunks():
        document = snapshot.documents.document(chunk.document_id)
        assert document is not None
        first, last = chunk.page_start or 1, chunk.page_end or chunk.page_start or 0
        stated: dict[str, MetadataValue] = {
            **document.metadata,
            "language": document.language,
            "uri": document.uri,
            "page": tuple(str(page) for page in range(first, last + 1)),
        }
        if number in indexed and may_see(document.metadata, groups) and meets(wanted, stated):
            found.add(number)
    return found


def check_random_searches(snapshot: Snapshot, words: CountingEmbedder, count: int, seed: int) -> None:
    """Both indexes return all that is allowed at a great depth, and nothing else at any."""
    chance = random.Random(seed)
    visibility = Visibility(snapshot.documents, snapshot.vectors, snapshot.words)
    everything = len(snapshot.vectors)
    known: dict[tuple[frozenset[str], str], set[int]] = {}
    for _ in range(count):
        keys = chance.sample(sorted(_ASKED), chance.choice((0, 1, 1, 2, 3)))
        wanted = read_filter({key: chance.choice(_ASKED[key]) for key in keys})
        groups = frozenset(chance.sample(_GROUPS, chance.randint(0, 2)))
        expected = known.setdefault((groups, wanted.key), set())
        if not expected:
            expected |= allowed_numbers(snapshot, groups, wanted)
        visible = visibility.of(groups, wanted)
        assert visible is not None  # at most two of the four groups
        assert visible.count == len(expected)
        depth = chance.choice((1, 10, everything))
        query = " ".join(chance.choices(_WORDS, k=3))
        vector: Vector = words.embed_query(query)
        dense = {number for number, _ in snapshot.vectors.search(vector, depth, visible.dense)}
        lexical = {number for number, _ in snapshot.words.search(query, depth, visible.lexical)}
        assert dense <= expected
        assert lexical <= expected
        assert len(dense) == min(depth, len(expected))
        if depth == everything:
            assert dense == expected
            assert lexical == expected & {number for number, _ in snapshot.words.search(query, depth)}


def test_no_search_returns_what_is_filtered_out(snapshot: Snapshot, words: CountingEmbedder) -> None:
    check_random_searches(snapshot, words, 100, seed=1)


@pytest.mark.slow
def test_no_foreign_id_in_twice_ten_thousand_searches(snapshot: Snapshot, words: CountingEmbedder) -> None:
    check_random_searches(snapshot, words, 10_000, seed=2)


def test_a_filter_changes_no_score_of_what_it_leaves(snapshot: Snapshot, words: CountingEmbedder) -> None:
    visibility = Visibility(snapshot.documents, snapshot.vectors, snapshot.words)
    everyone = frozenset(_GROUPS)
    visible = visibility.of(everyone, parse_filter(["year>=2023"]))
    assert visible is not None
    depth = len(snapshot.vectors)
    everything = dict(snapshot.words.search("river tide", depth))
    for number, score in snapshot.words.search("river tide", depth, visible.lexical):
        assert score == pytest.approx(everything[number], rel=1e-5)
    vector = words.embed_query("river tide")
    alone = dict(snapshot.vectors.search(vector, depth))
    for number, score in snapshot.vectors.search(vector, depth, visible.dense):
        assert score == pytest.approx(alone[number])


def test_a_key_that_no_visible_document_has_is_refused_with_those_there_are(settings: Settings) -> None:
    public = replace(make_document("a.md", "A", "The river."), metadata={"year": 2024})
    secret = replace(make_document("b.md", "B", "The tide."), metadata={"salary": 9, "acl": ("hr",)})
    ingest_documents([public, secret], "docs", settings)
    with closing(open_snapshot(settings.home, "docs")) as snapshot:
        visibility = Visibility(snapshot.documents, snapshot.vectors, snapshot.words)
        with pytest.raises(FilterError, match=r"'salary'.* document_id, language, page, title, uri, year"):
            visibility.of(frozenset(), parse_filter(["salary=9"]))
        visible = visibility.of(frozenset({"hr"}), parse_filter(["salary=9"]))
        assert visible is not None
        assert visible.count == 1
        with pytest.raises(FilterError, match="'acl'"):
            visibility.of(frozenset({"hr"}), parse_filter(["acl=hr"]))


def test_a_chunk_that_repeats_another_is_found_where_only_its_document_meets_the_filter(
    settings: Settings, words: CountingEmbedder
) -> None:
    text = "The bridge over the river is closed in winter, from November to the end of March."
    years = {"old.md": 2023, "new.md": 2024}
    documents = [
        replace(make_document(name, "Bridge", text), metadata={"year": y}) for name, y in years.items()
    ]
    ingest_documents(documents, "docs", settings)
    with closing(open_snapshot(settings.home, "docs")) as snapshot:
        assert len(snapshot.documents.indexed_numbers()) == 1
        visibility = Visibility(snapshot.documents, snapshot.vectors, snapshot.words)
        for name, year in years.items():
            visible = visibility.of(frozenset(), parse_filter([f"year={year}"]))
            shown = visible.shown if visible else {}
            vector = words.embed_query("river bridge")
            (lexical, _), (dense, _) = (
                *snapshot.words.search("river bridge", 5, visible and visible.lexical),
                *snapshot.vectors.search(vector, 5, visible and visible.dense),
            )
            for found in (lexical, dense):
                (chunk,) = snapshot.documents.chunks_by_number([shown.get(found, found)])
                assert chunk.uri.endswith(name)


def test_without_a_filter_and_access_lists_nothing_is_looked_up(settings: Settings) -> None:
    ingest_documents([make_document("a.md", "A", "The river.")], "docs", settings)
    with closing(open_snapshot(settings.home, "docs")) as snapshot:
        visibility = Visibility(snapshot.documents, snapshot.vectors, snapshot.words)
        assert visibility.of(frozenset({"staff"})) is None
        assert visibility.of(frozenset(), EVERYTHING) is None
