"""A real browser before a real server: the application over the fake pipeline, with the page that was built.

``E2E_URL`` names another server to go through (then ``E2E_QUESTION`` is a question that its documents
answer), and ``E2E_WEB_DIST`` another folder with a built page.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from ingest.settings import Settings
from service.answer import Answer, AnswerEvent, Citation, Passage
from service.app import Parts, create_app
from service.history.history import History
from service.question import Inquiry
from service.routes.pages import WEB_FOLDER
from tests.fakes import MemoryPipeline, OnePipeline
from tests.small_handbook import chunks_of, small_handbook

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
WEB_DIST = Path(os.environ.get("E2E_WEB_DIST", WEB_FOLDER))
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


class ShapedPipeline(MemoryPipeline):
    """Answers as ``shape`` makes them, and remembers what it was asked."""

    shape: Callable[[Answer], Answer] = staticmethod(lambda answer: answer)
    asked: Inquiry | None = None

    def stream(self, inquiry: Inquiry) -> AsyncGenerator[AnswerEvent]:
        self.asked = inquiry
        return super().stream(inquiry)

    def _answer(
        self,
        answer_id: str,
        question: str,
        text: str,
        citations: tuple[Citation, ...],
        passages: tuple[Passage, ...],
    ) -> Answer:
        return self.shape(super()._answer(answer_id, question, text, citations, passages))


class Page:
    """The page as a reader has it: what is seen, typed and clicked."""

    def __init__(self, driver: Chrome, url: str) -> None:
        self.driver = driver
        self.url = url

    def open(self, path: str = "/") -> None:
        """Load the page at ``path``."""
        self.driver.get(self.url + path)

    def script(self, script: str, *values: object) -> Any:
        """What ``script`` returns, run in the page."""
        return self.driver.execute_script(script, *values)  # pyright: ignore[reportUnknownMemberType]

    def all(self, selector: str) -> list[WebElement]:
        """Every element that matches now, seen or not."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def find(self, selector: str, text: str = "") -> WebElement:
        """The last element that matches, is seen and holds ``text``, waited for."""

        def seen(_: Chrome) -> WebElement | None:
            shown = [
                element for element in self.all(selector) if element.is_displayed() and text in element.text
            ]
            return shown[-1] if shown else None

        return self.wait(seen, f"nothing that is seen matches {selector} with {text!r}")

    def expect(self, selector: str, text: str = "") -> None:
        """Fail unless ``find`` finds something."""
        assert self.find(selector, text) is not None

    def click(self, selector: str, text: str = "") -> WebElement:
        """Click what ``find`` finds, scrolled out from under what covers the edge of the page."""
        found = self.find(selector, text)
        self.script("arguments[0].scrollIntoView({block: 'center'})", found)
        found.click()
        return found

    def wait(self, condition: Any, message: str = "") -> Any:
        """What ``condition`` of the driver returns once it is true; the page may change while it looks."""
        changing = (StaleElementReferenceException,)
        patient = WebDriverWait(self.driver, PATIENCE_SECONDS, ignored_exceptions=changing)
        return patient.until(condition, message)

    def gone(self, selector: str) -> None:
        """Wait until nothing that is seen matches."""
        self.wait(lambda _: not any(element.is_displayed() for element in self.all(selector)), selector)

    def press(self, *keys: str) -> None:
        """Press keys on what has the focus."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def resize(self, width: int, height: int) -> None:
        """Give the page's window this size, in pixels, whatever the browser's least is."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)  # pyright: ignore[reportUnknownMemberType]

    def block(self, *patterns: str) -> None:
        """Keep what matches from coming, as a broken connection would; without patterns all comes again."""
        for command, values in (("Network.enable", {}), ("Network.setBlockedURLs", {"urls": list(patterns)})):
            self.driver.execute_cdp_cmd(command, values)  # pyright: ignore[reportUnknownMemberType]

    def log(self, kind: str) -> list[dict[str, Any]]:
        """What the browser wrote down since this was last asked."""
        return self.driver.get_log(kind)  # pyright: ignore[reportUnknownMemberType]

    def hosts(self) -> set[str]:
        """The hosts that were asked for anything since the log was last read."""
        messages = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        urls: list[str] = [
            m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"
        ]
        return {
            urlsplit(url).netloc for url in urls if not url.startswith(("data:", "blob:", "about:", "chrome"))
        }

    def ask(self, question: str) -> WebElement:
        """Ask, wait for the whole answer, and return its text element."""
        asked = len(self.all(".exchange"))
        self.find("#question").send_keys(question, Keys.ENTER)
        self.wait(
            lambda _: len(self.all(".exchange .foot, .exchange [role=alert]")) > asked, "no answer came"
        )
        return self.find(".exchange:last-child .text")

    def answer(self) -> dict[str, Any]:
        """The answer shown last, as the server kept it."""
        answer_id = self.find(".exchange:last-child .foot").get_attribute("data-answer")
        return httpx.get(f"{self.url}/v1/answers/{answer_id}").json()

    def marked(self) -> str:
        """What is highlighted in the source, character for character."""
        self.find(".document mark")
        script = "return [...document.querySelectorAll('.document mark')].map(m => m.textContent).join('')"
        return self.script(script)


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """``app`` on a port of this machine: its address, without a slash at the end."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def web_dist() -> Path:
    """The folder with the built page."""
    if not (WEB_DIST / "index.html").is_file():
        pytest.skip(f"needs the built page in {WEB_DIST}: run `make web`")
    return WEB_DIST


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> ShapedPipeline:
    home = tmp_path_factory.mktemp("home")
    return ShapedPipeline(small_handbook(), History(home / "history.sqlite"), pause_seconds=0.01)


@pytest.fixture(scope="module")
def server_url(
    pipeline: MemoryPipeline, web_dist: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a running server."""
    if URL_VARIABLE in os.environ:
        yield os.environ[URL_VARIABLE].rstrip("/")
        return
    assert pipeline.history is not None
    settings = Settings(home=tmp_path_factory.mktemp("app"), collection="default")
    app = create_app(settings, Parts(OnePipeline(pipeline), pipeline.history), web_dist)
    with_holdings(app, pipeline)
    with served(app) as url:
        yield url


