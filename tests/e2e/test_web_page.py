"""The web page in a real browser, against a real server.

The server is the application over the fake pipeline, or the one that ``E2E_URL`` names (then
``E2E_QUESTION`` is a question that its documents answer).
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from selenium.webdriver import Chrome, ChromeOptions, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from ingest.errors import GeneratorError
from ingest.settings import Settings
from service.answer import Degradation
from service.app import Parts, create_app
from service.history.history import History
from tests.fakes import MemoryPipeline, OnePipeline
from tests.small_handbook import small_handbook

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
URL_VARIABLE, QUESTION_VARIABLE = "E2E_URL", "E2E_QUESTION"
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,800",
    "--lang=en-US",
)
PATIENCE_SECONDS = 20.0

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None,
    reason="needs Chromium and its driver (Debian packages chromium and chromium-driver)",
)
only_fake = pytest.mark.skipif(URL_VARIABLE in os.environ, reason="needs the fake pipeline")


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> MemoryPipeline:
    home = tmp_path_factory.mktemp("home")
    return MemoryPipeline(small_handbook(), History(home / "history.sqlite"), pause_seconds=0.01)


@pytest.fixture(scope="module")
def server_url(pipeline: MemoryPipeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server, without a slash at its end."""
    if URL_VARIABLE in os.environ:
        yield os.environ[URL_VARIABLE].rstrip("/")
        return
    assert pipeline.history is not None
    app = create_app(
        Settings(home=tmp_path_factory.mktemp("app"), collection="default"),
        Parts(OnePipeline(pipeline), pipeline.history),
    )
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def question() -> str:
    """A question that the server's documents answer."""
    return os.environ.get(QUESTION_VARIABLE, "Which rank is the default for an adapter?")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(chromium: Chrome, server_url: str) -> Iterator[Chrome]:
    """The page, freshly opened; afterwards it must have kept to its host and left no error behind."""
    chromium.get(server_url)
    run_script(chromium, "localStorage.clear()")
    chromium.refresh()
    read_log(chromium, "performance")
    yield chromium
    assert requested_hosts(chromium) <= {urlsplit(server_url).netloc}
    assert [entry for entry in read_log(chromium, "browser") if entry["level"] == "SEVERE"] == []


def read_log(driver: Chrome, kind: str) -> list[dict[str, Any]]:
    return driver.get_log(kind)  # pyright: ignore[reportUnknownMemberType]


def run_script(driver: Chrome, script: str, *values: object) -> Any:
    return driver.execute_script(script, *values)  # pyright: ignore[reportUnknownMemberType]


def requested_hosts(driver: Chrome) -> set[str]:
    messages = [json.loads(entry["message"])["message"] for entry in read_log(driver, "performance")]
    urls: list[str] = [
        m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"
    ]
    return {
        urlsplit(url).netloc for url in urls if not url.startswith(("data:", "blob:", "about:", "chrome"))
    }


def find(page: Chrome, selector: str) -> WebElement:
    """The last visible element that matches, waited for."""

    def visible(driver: Chrome) -> WebElement | None:
        shown = [
            element for element in driver.find_elements(By.CSS_SELECTOR, selector) if element.is_displayed()
        ]
        return shown[-1] if shown else None

    found = WebDriverWait(page, PATIENCE_SECONDS).until(visible, f"nothing visible matches {selector}")
    assert found is not None
    return found


def ask(page: Chrome, question: str) -> WebElement:
    """Ask, wait for the whole answer, and return its text element."""
    asked = len(page.find_elements(By.CSS_SELECTOR, ".exchange"))
    find(page, "#question").send_keys(question, Keys.ENTER)
    WebDriverWait(page, PATIENCE_SECONDS).until(
        lambda driver: len(driver.find_elements(By.CSS_SELECTOR, ".exchange .foot > *")) > asked
    )
    return find(page, ".exchange:last-child .text")


def marked(page: Chrome) -> str:
    """What is highlighted in the source, character for character."""
    find(page, "#document mark")
    script = "return [...document.querySelectorAll('#document mark')].map(m => m.textContent).join('')"
    text: str = run_script(page, script)
    return text


def last_answer(page: Chrome, server_url: str) -> dict[str, Any]:
    """The answer shown last, as the server kept it."""
    form_id: str = run_script(page, "return [...document.querySelectorAll('.correction')].at(-1).id")
    return httpx.get(f"{server_url}/v1/answers/{form_id.removeprefix('correction-')}").json()


def test_a_citation_opens_its_source_with_the_quote_highlighted_and_in_view(
    page: Chrome, server_url: str, question: str
) -> None:
    ask(page, question)
    answer = last_answer(page, server_url)
    cite = find(page, ".exchange:last-child .cite.sure, .exchange:last-child .cite.unsure")
    number = int(cite.text)
    cite.click()
    quotes = [citation["quote"] for citation in answer["citations"] if citation["marker"] == number]
    assert marked(page) in quotes
    in_view = run_script(
        page,
        "const m = document.querySelector('#document mark').getBoundingClientRect(),"
        "s = document.getElementById('source-scroll').getBoundingClientRect();"
        "return m.top >= s.top && m.bottom <= s.bottom",
    )
    assert in_view


