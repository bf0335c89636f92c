"""Two releases side by side, in a real browser."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from selenium.webdriver.support.select import Select

from ingest.settings import Settings
from service.app import Parts, create_app
from service.history.history import History
from service.pipelines import Answering, CollectionSummary
from service.releases.release_history import BASE
from tests.e2e.web.conftest import Page, ShapedPipeline, served
from tests.e2e.web.real_server import texts
from tests.fakes import OnePipeline
from tests.service.releases.test_adapters import keep
from tests.small_handbook import small_handbook

COLLECTIONS = ("default", "staff")
TUNED_WORDS = "Rank sixteen is the default for an adapter."
SIDES = ".side .text"
NAMES = ".side .variant-name"
MARKED = "return [...(CSS.highlights.get('difference') ?? [])].map(range => range.toString())"


class TwoReleases(OnePipeline):
    """The base model, and an adapter with words of its own, over two collections alike."""

    def __init__(self, pipeline: ShapedPipeline, adapter: str) -> None:
        super().__init__(pipeline)
        self.tuned = ShapedPipeline(small_handbook(), pipeline.history, pause_seconds=0.01)
        self.tuned.release = replace(pipeline.release, name=adapter)
        self.tuned.shape = lambda answer: replace(answer, text=TUNED_WORDS, citations=())

    @asynccontextmanager
    async def lease(
        self, collection: str, conversation: str | None = None, release: str | None = None
    ) -> AsyncGenerator[Answering]:
        yield self.pipeline if release in (None, BASE) else self.tuned

    def collections(self) -> list[CollectionSummary]:
        return [CollectionSummary(name, "memory", 4, 12) for name in COLLECTIONS]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compare") / "home"


@pytest.fixture(scope="module")
def adapter(home: Path) -> str:
    return keep(home, b"one").name


@pytest.fixture(scope="module")
def app(pipeline: ShapedPipeline, home: Path, adapter: str, web_dist: Path) -> FastAPI:
    assert pipeline.history is not None
    return create_app(Settings(home=home), Parts(TwoReleases(pipeline, adapter), pipeline.history), web_dist)


@pytest.fixture(scope="module")
def server_url(app: FastAPI) -> Iterator[str]:
    """A server with an adapter beside the base model."""
    with served(app) as url:
        yield url


@pytest.fixture
def view(page: Page, adapter: str) -> Page:
    """The view, with the adapter chosen for the second."""
    page.click(".views a[href='/compare']")
    page.wait(lambda _: adapter in texts(page, ".variant option"))
    Select(page.all(".variant")[1].find_element("css selector", "select")).select_by_visible_text(adapter)
    return page


def compare(view: Page, question: str, *, blind: bool = False) -> None:
    """Ask, and wait until the answers can be judged."""
    field = view.find(".compare-form textarea")
    field.clear()
    field.send_keys(question)
    if view.find(".blind input").is_selected() is not blind:
        view.click(".blind input")
    view.click("button", "Compare")
    view.find(".judging legend")


def tally(view: Page) -> list[str]:
    """The numbers of verdicts, and the share with its interval."""
    return texts(view, ".tally tbody td")[1:]


def said(history: History | None, **fields: Any) -> list[Any]:
    assert history is not None
    return [one for one in history.feedback() if all(getattr(one, name) == fields[name] for name in fields)]


def test_both_answers_come_with_their_citations_time_and_cost(
    view: Page, question: str, adapter: str
) -> None:
    compare(view, question)
    left, right = texts(view, SIDES)
    assert left != right == TUNED_WORDS
    assert texts(view, NAMES) == ["What is served now · default", f"{adapter} · default"]
    assert len(view.all(".side:first-child .cite")) >= 1
    assert all("1.3 s" in cost and "412" in cost and "37" in cost for cost in texts(view, ".side > .cost"))


def test_words_that_differ_are_marked_and_counted(view: Page, question: str) -> None:
    compare(view, question)
    marked = view.script(MARKED)
    assert any("sixteen" in stretch for stretch in marked)
    assert view.find(".comparison > .cost").text == f"{len(marked)} differences are marked."
    assert not any("default" in stretch.split() for stretch in marked if stretch in TUNED_WORDS)


def test_a_verdict_is_kept_on_the_server_and_counted_with_its_interval(
    view: Page, question: str, pipeline: ShapedPipeline, server_url: str, adapter: str
) -> None:
    compare(view, question)
    view.click(".judging button", "Right is better")
    view.find(".side.preferred .variant-name", adapter)
    assert tally(view) == ["0", "1", "0", "0% (95% interval 0% to 79%)"]
    judgement = said(pipeline.history)[-1]
    preferred, other = (
        httpx.get(f"{server_url}/v1/answers/{answer}").json()["release"]
        for answer in (judgement.answer_id, judgement.preferred_over)
    )
    assert (preferred, other) == (adapter, BASE)
    compare(view, question)
    view.click(".judging button", "Neither is better")
    view.wait(lambda _: tally(view)[2] == "1")
    assert said(pipeline.history)[-1] == judgement


def test_a_blind_comparison_tells_no_names_before_the_verdict(
    view: Page, question: str, adapter: str
) -> None:
    compare(view, question, blind=True)
    assert texts(view, NAMES) == texts(view, ".side > .cost") == []
    left = texts(view, SIDES)[0]
    view.click(".judging button", "Left is better")
    view.find(NAMES)
    served_on_left = texts(view, NAMES)[0] == "What is served now · default"
    assert served_on_left == (left != TUNED_WORDS)
    wins = ["1", "0"] if served_on_left else ["0", "1"]
    assert tally(view)[:2] in (wins, wins[::-1])


def test_chance_decides_the_sides_of_a_blind_comparison(view: Page, question: str) -> None:
    lefts: list[str] = []
    for chance in ("0.4", "0.6"):
        view.script(f"Math.random = () => {chance}")
        compare(view, question, blind=True)
        view.wait(lambda _: len(texts(view, SIDES)) == 2)
        lefts.append(texts(view, SIDES)[0])
    assert lefts[0] == TUNED_WORDS != lefts[1]


def test_one_release_can_answer_from_two_collections(view: Page, question: str) -> None:
    release, collection = (
        Select(select) for select in view.all(".variant")[1].find_elements("css selector", "select")
    )
    release.select_by_visible_text("What is served now")
    view.find(".compare-form .notice", "Choose two that differ.")
    assert not view.find(".compare-row button").is_enabled()
    collection.select_by_visible_text("staff")
    compare(view, question)
    assert texts(view, NAMES) == ["What is served now · default", "What is served now · staff"]
