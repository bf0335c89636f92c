"""Identities and pages of documents."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.document import Page, chunk_id, document_id, headline
from tests.small_handbook import chunks_of, make_document

DOCUMENT = make_document("a.md", "Guide", "0123456789" * 3)
PAGED = replace(DOCUMENT, pages=(Page(1, 0, 10), Page(2, 12, 20), Page(4, 20, 30)))


@pytest.mark.parametrize(
    ("offset", "number"),
    [(0, 1), (9, 1), (10, None), (11, None), (12, 2), (19, 2), (20, 4), (29, 4), (30, None)],
)
def test_an_offset_belongs_to_the_page_that_holds_it(offset: int, number: int | None) -> None:
    assert PAGED.page_at(offset) == number


def test_a_file_without_pages_has_no_page_numbers() -> None:
    assert DOCUMENT.page_at(0) is None


def test_a_document_id_depends_on_address_and_text_alone() -> None:
    assert document_id("file:///a", "text") == document_id("file:///a", "text")
    assert document_id("file:///a", "text") != document_id("file:///b", "text")
    assert document_id("file:///a", "text") != document_id("file:///a", "text ")


@given(st.text(), st.text(), st.text(), st.text())
def test_no_two_documents_share_an_id(uri: str, text: str, other_uri: str, other_text: str) -> None:
    same = (uri, text) == (other_uri, other_text)
    assert (document_id(uri, text) == document_id(other_uri, other_text)) is same


def test_chunk_ids_tell_spans_apart() -> None:
    assert chunk_id("d", 1, 23) != chunk_id("d", 12, 3)
    assert chunk_id("d", 1, 23) != chunk_id("e", 1, 23)


def test_the_headline_leaves_out_a_heading_that_repeats_the_title() -> None:
    assert headline("Guide", ("Guide", "Rank", "")) == "Guide > Rank"
    assert headline("", ("Rank",)) == "Rank"
    assert headline("", ()) == ""


def test_a_chunk_knows_its_headline() -> None:
    document = make_document("a.md", "Guide", "# Rank\n\nSixteen.")
    assert chunks_of(document)[0].headline == "Guide > Rank"
