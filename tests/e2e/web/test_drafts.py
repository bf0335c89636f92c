"""What the reader wrote and said is still there after another view, and after a failure."""

from __future__ import annotations

from ingest.errors import GeneratorError
from tests.e2e.web.conftest import Page, ShapedPipeline


def look_at_another_view(page: Page, own: str) -> None:
    page.click(".views a[href='/operator']")
    page.expect(".operator-card")
    page.click(f".views a[href='{own}']")


def test_a_question_comes_back_to_its_field_where_it_failed(
    page: Page, shaped: ShapedPipeline, question: str
) -> None:
    shaped.failure = GeneratorError("the model server does not answer: start it.")
    page.ask(question)
    page.expect(".exchange [role=alert]")
    assert page.find("#question").get_attribute("value") == question


def test_what_was_begun_since_is_not_overwritten_by_a_question_that_failed(
    page: Page, shaped: ShapedPipeline, question: str
) -> None:
    shaped.failure, shaped.pause_seconds = GeneratorError("the model server does not answer: start it."), 1.0
    page.find("#question").send_keys(f"{question}\n")
    page.expect(".exchange")
    page.find("#question").send_keys("Another one")
    page.expect(".exchange [role=alert]")
    assert page.find("#question").get_attribute("value") == "Another one"


def test_a_question_that_is_written_outlives_the_view(page: Page) -> None:
    page.find("#question").send_keys("Which rank")
    look_at_another_view(page, "/")
    assert page.find("#question").get_attribute("value") == "Which rank"


def test_thumbs_and_an_open_correction_outlive_the_view(page: Page, question: str) -> None:
    page.ask(question)
    page.click("button[aria-label='Bad answer']")
    page.find(".correction textarea").send_keys("Sixteen.")
    page.find(".correction input").send_keys("See the guide.")
    page.click(".source-row button[aria-label$='does not bear the answer out']")
    page.expect(".source-row button[aria-pressed=true]")
    look_at_another_view(page, "/")
    page.expect("button[aria-label='Bad answer'][aria-pressed=true]")
    page.expect(".source-row button[aria-pressed=true]")
    assert page.find(".correction textarea").get_attribute("value") == "Sixteen."
    assert page.script("return document.activeElement.closest('.correction')") is None
    page.click(".correction .primary")
    page.gone(".correction")
    kept = page.answer()["feedback"][-1]
    assert (kept["correction"], kept["comment"]) == ("Sixteen.", "See the guide.")


def test_what_is_to_be_compared_outlives_the_view(page: Page) -> None:
    page.click(".views a[href='/compare']")
    page.find(".compare-form textarea").send_keys("Which rank?")
    page.click(".blind input")
    look_at_another_view(page, "/compare")
    assert page.find(".compare-form textarea").get_attribute("value") == "Which rank?"
    assert page.find(".blind input").is_selected()
