"""What a reader is told where something does not come, and how the page goes on from there."""

from __future__ import annotations

from tests.e2e.web.conftest import Page

NAMES = ".documents-table .documents-name"
UNREACHED = "The server cannot be reached."


def test_documents_say_why_they_are_not_there_and_come_with_the_connection(page: Page) -> None:
    page.block("*/v1/collections")
    page.open("/documents")
    page.expect(".documents [role=alert]", UNREACHED)
    page.block()
    page.script("window.dispatchEvent(new Event('online'))")
    page.expect(NAMES)


def test_another_view_asks_once_more_which_collections_there_are(page: Page) -> None:
    page.block("*/v1/collections")
    page.open()
    page.expect(".welcome [role=alert]", UNREACHED)
    page.block()
    page.click(".views a[href='/documents']")
    page.expect(NAMES)


def test_a_list_that_cannot_be_read_is_not_waited_for(page: Page) -> None:
    page.block("*/v1/documents*")
    page.open("/documents")
    page.expect(".documents-main [role=alert]", UNREACHED)
    assert page.all(".documents-main .waiting") == []


def test_a_source_that_cannot_be_read_is_not_said_to_have_changed(page: Page, question: str) -> None:
    page.ask(question)
    page.block("*/v1/documents/*")
    page.click(".exchange:last-child .cite")
    page.expect(".source [role=alert]", UNREACHED)
    assert "has changed" not in page.find(".source").text
    assert page.marked() == page.answer()["citations"][-1]["quote"]


def test_code_of_an_earlier_release_is_told_as_such_and_loaded_anew(page: Page) -> None:
    page.block("*/assets/OperatorView*")
    page.click(".views a[href='/operator']")
    page.expect("main [role=alert]", "The page was renewed on the server.")
    page.block()
    page.click("main button", "Reload the page")
    page.expect(".operator-card")


def test_code_that_does_not_come_from_a_server_that_is_gone_is_told_as_such(page: Page) -> None:
    page.block("*/assets/OperatorView*", "*/healthz")
    page.click(".views a[href='/operator']")
    page.expect("main [role=alert]", UNREACHED)
