"""What holds for a collection whichever store its vectors and BM25 are in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ingest.document import Document
from ingest.filters.facets import Clause, FacetFilter, document_key, facet
from ingest.filters.visibility import Visibility
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.repair import roll_back
from tests.ingest.conftest import CountingEmbedder
from tests.ingest.stores.shelf import NAME, Shelf, texts_of
from tests.small_handbook import make_document, small_handbook

HANDBOOK = small_handbook()
QUERY = "Which rank is the default for an adapter?"


def note(name: str, text: str) -> Document:
    return make_document(f"{name}.md", name, f"# {name}\n\n{text}\n")


RIVER = note("River", "The river floods the meadow in spring.")
HARBOUR = note("Harbour", "Ships wait in the harbour for the tide.")
FOREST = note("Forest", "Wolves live in the northern forest.")


@pytest.fixture
def shelf(either: Settings, words: CountingEmbedder) -> Shelf:
    shelf = Shelf(either, words)
    shelf.change(HANDBOOK)
    return shelf


def test_what_was_put_is_found_by_vector_and_by_word(shelf: Shelf) -> None:
    with shelf.opened() as snapshot:
        assert snapshot.manifest.store.kind is shelf.settings.store.kind
        assert len(snapshot.vectors) == snapshot.manifest.indexed == len(snapshot.words.numbers())
        assert snapshot.words.document_frequency("rank") == 2
        assert snapshot.words.document_frequency("检索") == 2
        assert snapshot.words.document_frequency("absent") == 0
    assert "A rank of 16 is the default" in shelf.by_words(QUERY)[0]
    assert "检索" in shelf.by_words("检索")[0]
    assert shelf.problems() == ()


def test_a_document_that_comes_is_added_and_the_others_stay(shelf: Shelf) -> None:
    before = shelf.nearest(QUERY)
    shelf.change([RIVER])
    assert shelf.by_words("river meadow") == ["The river floods the meadow in spring."]
    assert [found for found in shelf.nearest(QUERY) if "river" not in found[0]] == before
    assert shelf.problems() == ()


def test_an_open_snapshot_shows_what_it_did_when_another_is_published(shelf: Shelf) -> None:
    with shelf.opened() as held:
        direction = shelf.embedder.embed_query(QUERY)
        before = (held.vectors.search(direction, 50), held.words.numbers(), len(held.vectors))
        shelf.change([RIVER], [HANDBOOK[0]])
        assert (held.vectors.search(direction, 50), held.words.numbers(), len(held.vectors)) == before


def test_a_document_that_changed_takes_the_place_of_the_old_one(shelf: Shelf) -> None:
    shelf.change([RIVER])
    shelf.change([note("River", "The river carries gold.")])
    assert shelf.by_words("river") == ["The river carries gold."]
    assert [text for text, _ in shelf.nearest("river", 1)] == ["The river carries gold."]
    assert shelf.problems() == ()


def test_a_document_that_went_is_found_no_more(shelf: Shelf) -> None:
    shelf.change([RIVER, HARBOUR])
    shelf.change(forget=[RIVER])
    assert shelf.by_words("river meadow") == []
    assert not any("river" in text for text, _ in shelf.nearest("river"))
    assert shelf.by_words("harbour") == ["Ships wait in the harbour for the tide."]
    assert shelf.problems() == ()


def test_a_twin_is_found_in_place_of_the_document_that_went(shelf: Shelf) -> None:
    shelf.change([RIVER])
    shelf.change([replace(note("Copy", "The river floods the meadow in spring."), title="River")])
    shelf.change(forget=[RIVER])
    assert shelf.by_words("river meadow") == ["The river floods the meadow in spring."]
    assert shelf.problems() == ()


def test_going_back_shows_the_older_snapshot_whole(shelf: Shelf) -> None:
    shelf.change([RIVER])
    shelf.change([HARBOUR], [RIVER])
    roll_back(shelf.settings.home, NAME, store=shelf.settings.store)
    assert shelf.by_words("river harbour") == ["The river floods the meadow in spring."]
    assert shelf.problems() == ()


def test_two_lines_that_begin_at_one_snapshot_do_not_mix(shelf: Shelf) -> None:
    """Both give their chunks the same numbers."""
    left = shelf.change([RIVER])
    roll_back(shelf.settings.home, NAME, store=shelf.settings.store)
    right = shelf.change([FOREST])
    assert shelf.by_words("river forest") == ["Wolves live in the northern forest."]
    roll_back(shelf.settings.home, NAME, left, shelf.settings.store)
    assert shelf.by_words("river forest") == ["The river floods the meadow in spring."]
    roll_back(shelf.settings.home, NAME, right, shelf.settings.store)
    assert [text for text, _ in shelf.nearest("forest", 1)] == ["Wolves live in the northern forest."]
    assert shelf.problems() == ()


def test_a_run_that_dies_before_it_publishes_leaves_the_old_snapshot_and_the_next_run_is_whole(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (shelf.collection.current_id(), shelf.nearest(QUERY), shelf.by_words(QUERY))

    def die(self: Collection, snapshot_id: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Collection, "publish", die)
        with pytest.raises(KeyboardInterrupt):
            shelf.change([RIVER], [HANDBOOK[0]])
    assert (shelf.collection.current_id(), shelf.nearest(QUERY), shelf.by_words(QUERY)) == before
    assert shelf.problems() == ()
    shelf.change([HARBOUR])
    assert shelf.by_words("river harbour") == ["Ships wait in the harbour for the tide."]
    assert shelf.problems() == ()


def test_vectors_may_follow_in_a_later_run(shelf: Shelf) -> None:
    shelf.change([RIVER], embed=False)
    with shelf.opened() as snapshot:
        assert snapshot.manifest.unembedded == 1
        assert len(snapshot.vectors) == snapshot.manifest.indexed - 1
    assert shelf.by_words("river") == ["The river floods the meadow in spring."]
    shelf.change([HARBOUR])
    assert [text for text, _ in shelf.nearest("river", 1)] == ["The river floods the meadow in spring."]
    assert shelf.problems() == ()


def test_only_what_may_be_seen_is_looked_at(shelf: Shelf) -> None:
    secret = replace(RIVER, metadata={"acl": ("staff", "o'brien")})
    shelf.change([secret, HARBOUR])
    direction = shelf.embedder.embed_query("river meadow")
    with shelf.opened() as snapshot:
        visibility = Visibility(snapshot.documents, snapshot.vectors, snapshot.words)
        for groups, sees_river in (((), 0), (("other",), 0), (("staff",), 1), (("o'brien", "x"), 1)):
            visible = visibility.of(frozenset(groups))
            assert (visible is None) == bool(sees_river)
            nearest = texts_of(snapshot, snapshot.vectors.search(direction, 50, visible and visible.dense))
            worded = texts_of(
                snapshot, snapshot.words.search("river harbour", 50, visible and visible.lexical)
            )
            assert len(nearest) == len(snapshot.vectors) - 1 + sees_river
            assert len(worded) == 1 + sees_river
            assert any("river" in text for text, _ in nearest + worded) == bool(sees_river)


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        (Clause(frozenset([facet("title", "River")])), {"River"}),
        (Clause(frozenset([facet("title", "River")]), negated=True), {"Harbour", "Forest"}),
        (Clause(frozenset(facet("title", title) for title in ("River", "Forest"))), {"River", "Forest"}),
        (Clause(frozenset()), set[str]()),
    ],
)
def test_only_what_meets_a_filter_is_looked_at(shelf: Shelf, clause: Clause, expected: set[str]) -> None:
    shelf.change([RIVER, HARBOUR, FOREST], HANDBOOK)
    query = "river harbour northern"
    with shelf.opened() as snapshot:
        every = {chunk.title: number for number, chunk in snapshot.documents.numbered_chunks()}
        allowed = snapshot.words.only(FacetFilter((clause,)))
        found = {number for number, _ in snapshot.words.search(query, 9, allowed)}
        assert found == {every[name] for name in expected}
        assert snapshot.words.holds("river", allowed) is ("River" in expected)
        harbour = document_key(HARBOUR.id)
        stands_in = snapshot.words.only(FacetFilter((clause,), stand_ins={every["Harbour"]: harbour}))
        found = {number for number, _ in snapshot.words.search(query, 9, stands_in)}
        assert found == {every[name] for name in expected | {"Harbour"}}


def test_vectors_can_be_named_that_alone_are_looked_at(shelf: Shelf) -> None:
    shelf.change([RIVER])
    direction = shelf.embedder.embed_query("river")
    with shelf.opened() as snapshot:
        [(river, _)] = snapshot.words.search("river", 1)
        only = snapshot.vectors.only(np.asarray([river, 2, 3, 10_000], dtype=np.int64))
        assert sorted(number for number, _ in snapshot.vectors.search(direction, 9, only)) == [2, 3, river]
        hidden = snapshot.vectors.hiding({river, 10_000})
        others = [number for number, _ in snapshot.vectors.search(direction, 99, hidden)]
        assert sorted([*others, river]) == sorted(snapshot.vector_numbers())