@pytest.fixture
def shaped(pipeline: ShapedPipeline) -> Iterator[ShapedPipeline]:
    """The fake pipeline, for a test that changes what it does; afterwards it is as before."""
    if URL_VARIABLE in os.environ:
        pytest.skip("needs the fake pipeline")
    yield pipeline
    pipeline.shape = lambda answer: answer
    pipeline.failure = None
    pipeline.pause_seconds = 0.01


def with_holdings(app: FastAPI, pipeline: MemoryPipeline) -> None:
    """List the documents of ``pipeline``, which no snapshot holds."""

    @app.get("/v1/documents")
    async def documents() -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction]
        listed = [
            {
                "id": document.id,
                "uri": document.uri,
                "title": document.title,
                "language": document.language,
                "pages": 0,
                "chunks": len(chunks_of(document)),
                "metadata": {},
            }
            for document in pipeline.snapshot.documents.by_id.values()
        ]
        return {"collection": "default", "snapshot": "memory", "documents": listed, "next": None}


@pytest.fixture(scope="module")
def question() -> str:
    """A question that the server's documents answer."""
    return os.environ.get(QUESTION_VARIABLE, "Which rank is the default for an adapter?")


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("needs Chromium and its driver (Debian packages chromium and chromium-driver)")
    options = ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(chromium: Chrome, server_url: str) -> Iterator[Page]:
    """The page, freshly opened; afterwards it must have kept to its host and left no error behind."""
    page = Page(chromium, server_url)
    page.resize(1280, 800)
    page.open()
    page.log("performance")
    page.log("browser")
    yield page
    page.block()
    page.script("localStorage.clear(); sessionStorage.clear()")
    assert page.hosts() <= {urlsplit(server_url).netloc}
    # What the server refused is noted under "network"; that is the page's to tell.
    errors = [
        entry for entry in page.log("browser") if entry["level"] == "SEVERE" and entry["source"] != "network"
    ]
    assert errors == []
