"""Pages of PDFs in a real browser: a citation's quote is marked where its words stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Keys

from tests.e2e.web.conftest import Page
from tests.e2e.web.real_server import ingesting, make_home, upload
from tests.service.source_pages.pictures import pdf_of

RULES = pdf_of(
    {"Badges are renewed every March": (60, 700), "at the desk of the porter.": (60, 672)},
    {
        "A lost badge is reported": (60, 700),
        "to the porter within 4 hours.": (60, 672),
        "The garage closes at 21:30.": (60, 500),
    },
)
QUESTION = "Within how many hours is a lost badge reported?"

INK = """
const image = document.querySelector(".pdf-page-sheet img");
const sheet = image.getBoundingClientRect();
const canvas = document.createElement("canvas");
canvas.width = image.naturalWidth;
canvas.height = image.naturalHeight;
const context = canvas.getContext("2d");
context.drawImage(image, 0, 0);
const marks = [...document.querySelectorAll(".pdf-page-sheet mark")].map(mark => {
  const box = mark.getBoundingClientRect();
  const across = canvas.width / sheet.width, down = canvas.height / sheet.height;
  return [box.left - sheet.left, box.right - sheet.left].map(x => x * across)
    .concat([box.top - sheet.top, box.bottom - sheet.top].map(y => y * down));
});
const dots = context.getImageData(0, 0, canvas.width, canvas.height).data;
let marked = 0, above = 0, all = 0;
for (let y = 0; y < canvas.height; y++) for (let x = 0; x < canvas.width; x++) {
  if (dots[(y * canvas.width + x) * 4] >= 128) continue;
  all += 1;
  above += y < canvas.height / 4;
  marked += marks.some(([left, right, top, bottom]) => left <= x && x <= right && top <= y && y <= bottom);
}
return {marks: marks.length, marked, above, all};
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, shared_models: Path) -> Path:
    return make_home(tmp_path_factory, shared_models)


@pytest.fixture(scope="module")
def server_url(home: Path, web_dist: Path) -> Iterator[str]:
    with ingesting(home, web_dist) as url:
        upload(url, rules_pdf=RULES)
        yield url


def open_first_citation(page: Page) -> None:
    page.ask(QUESTION)
    page.expect(".exchange .cite.sure")
    page.all(".exchange .cite.sure")[0].click()


@pytest.fixture
def cited(page: Page) -> Page:
    """The page of the first citation of an answer."""
    open_first_citation(page)
    page.click(".segments button", "Page")
    return page


def ink(page: Page) -> dict[str, Any]:
    """How many marks the page has, and how many dark dots: marked ones, in its upper quarter, and all."""
    page.wait(lambda _: page.script("return document.querySelector('.pdf-page-sheet img')?.complete"))
    return page.script(INK)


def test_the_quote_is_marked_where_its_words_stand(cited: Page) -> None:
    cited.find(".pdf-page-sheet mark")
    assert cited.find(".pdf-page-bar [role=status]").text == "Page 2 of 2"
    drawn = ink(cited)
    assert drawn["marks"] == 2
    # The quoted lines stand in the upper quarter, and nothing else does.
    assert 0.97 * drawn["above"] <= drawn["marked"] <= drawn["above"] < 0.9 * drawn["all"]
    assert "2 quoted lines are marked" in cited.script(
        "return document.querySelector('.pdf-page-sheet img').alt"
    )


def test_pages_are_turned_and_the_way_back_is_shown(cited: Page) -> None:
    cited.find(".pdf-page-sheet mark")
    assert not cited.find("[aria-label='Next page']").is_enabled()
    cited.click("[aria-label='Previous page']")
    cited.wait(lambda _: cited.find(".pdf-page-bar [role=status]").text == "Page 1 of 2")
    assert ink(cited)["marks"] == 0
    assert not cited.find("[aria-label='Previous page']").is_enabled()
    cited.click("[aria-label='To the quoted lines']")
    cited.find(".pdf-page-sheet mark")


def test_a_page_is_shown_larger_and_sharper(cited: Page) -> None:
    def size() -> list[int]:
        return cited.script(
            "const i = document.querySelector('img[alt^=\"Page 2\"]');return [i.clientWidth, i.naturalWidth]"
        )

    cited.find(".pdf-page-sheet mark")
    ink(cited)
    shown, dots = size()
    cited.click("[aria-label='Larger']")
    cited.click("[aria-label='Larger']")
    cited.wait(lambda _: size()[0] == pytest.approx(2 * shown, abs=20) and size()[1] > dots)
    cited.find(".pdf-page-frame").send_keys(Keys.ARROW_RIGHT)
    cited.find(".pdf-page-sheet mark")


def test_a_page_whose_picture_did_not_come_once_is_shown_when_it_does(cited: Page) -> None:
    cited.find(".pdf-page-sheet mark")
    cited.block("*/pages/*")
    cited.click("[aria-label='Larger']")
    cited.click("[aria-label='Larger']")
    cited.find(".pdf-page-text")
    cited.block()
    cited.click("[aria-label='Larger']")
    cited.click("[aria-label='Smaller']")
    cited.find(".pdf-page-sheet mark")
    assert cited.all(".pdf-page-text") == []


def test_where_the_file_is_gone_its_text_is_shown_with_the_reason(page: Page, home: Path) -> None:
    open_first_citation(page)
    (file,) = (home / "uploads/default").glob("*/rules.pdf")
    kept = file.rename(file.with_suffix(".kept"))
    # A browser that had the page still has it.
    page.driver.execute_cdp_cmd("Network.clearBrowserCache", {})  # pyright: ignore[reportUnknownMemberType]
    try:
        page.click(".segments button", "Page")
        assert "The file is gone" in page.find(".pdf-page .notice").text
        text = page.find(".pdf-page-text")
        assert "The garage closes" in text.text
        assert "Badges are renewed" not in text.text
        assert "within 4 hours" in page.find(".pdf-page-text mark").text
    finally:
        kept.rename(file)
    page.log("browser")  # the refusal is written down
