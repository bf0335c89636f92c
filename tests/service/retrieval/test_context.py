from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from ingest.document import Block, BlockKind, Chunk, Document, Hit, Page, chunk_id
from service.retrieval.context import ContextBuilder, ContextPolicy

TEXT = (
    "Rank sixteen is the default of adapters. Alpha scales every update by a constant factor. "
    "Dropout guards small sets against learning by heart.\n"
    "name | seats\nOslo | 12\nBergen | 30\nNarvik | 7\n"
    "Trains leave the northern platform at noon."
)
TABLE = TEXT.index("name |"), TEXT.index("Trains")
SENTENCES = [(0, 40), (41, 89), (90, TABLE[0] - 1)]


def words(text: str) -> int:
    return len(text.split())


def chunk_at(start: int, end: int, *, path: tuple[str, ...] = ("Adapters",), document: str = "d") -> Chunk:
    return Chunk(
        id=chunk_id(document, start, end), document_id=document, uri=document, title="T", heading_path=path,
        text=TEXT[start:end], start=start, end=end, page_start=1, page_end=1, kind=BlockKind.PARAGRAPH,
        language="en",
    )  # fmt: skip


RANK, ALPHA, DROPOUT = (chunk_at(*span) for span in SENTENCES)
ROW_START = TEXT.index("Bergen")
ROW = replace(
    chunk_at(ROW_START, TEXT.index("\nNarvik"), path=("Rooms",)),
    kind=BlockKind.TABLE,
    table_header="name | seats",
)
TRAINS = chunk_at(TABLE[1], len(TEXT), path=("Rooms",))


@dataclass
class OneDocument:
    """A document of two pages, cut into ``chunks``; ``read`` counts how often it was fetched."""

    chunks: Sequence[Chunk] = (RANK, ALPHA, DROPOUT, ROW, TRAINS)
    read: int = 0

    def document(self, document_id: str) -> Document | None:
        self.read += 1
        if document_id != "d":
            return None
        return Document(
            id="d", uri="d", title="T", text=TEXT, language="en", content_sha256="",
            pages=(Page(1, 0, ALPHA.end), Page(2, ALPHA.end, len(TEXT))),
            blocks=(Block(BlockKind.TABLE, *TABLE, ("Rooms",), (TABLE[0], TABLE[0] + 12)),),
        )  # fmt: skip

    def chunks_of(self, document_id: str) -> Sequence[Chunk]:
        return self.chunks if document_id == "d" else ()


def builder(tokens: int = 1000, *, neighbours: int = 0, diversity: float = 0.0) -> ContextBuilder:
    return ContextBuilder(OneDocument(), words, ContextPolicy(3, tokens, neighbours, diversity))


def hits_of(*chunks: Chunk) -> list[Hit]:
    return [Hit(chunk, 1 - rank / 10) for rank, chunk in enumerate(chunks)]


def texts(context_builder: ContextBuilder, *chunks: Chunk) -> list[str]:
    passages = context_builder.build(hits_of(*chunks)).passages
    for marker, passage in enumerate(passages, start=1):
        chunk = passage.chunk
        assert passage.marker == marker
        assert chunk.text == TEXT[chunk.start : chunk.end]
    return [passage.chunk.text for passage in passages]


def test_hits_are_read_as_found_when_nothing_asks_for_more() -> None:
    documents = OneDocument()
    context = ContextBuilder(documents, words, ContextPolicy(3, 1000)).build(hits_of(RANK, TRAINS))
    assert [passage.chunk for passage in context.passages] == [RANK, TRAINS]
    assert [passage.score for passage in context.passages] == [1.0, 0.9]
    assert documents.read == 0


def test_the_budget_ends_the_list_and_the_best_hit_always_has_its_place() -> None:
    room = words(f"T > Adapters\n{RANK.text}")
    assert texts(builder(room), RANK, ALPHA) == [RANK.text]
    assert texts(builder(1), RANK, ALPHA) == [RANK.text]


def test_a_question_may_ask_for_fewer_passages() -> None:
    assert len(builder().build(hits_of(RANK, ALPHA, DROPOUT), 2).passages) == 2


def test_neighbours_of_the_same_section_are_read_with_a_passage() -> None:
    assert texts(builder(neighbours=1), ALPHA) == [TEXT[RANK.start : DROPOUT.end]]
    assert texts(builder(neighbours=1), RANK) == [TEXT[RANK.start : ALPHA.end]]
    assert texts(builder(neighbours=3), RANK) == [TEXT[RANK.start : DROPOUT.end]]


