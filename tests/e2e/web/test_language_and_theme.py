"""English and Chinese, light and dark: chosen, shown at once, and remembered."""

from __future__ import annotations

import pytest

from tests.e2e.web.conftest import Page

LANGUAGE = "return document.documentElement.lang"
PAPER = "return getComputedStyle(document.body).backgroundColor"


def test_the_page_speaks_chinese_and_remembers_it(page: Page) -> None:
    page.click("#language")
    page.expect(".welcome h1", "向您的文档提问")
    assert page.script("return document.title") == "提问 · Troika"
    page.open()
    page.expect(".welcome h1", "向您的文档提问")
    assert page.script(LANGUAGE) == "zh-CN"
    page.click("#language")
    page.expect(".welcome h1", "Ask your documents")
    assert page.script(LANGUAGE) == "en"


def test_an_answer_is_said_to_be_in_its_own_language(page: Page, question: str) -> None:
    page.click("#language")
    page.ask(question)
    assert page.find(".exchange .text").get_attribute("lang") == "en"


def test_dark_colours_are_chosen_and_remembered(page: Page) -> None:
    light = page.script(PAPER)
    page.click("button[aria-label='Use dark colours']")
    page.expect("button[aria-label='Use light colours']")
    dark = page.script(PAPER)
    assert dark != light
    page.open()
    page.expect("button[aria-label='Use light colours']")
    assert page.script(PAPER) == dark


def test_without_a_choice_the_system_decides(page: Page) -> None:
    for scheme in ("dark", "light"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})  # pyright: ignore[reportUnknownMemberType]
        theme = "return document.documentElement.dataset.theme"
        page.wait(lambda _, scheme=scheme, theme=theme: page.script(theme) == scheme)
        assert page.script(theme) == scheme


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_is_wider_than_the_window(page: Page, question: str, width: int) -> None:
    page.resize(width, 800)
    page.ask(question)
    for path in ("/", "/documents", "/compare", "/operator"):
        if path != "/":
            page.click(f".views a[href='{path}']")
        page.expect("main")
        assert page.script("return document.documentElement.scrollWidth") <= width
