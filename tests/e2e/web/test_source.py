"""The source beside an answer: the quoted words, marked character for character, and in view."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.answer import Answer
from tests.e2e.web.conftest import Page, ShapedPipeline


def test_a_citation_opens_its_source_with_the_quote_highlighted_and_in_view(
    page: Page, question: str
) -> None:
    page.ask(question)
    cite = page.find(".exchange:last-child .cite.sure, .exchange:last-child .cite.unsure")
    number = int(cite.text)
    cite.click()
    quotes = [citation["quote"] for citation in page.answer()["citations"] if citation["marker"] == number]
    assert page.marked() in quotes
    in_view = page.script(
        "const m = document.querySelector('.document mark').getBoundingClientRect(),"
        "s = document.querySelector('.source-scroll').getBoundingClientRect();"
        "return m.top >= s.top && m.bottom <= s.bottom"
    )
    assert in_view


def test_every_citation_of_an_answer_highlights_its_own_quote(page: Page, question: str) -> None:
    page.ask(question)
    quotes = {citation["quote"] for citation in page.answer()["citations"]}
    assert quotes
    shown: set[str] = set()
    for cite in page.all(".exchange:last-child .cite.sure"):
        cite.click()
        page.gone(".source .waiting")
        shown.add(page.marked())
    assert shown == quotes


@pytest.mark.parametrize(
    ("question", "quote"),
    [
        (
            "Should changing both alpha and rank make runs hard to compare?",
            "Changing both at once makes runs hard to compare.",
        ),
        ("生僻字也要正确计数吗", "𠮷野家的例子说明，生僻字也要正确计数。"),
    ],
)
def test_offsets_hold_behind_emoji_and_rare_ideographs(
    page: Page, shaped: ShapedPipeline, question: str, quote: str
) -> None:
    page.ask(question)
    page.click(".exchange:last-child .cite")
    assert page.marked() == quote


def test_the_passage_stays_readable_after_its_document_has_changed(
    page: Page, shaped: ShapedPipeline, question: str
) -> None:
    def of_a_document_that_is_gone(answer: Answer) -> Answer:
        passages = tuple(
            replace(passage, chunk=replace(passage.chunk, document_id="gone")) for passage in answer.passages
        )
        return replace(answer, passages=passages)

    shaped.shape = of_a_document_that_is_gone
    page.ask(question)
    page.click(".exchange:last-child .cite")
    page.expect(".source .notice", "The document has changed since this answer.")
    assert page.marked() == page.answer()["citations"][-1]["quote"]


def test_a_source_opens_over_the_answer_where_there_is_little_room(page: Page, question: str) -> None:
    page.resize(390, 844)
    page.ask(question)
    page.click(".exchange:last-child .cite")
    page.expect(".document mark")
    left, width = page.script(
        "const s = document.querySelector('.source').getBoundingClientRect(); return [s.left, s.width]"
    )
    assert (left, width) == (0, 390)
