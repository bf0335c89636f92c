"""A span leads to a place when it is in the expected document and overlaps what is known of the evidence."""

from __future__ import annotations

import pytest

from eval.cases.case import Relevant
from eval.runs.places import evidence_spans, is_exact, leads_to, names_document, needs_source

SOURCE = "The rank is 8. The adapter is\nmerged after training."
URI = "file:///docs/%E6%89%8B%E5%86%8C.md"


@pytest.mark.parametrize(
    ("span", "place", "leads"),
    [
        ((20, 40), Relevant("手册.md", "adapter is merged"), True),
        ((0, 11), Relevant("手册.md", "adapter is merged"), False),
        ((0, 11), Relevant("手册.md"), True),
        ((20, 40), Relevant("other.md", "adapter is merged"), False),
        ((20, 40), Relevant("手册.md", "words that are not there"), False),
        ((20, 40), Relevant("手册.md", "The rank", 39, 50), True),
        ((20, 40), Relevant("手册.md", "The rank", 40, 50), False),
    ],
)
def test_a_span_leads_to_a_place_of_its_document_that_it_overlaps(
    span: tuple[int, int], place: Relevant, leads: bool
) -> None:
    assert leads_to(URI, *span, place, SOURCE) is leads


def test_the_source_is_needed_only_to_find_words_in_it() -> None:
    assert needs_source(URI, Relevant("手册.md", "adapter"))
    assert not needs_source(URI, Relevant("手册.md"))
    assert not needs_source(URI, Relevant("手册.md", "adapter", 3, 9))
    assert not needs_source(URI, Relevant("other.md", "adapter"))


def test_a_document_is_named_by_whole_path_segments() -> None:
    assert names_document("file:///a/b/c.md", "b/c.md")
    assert names_document("file:///a/b/c.md", "/c.md")
    assert not names_document("file:///a/b/abc.md", "c.md")


def test_evidence_is_found_across_line_breaks_and_missing_spaces() -> None:
    assert [SOURCE[start:end] for start, end in evidence_spans(SOURCE, "is merged")] == ["is\nmerged"]
    assert evidence_spans(SOURCE, "  ") == []


def test_a_quote_is_exact_only_when_it_is_the_source_at_its_span() -> None:
    assert is_exact("The rank is", 0, 11, SOURCE)
    assert not is_exact("The Rank is", 0, 11, SOURCE)
    assert not is_exact("The rank is", 1, 12, SOURCE)
    assert not is_exact("", 5, 5, SOURCE)
    assert not is_exact("training.", -9, len(SOURCE), SOURCE)
    assert not is_exact("training.", len(SOURCE) - 9, len(SOURCE) + 1, SOURCE)
