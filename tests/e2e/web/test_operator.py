"""The operator's view of a server that really ingests and answers, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from selenium.webdriver import Keys

from service.access.caller import Scope
from service.access.key_store import KeyStore
from service.access.keys import KeyGrant
from service.releases.promotion import start_canary
from tests.e2e.web.conftest import Page
from tests.e2e.web.real_server import ingesting, make_home, texts, upload
from tests.service.releases.test_adapters import keep

READOUT = ".chart-box[aria-valuetext]"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, shared_models: Path) -> Path:
    return make_home(tmp_path_factory, shared_models)


@pytest.fixture(scope="module")
def server_url(home: Path, web_dist: Path) -> Iterator[str]:
    """A server with one document, which was asked two questions, one of them twice."""
    with ingesting(home, web_dist) as url:
        upload(url, parking_md=b"# Parking\n\nThe garage on Elm Street closes at 21:30.\n")
        for question in ("When does the garage close?", "When does the garage close?", "What is LoRA?"):
            answer = httpx.post(f"{url}/v1/query", json={"question": question}, timeout=60).json()
        httpx.post(f"{url}/v1/feedback", json={"answer_id": answer["id"], "verdict": "up"})
        yield url


@pytest.fixture
def view(page: Page) -> Page:
    page.click(".views a[href='/operator']")
    page.wait(lambda _: page.all(".chart") and not page.all(".operator .waiting"))
    return page


def test_each_dependency_is_told_in_words(view: Page) -> None:
    assert view.find(".operator-status").text in ("Ready", "Degraded")
    assert {"Server", "History", "Default collection", "Generator"} <= set(texts(view, ".checks dt"))
    assert "in order running" in texts(view, ".checks dd")


def test_snapshots_of_each_collection_are_listed(view: Page, server_url: str) -> None:
    (snapshot,) = httpx.get(f"{server_url}/v1/snapshots").json()["snapshots"]
    row = view.find(".data-table tr", snapshot["id"])
    assert "current" in row.text


def test_answers_are_drawn_and_can_be_read_as_a_table(view: Page) -> None:
    assert len(view.all(".chart")) == 4
    assert len(view.all(".chart:first-child .bar-mark rect")) >= 1
    view.click(".chart:first-child summary", "As a table")
    counts = texts(view, ".chart:first-child tbody td")
    assert len(counts) == 48
    assert sum(map(int, counts)) == 3
    release = view.find(".data-table tr", "base").text.split()
    assert release[1] == "3"
    assert release[-2:] == ["1", "0"]


def test_a_chart_is_read_with_the_arrow_keys(view: Page) -> None:
    chart = view.all(READOUT)[0]
    assert chart.accessible_name == "Answers"
    view.script("arguments[0].focus()", chart)
    view.press(Keys.HOME)
    first = view.find(".chart:first-child .legend .when").text
    assert chart.get_attribute("aria-valuenow") == "0"
    view.press(Keys.ARROW_RIGHT)
    assert view.find(".chart:first-child .legend .when").text != first
    view.press(Keys.END)
    view.wait(lambda _: chart.get_attribute("aria-valuenow") == "47")
    assert ", Answers " in (chart.get_attribute("aria-valuetext") or "")


def test_the_last_week_is_shown_in_longer_stretches(view: Page) -> None:
    view.click(".periods label", "Last week")
    view.wait(lambda _: view.all(READOUT)[0].get_attribute("aria-valuemax") == "41")
    assert view.find(READOUT).get_attribute("aria-valuemax") == "41"


def test_a_canary_is_shown_with_its_guards(view: Page, home: Path) -> None:
    view.find(".served", "The base model alone")
    name = keep(home, b"one").name
    start_canary(home, name, 0.05)
    view.open("/operator")
    view.find("caption", f"Canary: {name} answers 5% of the conversations")
    assert len([row for row in texts(view, ".data-table tbody tr") if "too few answers yet" in row]) == 4
    assert "canary" in view.find(".data-table tr", f"{name} ").text


def test_without_the_scope_the_parts_that_need_it_say_so(home: Path, web_dist: Path, page: Page) -> None:
    keys = KeyStore(home)
    key, _ = keys.create(KeyGrant("reader", frozenset({Scope.QUERY})), None)
    keys.close()
    with ingesting(home, web_dist, **{"auth.mode": "keys"}) as url:
        page.driver.get(url)
        page.script("sessionStorage.setItem('troika.key', arguments[0])", key)
        page.driver.get(f"{url}/operator")
        page.expect(".operator-status")
        page.expect(".operator-card .notice.bad")
        assert page.all(".chart") == []
    page.hosts()  # this server was another host
    page.log("browser")  # the browser notes what was refused