def test_neighbours_wait_until_every_passage_has_its_place() -> None:
    room = words(f"T > Adapters\n{RANK.text}") + words(f"T > Rooms\n{TRAINS.text}")
    assert texts(builder(room, neighbours=1), RANK, TRAINS) == [RANK.text, TRAINS.text]


def test_passages_that_grow_into_each_other_become_one_in_the_better_place() -> None:
    assert texts(builder(neighbours=1), TRAINS, ALPHA, RANK)[1:] == [TEXT[RANK.start : DROPOUT.end]]


def test_a_widened_passage_keeps_the_id_of_its_hit_and_tells_its_pages() -> None:
    (passage,) = builder(neighbours=1).build(hits_of(ALPHA)).passages
    assert passage.chunk.id == ALPHA.id
    assert (passage.chunk.page_start, passage.chunk.page_end) == (1, 2)


def test_a_parent_is_read_in_the_place_of_its_chunk_where_it_fits() -> None:
    child = replace(ALPHA, parent_start=RANK.start, parent_end=DROPOUT.end)
    assert texts(builder(), child) == [TEXT[RANK.start : DROPOUT.end]]
    assert texts(builder(12), child) == [ALPHA.text]


def test_two_children_of_one_parent_are_one_passage() -> None:
    children = [replace(c, parent_start=RANK.start, parent_end=DROPOUT.end) for c in (DROPOUT, RANK)]
    assert texts(builder(), *children) == [TEXT[RANK.start : DROPOUT.end]]


def test_overlapping_chunks_are_merged() -> None:
    first, second = chunk_at(0, 60), chunk_at(41, 89)
    assert texts(builder(), first, second) == [TEXT[0:89]]
    assert texts(builder(9), first, second) == [TEXT[0:60]]


def test_a_passage_that_says_the_same_in_another_document_is_left_out() -> None:
    copy = replace(RANK, id="copy", document_id="other", text=RANK.text.replace(".", "!"))
    assert texts(builder(), RANK, copy, ALPHA) == [RANK.text, ALPHA.text]


def test_a_table_is_read_whole_where_it_fits() -> None:
    assert texts(builder(), ROW) == [TEXT[slice(*TABLE)]]
    assert texts(builder(10), ROW) == [ROW.text]


def test_column_names_stand_above_rows_alone_and_not_above_the_whole_table() -> None:
    assert builder().build(hits_of(ROW)).passages[0].chunk.table_header == ""
    assert builder(10).build(hits_of(ROW)).passages[0].chunk.table_header == "name | seats"


def test_diversity_prefers_what_says_something_else() -> None:
    near = replace(ALPHA, id="near", document_id="other", text="Alpha scales every update by a fixed factor.")
    order = hits_of(ALPHA, near, TRAINS)
    plain = builder().build(order, 2).hits
    diverse = builder(diversity=0.5).build(order, 2).hits
    assert [hit.chunk.id for hit in plain] == [ALPHA.id, "near"]
    assert [hit.chunk.id for hit in diverse] == [ALPHA.id, TRAINS.id]


def test_without_hits_there_is_nothing_to_read() -> None:
    assert builder().build([]).passages == ()


@pytest.mark.parametrize("passages", [None, 5])
def test_there_is_more_to_choose_from_than_is_read(passages: int | None) -> None:
    assert builder().candidates(passages) > (passages or 3)


def order_of(scores: dict[Chunk, float], same_score: float) -> list[Chunk]:
    hits = [Hit(chunk, score, None, score) for chunk, score in scores.items()]
    policy = ContextPolicy(passages=3, tokens=1000, same_score=same_score)
    context = ContextBuilder(OneDocument(), words, policy).build(sorted(hits, key=lambda hit: -hit.score))
    assert [hit.score for hit in context.hits] == sorted(scores.values(), reverse=True)
    return [passage.chunk for passage in context.passages]


def test_passages_that_score_much_the_same_stand_in_one_order_and_others_behind_them() -> None:
    one = order_of({RANK: 0.90, TRAINS: 0.88, DROPOUT: 0.5}, 0.1)
    other = order_of({TRAINS: 0.95, RANK: 0.91, DROPOUT: 0.3}, 0.1)
    assert one == other
    assert one[2] == DROPOUT
    assert order_of({TRAINS: 0.95, RANK: 0.91, DROPOUT: 0.3}, 0.0) == [TRAINS, RANK, DROPOUT]
    assert order_of({RANK: 0.95, TRAINS: 0.91, DROPOUT: 0.3}, 0.0) == [RANK, TRAINS, DROPOUT]
    assert order_of({TRAINS: 1.0, RANK: 0.8}, 0.1) == [TRAINS, RANK]
    assert order_of({RANK: 1.0, TRAINS: 0.8}, 0.1) == [RANK, TRAINS]
