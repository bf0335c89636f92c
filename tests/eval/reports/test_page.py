"""The page of a report: whole in itself, legible without a script, and deaf to markup in its texts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from lxml import html

from eval.cases.case import Relevant
from eval.measures.answers import answer_measures
from eval.reports.answer_report import report_answers
from eval.reports.figure import shown
from eval.reports.page import render_page
from eval.runs.record import CaseRecord, RunIdentity
from tests.eval.reports.records import ANSWER, CASE, IDENTITY, RECORDS, RIGHT, citation, passage

HOSTILE = """</mark></style></script><script>alert(1)</script><img src=x onerror="alert(2)">{{ 7*7 }}'"&"""


def page(*records: CaseRecord, identity: RunIdentity = IDENTITY) -> str:
    ordered = sorted(records, key=lambda record: record.case.id)
    return render_page(report_answers(identity, ordered, answer_measures(ordered)), ordered)


@pytest.fixture(scope="module")
def text() -> str:
    return page(*RECORDS)


@pytest.fixture(scope="module")
def tree(text: str) -> Any:
    return html.fromstring(text)


def words(element: Any) -> str:
    return " ".join(element.text_content().split())


def test_nothing_is_loaded_and_nothing_runs(text: str, tree: Any) -> None:
    assert tree.xpath("//script | //link | //img | //iframe | //object") == []
    assert tree.xpath("//@href | //@src | //@onclick") == []
    assert re.findall(r"url\(|@import", text) == []
    (policy,) = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy.startswith("default-src 'none'")


def test_light_dark_and_paper_are_provided_for(text: str) -> None:
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_tables_and_plots_can_be_read_aloud(tree: Any) -> None:
    assert tree.xpath("//html/@lang") == ["en"]
    assert tree.xpath("//table[not(caption)] | //th[not(@scope)]") == []
    plots = tree.xpath("//figure/svg")
    assert {plot.xpath("string(title)") for plot in plots} == {
        "Expected document found",
        "nDCG of the expected documents",
        "Risk and coverage",
        "Calibration",
        "Time to answer",
    }
    assert all(plot.get("role") == "img" for plot in plots)
    assert tree.xpath("//svg[not(@role='img') and not(@aria-hidden)]") == []


def test_the_worst_cases_are_told_whole(tree: Any) -> None:
    cases = {case.xpath("string(.//p/code)"): words(case) for case in tree.xpath("//article")}
    assert set(cases) == {"invented", "missed", "wrong", "refused", "failed"}
    assert "generator ignored" in cases["wrong"]
    assert "三千" in cases["wrong"]
    assert "A refusal: the documents don't hold the answer." in cases["invented"]
    assert "expected document not found" in cases["missed"]
    assert "generator_failed it broke." in cases["failed"]


def test_texts_are_in_their_language(tree: Any) -> None:
    (case,) = tree.xpath("//article[.//code='wrong']")
    assert case.xpath("string(h3/@lang)") == "zh"
    assert words(case.xpath(".//p[@class='said'][@lang='zh']")[0]) == "二百五十六 [1]。"
    assert case.xpath(".//details/p/@lang") == ["en"]


def test_citations_are_marked_in_the_answer_and_in_the_passage(tree: Any) -> None:
    (case,) = tree.xpath("//article[.//code='invented']")
    assert [words(mark) for mark in case.xpath(".//mark[@class='supported']")] == [
        "It reads 256 word pieces [1].",
        "At most 256 word pieces are read.",
    ]


def test_no_text_is_markup() -> None:
    case = replace(
        CASE,
        id=HOSTILE,
        question=HOSTILE,
        language=HOSTILE,
        answers=(HOSTILE,),
        relevant=(Relevant(HOSTILE, HOSTILE),),
        tags=(HOSTILE,),
        history=(HOSTILE,),
    )
    cited = replace(citation(0, 3), quote=HOSTILE, uri=HOSTILE, right=False)
    answer = replace(
        ANSWER,
        text=HOSTILE,
        language=HOSTILE,
        abstained=True,
        citations=(cited,),
        passages=(replace(passage(text=HOSTILE), title=HOSTILE, uri=HOSTILE),),
        timings_ms={HOSTILE: 1.0},
    )
    hostile = page(
        CaseRecord(case, answer, ranks=(1,)), identity=replace(IDENTITY, name=HOSTILE, cases_path=HOSTILE)
    )
    tree = html.fromstring(hostile)
    assert tree.xpath("//script | //img | //@onerror") == []
    assert "49" not in {words(element) for element in tree.xpath("//*")}
    assert words(tree.xpath("//h1")[0]) == HOSTILE
    assert words(tree.xpath("//article/h3")[0]) == HOSTILE


def test_a_run_without_fault_has_a_page() -> None:
    assert "Nothing is wrong with any case." in page(RIGHT)


def test_only_the_worst_twenty_are_told() -> None:
    many = [replace(RECORDS[1], case=replace(RECORDS[1].case, id=f"{number:02}")) for number in range(30)]
    assert len(html.fromstring(page(*many)).xpath("//article")) == 20


@pytest.mark.parametrize(
    ("value", "seen"),
    [(None, "–"), (0.0, "0.000"), (0.5, "0.500"), (0.00012, "0.00012"), (12.34, "12.3"), (9815.2, "9,815")],
)
def test_figures_are_as_exact_as_they_need_be(value: float | None, seen: str) -> None:
    assert shown(value) == seen
