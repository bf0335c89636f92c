"""Asking on the page: the answer as it is written, what is told of it, and what the reader says of it."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from selenium.webdriver import Keys

from ingest.errors import GeneratorError
from service.answer import Answer, Degradation, Sentence, Served
from tests.e2e.web.conftest import Page, ShapedPipeline


def test_the_answer_is_shown_while_it_is_written(page: Page, shaped: ShapedPipeline, question: str) -> None:
    shaped.pause_seconds = 0.2
    page.find("#question").send_keys(question, Keys.ENTER)
    lengths: set[int] = set()
    while not page.all(".exchange .foot"):
        lengths.add(len(page.script("return document.querySelector('.text')?.textContent ?? ''")))
    assert len(lengths) > 3


def test_stopping_ends_the_answer_on_the_server_too(
    page: Page, shaped: ShapedPipeline, question: str
) -> None:
    shaped.stopped.clear()
    shaped.pause_seconds = 0.5
    page.find("#question").send_keys(question, Keys.ENTER)
    page.expect(".text[aria-busy=true]")
    page.click("#send")
    page.wait(lambda _: shaped.stopped.is_set(), "the server went on")
    page.expect(".exchange", "Stopped")


def test_a_follow_up_goes_with_the_turns_before_it_and_shows_what_was_searched(
    page: Page, shaped: ShapedPipeline
) -> None:
    first = page.ask("Which rank is the default for an adapter?")
    turns = page.answer()["question"], page.answer()["text"]
    assert first.text
    shaped.shape = lambda answer: replace(answer, standalone_question="What is alpha of an adapter set to?")
    page.ask("And alpha?")
    assert shaped.asked is not None
    assert shaped.asked.history == turns
    assert "What is alpha of an adapter set to?" in page.find(".searched").text
    page.click(".dock button", "New conversation")
    page.gone(".exchange")
    page.ask("Which rank is the default for an adapter?")
    assert shaped.asked.history == ()


def test_a_new_conversation_stays_empty_while_the_answer_before_it_ends(
    page: Page, shaped: ShapedPipeline, question: str
) -> None:
    page.ask(question)
    shaped.pause_seconds = 0.5
    page.find("#question").send_keys(question, Keys.ENTER)
    page.expect(".text[aria-busy=true]")
    shaped.stopped.clear()
    page.click(".dock button", "New conversation")
    page.wait(lambda _: shaped.stopped.is_set(), "the server went on")
    page.expect(".welcome")
    shaped.pause_seconds = 0.01
    page.ask(question)
    assert shaped.asked is not None
    assert shaped.asked.history == ()


def test_a_thumb_and_a_correction_are_kept(page: Page, question: str) -> None:
    page.ask(question)
    page.click("button[aria-label='Good answer']")
    page.expect("button[aria-label='Good answer'][aria-pressed=true]")
    page.click(".feedback button", "Suggest a correction")
    page.find(".correction textarea").send_keys("Rank 16, says the guide.")
    page.click(".correction .primary")
    page.expect("button[aria-label='Bad answer'][aria-pressed=true]")
    kept = page.answer()["feedback"]
    assert [(judgement["verdict"], judgement["correction"]) for judgement in kept] == [
        ("up", None),
        ("down", "Rank 16, says the guide."),
    ]


def test_a_single_citation_can_be_judged(page: Page, question: str) -> None:
    page.ask(question)
    marker = int(page.find(".source-row .number").text)
    page.click(".source-row button[aria-label$='does not bear the answer out']")
    page.expect(".source-row button[aria-pressed=true]")
    (judgement,) = page.answer()["feedback"]
    assert judgement["citations"] == [{"marker": marker, "verdict": "down"}]
    assert judgement["verdict"] is None


def test_an_abstention_looks_like_one(page: Page, shaped: ShapedPipeline) -> None:
    page.ask("Who won the football championship yesterday?")
    assert page.find(".exchange.abstained .flag").text == "Not in the sources"
    assert page.all(".cite") == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"degraded": Degradation.LANGUAGE}, "does not write this language"),
        ({"groundedness": 0.5}, "50% of sentences backed by a source"),
        ({"cache": Served.SEMANTIC, "matched_question": "Default rank?"}, "Given to: “Default rank?”"),
        ({"cache": Served.FAQ}, "A curated answer"),
        ({"suspicious": (1,)}, "Source 1 holds instructions"),
    ],
)
def test_what_is_to_be_known_of_an_answer_is_told_in_words(
    page: Page, shaped: ShapedPipeline, question: str, changes: dict[str, object], words: str
) -> None:
    shaped.shape = lambda answer: replace(answer, **changes)  # pyright: ignore[reportArgumentType]
    page.ask(question)
    page.expect(".flags", words)


def test_a_sentence_without_support_is_marked_and_said_to_be(
    page: Page, shaped: ShapedPipeline, question: str
) -> None:
    def doubted(answer: Answer) -> Answer:
        second = answer.citations[1]
        first = Sentence(0, second.answer_start - 1, True, 0.9, (1,))
        return replace(
            answer,
            sentences=(first, Sentence(second.answer_start, second.answer_end, False, 0.1, (2,))),
            groundedness=0.5,
        )

    shaped.shape = doubted
    page.ask(question)
    (doubtful,) = page.all(".unsupported")
    assert doubtful.text.startswith(page.answer()["citations"][1]["quote"])
    assert page.script("return arguments[0].textContent", doubtful).endswith("(no source bears this out) ")


def test_a_failure_is_told_in_the_place_of_the_answer(
    page: Page, shaped: ShapedPipeline, question: str
) -> None:
    shaped.failure = GeneratorError("the model server does not answer: start it.")
    page.ask(question)
    page.expect(".exchange [role=alert]", "the model server does not answer: start it.")


def test_markup_in_a_question_stays_text(page: Page, shaped: ShapedPipeline) -> None:
    page.ask("rank of an adapter <img src=x onerror=alert(1)> <b>bold</b>")
    assert page.find(".question").text.endswith("<img src=x onerror=alert(1)> <b>bold</b>")
    assert page.all(".exchange img, .exchange b") == []


def test_a_link_shows_a_kept_answer_again(page: Page, question: str) -> None:
    text = page.ask(question).text
    answer_id = page.answer()["id"]
    page.click("button[aria-label='Bad answer']")
    page.open(f"/?answer={answer_id}")
    assert page.find(".exchange .text").text == text
    page.expect("button[aria-label='Bad answer'][aria-pressed=true]")


def test_a_follow_up_of_a_kept_answer_stays_when_the_reader_comes_back(page: Page, question: str) -> None:
    page.ask(question)
    page.open(f"/?answer={page.answer()['id']}")
    page.expect(".exchange .foot")
    page.ask("And alpha of an adapter?")
    page.click(".views a[href='/documents']")
    page.expect(".documents")
    page.driver.back()
    page.expect(".exchange .question", "And alpha of an adapter?")
    assert len(page.all(".exchange")) == 2


def test_a_link_to_no_answer_is_told_and_can_be_left(page: Page) -> None:
    for way_out in (".views a[href='/']", ".dock-row button"):
        page.open("/?answer=none")
        page.expect(".conversation [role=alert]")
        page.click(way_out)
        page.expect(".welcome h1")
        assert page.all(".conversation [role=alert]") == []


def test_the_answer_is_copied_with_its_sources(page: Page, question: str) -> None:
    permission = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"], "origin": page.url}
    page.driver.execute_cdp_cmd("Browser.grantPermissions", permission)  # pyright: ignore[reportUnknownMemberType]
    page.ask(question)
    page.click("button[aria-label='Copy the answer with its sources']")
    page.expect(".outcome", "Copied.")
    copied = page.script("return navigator.clipboard.readText()")
    answer = page.answer()
    assert copied.startswith(answer["text"])
    assert all(citation["quote"] in copied for citation in answer["citations"])


def test_what_the_collection_holds_is_shown_before_the_first_question(
    page: Page, shaped: ShapedPipeline
) -> None:
    page.expect(".holdings", "3 documents · 8 passages")
    page.click(".among-document", "Operating Troika")
    page.expect(".source .document", "Copy it while the server runs")


def test_the_interface_is_described_without_another_host(page: Page) -> None:
    page.open("/docs")
    page.expect(".swagger-ui .opblock")
    assert any("query" in path.text for path in page.all(".opblock-summary-path"))


@pytest.mark.parametrize("path", ["/", "/documents", "/compare", "/operator"])
def test_every_view_is_served_under_a_strict_policy(server_url: str, path: str) -> None:
    response = httpx.get(server_url + path)
    policy = response.headers["content-security-policy"]
    assert response.status_code == 200
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
