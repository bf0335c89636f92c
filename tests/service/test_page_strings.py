"""The page has words for everything that the service can say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ingest.errors import EmptyQuestionError, FeedbackError, NoTermsError, TroikaError, UploadError
from service.answer import Degradation, Served
from service.http_errors import STATUS_OF

SOURCE = Path(__file__).parents[2] / "service" / "web" / "src"
STRINGS = SOURCE / "ask" / "strings.ts"
PROBLEMS = SOURCE / "api" / "strings.ts"
LANGUAGES = 2

WITHOUT_A_CLASS = {
    "cross_origin",
    "internal_error",
    "json_invalid",
    "method_not_allowed",
    "request_invalid",
    "request_refused",
    "request_too_large",
    "route_not_found",
    "unknown_host",
}
"""Codes of problems that are no ``TroikaError``."""

OF_THE_PAGE = {"network", "interrupted", "outdated"}
"""Codes of problems that the page finds by itself."""

WITH_THE_STATUS_OF_THEIR_PARENT = {EmptyQuestionError, FeedbackError, NoTermsError, UploadError}
"""What the page's own requests can meet, besides the errors that the table of statuses names."""

SENT = {kind.code for kind in (*STATUS_OF, *WITH_THE_STATUS_OF_THEIR_PARENT)} | WITHOUT_A_CLASS


def every_code(kind: type[TroikaError] = TroikaError) -> set[str]:
    return {kind.code}.union(*(every_code(child) for child in kind.__subclasses__()))


def told(language: str) -> set[str]:
    """The codes that the page has words for."""
    found = re.search(
        rf"^  {language}: {{\n(.*?)^  }},$", PROBLEMS.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert found is not None
    return set(re.findall(r"^    (\w+):", found[1], re.MULTILINE))


@pytest.mark.parametrize("reason", [*Degradation, *Served])
def test_every_way_to_another_kind_of_answer_is_told_in_each_language(reason: Degradation | Served) -> None:
    assert STRINGS.read_text("utf-8").count(f"{reason.value}:") == LANGUAGES


def test_every_problem_that_can_be_sent_is_told_in_chinese() -> None:
    """The server's own words are English."""
    assert (SENT | OF_THE_PAGE) - told("zh") == set()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_words_are_kept_for_a_problem_that_there_is_not(language: str) -> None:
    assert told(language) - every_code() - WITHOUT_A_CLASS - OF_THE_PAGE == set()


def test_what_the_page_finds_by_itself_is_told_in_english_too() -> None:
    assert told("en") >= OF_THE_PAGE
