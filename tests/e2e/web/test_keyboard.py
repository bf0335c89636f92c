"""The page without a mouse: everything can be reached, and the focus is where it is looked for."""

from __future__ import annotations

from selenium.webdriver import Keys

from tests.e2e.web.conftest import Page, ShapedPipeline

FOCUSED = "return document.activeElement"
KEY = """
const [target, init] = arguments;
target.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init }));
"""


def test_the_keyboard_is_enough_and_focus_comes_back(page: Page, question: str) -> None:
    page.ask(question)
    cite = page.find(".exchange:last-child .cite")
    page.script("arguments[0].focus()", cite)
    cite.send_keys(Keys.ENTER)
    page.expect(".document mark")
    assert page.script("return document.activeElement.id") == "source-title"
    page.press(Keys.ESCAPE)
    page.gone(".source")
    assert page.script(FOCUSED) == page.find(".exchange:last-child .cite")


def test_the_first_tab_offers_to_skip_to_the_content(page: Page) -> None:
    page.script("document.activeElement.blur()")
    page.press(Keys.TAB)
    assert page.find(".skip").text == "Skip to the content"
    page.press(Keys.ENTER)
    page.wait(lambda _: page.script("return document.activeElement.id") == "content")


def test_views_are_changed_and_left_again_by_the_browsers_own_means(page: Page) -> None:
    page.find(".views a", "Documents").send_keys(Keys.ENTER)
    page.expect(".views a[aria-current=page]", "Documents")
    assert page.script("return location.pathname") == "/documents"
    page.driver.back()
    page.expect(".views a[aria-current=page]", "Ask")


def test_a_line_is_begun_with_the_shift_key(page: Page) -> None:
    page.find("#question").send_keys("one", Keys.SHIFT, Keys.ENTER, Keys.NULL, "two")
    assert page.find("#question").get_attribute("value") == "one\ntwo"
    assert page.all(".exchange") == []


def test_enter_does_not_stop_an_answer_and_keeps_what_is_written(
    page: Page, shaped: ShapedPipeline, question: str
) -> None:
    shaped.pause_seconds = 0.2
    page.find("#question").send_keys(question, Keys.ENTER)
    page.expect(".text[aria-busy=true]")
    page.find("#question").send_keys("And alpha?", Keys.ENTER)
    page.expect(".exchange .foot")
    assert page.find("#question").get_attribute("value") == "And alpha?"
    assert len(page.all(".exchange")) == 1


def test_a_key_that_is_held_or_composes_a_word_sends_nothing(page: Page) -> None:
    field = page.find("#question")
    field.send_keys("默认")
    # Safari has ended the composition by the time that it tells the key which did so.
    for init in ({"isComposing": True}, {"keyCode": 229}, {"repeat": True}):
        page.script(KEY, field, {"key": "Enter", **init})
    assert page.all(".exchange") == []
    assert field.get_attribute("value") == "默认"


def test_escape_closes_the_source_only_where_it_is_meant_for_it(page: Page, question: str) -> None:
    page.ask(question)
    page.click(".exchange:last-child .cite")
    page.expect(".document mark")
    field = page.find("#question")
    for init in ({"isComposing": True}, {"keyCode": 229}):
        page.script(KEY, field, {"key": "Escape", **init})
        page.expect(".source")
    page.script(KEY, field, {"key": "Escape"})
    page.gone(".source")


def test_the_whole_answer_is_said_to_a_screen_reader_once_it_is_there(page: Page, question: str) -> None:
    page.ask(question)
    said = page.script("return document.querySelector('.frame > [aria-live]').textContent")
    assert said.startswith(page.answer()["text"])
    assert "Answer complete" in said