def test_every_citation_of_an_answer_highlights_its_own_quote(
    page: Chrome, server_url: str, question: str
) -> None:
    ask(page, question)
    quotes = {citation["quote"] for citation in last_answer(page, server_url)["citations"]}
    assert quotes
    shown: set[str] = set()
    for cite in page.find_elements(By.CSS_SELECTOR, ".exchange:last-child .cite.sure"):
        cite.click()
        WebDriverWait(page, PATIENCE_SECONDS).until(
            lambda _: not page.find_elements(By.CSS_SELECTOR, "#document .state")
        )
        shown.add(marked(page))
    assert shown == quotes


@only_fake
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
def test_offsets_hold_behind_emoji_and_rare_ideographs(page: Chrome, question: str, quote: str) -> None:
    ask(page, question)
    find(page, ".exchange:last-child .cite").click()
    assert marked(page) == quote


@only_fake
def test_the_answer_is_shown_while_it_is_written(
    page: Chrome, pipeline: MemoryPipeline, question: str
) -> None:
    pipeline.pause_seconds = 0.05
    try:
        find(page, "#question").send_keys(question, Keys.ENTER)
        lengths: set[int] = set()
        while not page.find_elements(By.CSS_SELECTOR, ".feedback"):
            lengths.add(len(run_script(page, "return document.querySelector('.text')?.textContent ?? ''")))
    finally:
        pipeline.pause_seconds = 0.01
    assert len(lengths) > 3


@only_fake
def test_stopping_ends_the_answer_on_the_server_too(
    page: Chrome, pipeline: MemoryPipeline, question: str
) -> None:
    pipeline.stopped.clear()
    pipeline.pause_seconds = 0.5
    try:
        find(page, "#question").send_keys(question, Keys.ENTER)
        find(page, ".text[aria-busy=true]")
        find(page, "#send").click()
        deadline = time.monotonic() + 3
        while not pipeline.stopped.is_set() and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        pipeline.pause_seconds = 0.01
    assert pipeline.stopped.is_set()
    assert "Stopped" in find(page, ".foot").text


def test_a_thumb_and_a_correction_are_kept(page: Chrome, server_url: str, question: str) -> None:
    ask(page, question)
    find(page, ".thumb-up").click()
    find(page, ".thumb-up[aria-pressed=true]")
    find(page, ".correct").click()
    find(page, ".correction textarea").send_keys("Rank 16, says the guide.")
    find(page, ".correction .primary").click()
    find(page, ".thumb-down[aria-pressed=true]")
    kept = last_answer(page, server_url)["feedback"]
    assert [(judgement["verdict"], judgement["correction"]) for judgement in kept] == [
        ("up", None),
        ("down", "Rank 16, says the guide."),
    ]


@only_fake
def test_an_abstention_looks_like_one(page: Chrome) -> None:
    ask(page, "Who won the football championship yesterday?")
    assert find(page, ".exchange.abstained .flag").text == "Not in the sources"
    assert page.find_elements(By.CSS_SELECTOR, ".cite") == []


@only_fake
def test_a_degraded_answer_says_why(page: Chrome, pipeline: MemoryPipeline, question: str) -> None:
    pipeline.degraded = Degradation.LANGUAGE
    try:
        ask(page, question)
    finally:
        pipeline.degraded = None
    assert "does not write this language" in find(page, ".flags").text


@only_fake
def test_a_failure_is_told_in_the_place_of_the_answer(
    page: Chrome, pipeline: MemoryPipeline, question: str
) -> None:
    pipeline.failure = GeneratorError("the model server does not answer: start it.")
    try:
        ask(page, question)
    finally:
        pipeline.failure = None
    assert "the model server does not answer: start it." in find(page, "[role=alert]").text


@only_fake
def test_markup_in_a_question_stays_text(page: Chrome) -> None:
    ask(page, "rank of an adapter <img src=x onerror=alert(1)> <b>bold</b>")
    assert find(page, ".question").text.endswith("<img src=x onerror=alert(1)> <b>bold</b>")
    assert page.find_elements(By.CSS_SELECTOR, ".exchange img, .exchange b") == []


def test_the_page_speaks_chinese_and_remembers_it(page: Chrome) -> None:
    find(page, "#language").click()
    assert find(page, "#welcome h1").text == "向您的文档提问"
    page.refresh()
    assert find(page, "#welcome h1").text == "向您的文档提问"
    assert run_script(page, "return document.documentElement.lang") == "zh"
    find(page, "#language").click()
    assert find(page, "#welcome h1").text == "Ask your documents"


def test_the_keyboard_is_enough_and_focus_comes_back(page: Chrome, question: str) -> None:
    ask(page, question)
    cite = find(page, ".exchange:last-child .cite")
    run_script(page, "arguments[0].focus()", cite)
    cite.send_keys(Keys.ENTER)
    find(page, "#document mark")
    assert run_script(page, "return document.activeElement.id") == "source-title"
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    WebDriverWait(page, PATIENCE_SECONDS).until(
        lambda driver: not driver.find_element(By.ID, "source").is_displayed()
    )
    assert "cite" in (page.switch_to.active_element.get_attribute("class") or "")


def test_the_interface_is_described_without_another_host(page: Chrome, server_url: str) -> None:
    page.get(f"{server_url}/docs")
    find(page, ".swagger-ui .opblock")
    paths = [path.text for path in page.find_elements(By.CSS_SELECTOR, ".opblock-summary-path")]
    assert any("query" in path for path in paths)
