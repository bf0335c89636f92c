"""axe-core over every view, light and dark, in both languages (WCAG 2.2 A and AA)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.web.conftest import Page

AXE = Path(__file__).parents[3] / "service" / "web" / "node_modules" / "axe-core" / "axe.min.js"
VIEWS = ("/", "/documents", "/compare", "/operator")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CHECK = """
const [rules, done] = arguments;
axe.run(document, { runOnly: rules }).then((found) => done(found.violations.map(
  ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`)));
"""


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.is_file():
        pytest.skip("needs axe-core: run `npm ci` in service/web")
    return AXE.read_text("utf-8")


def violations(page: Page, axe: str) -> list[str]:
    """What is wrong with the page as it is now. The debugger's scripts are not under the page's policy."""
    page.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})  # pyright: ignore[reportUnknownMemberType]
    return page.driver.execute_async_script(CHECK, RULES)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_view_breaks_a_rule(page: Page, axe: str, theme: str, language: str) -> None:
    page.script(
        "localStorage.setItem('troika.theme', arguments[0]);"
        "localStorage.setItem('troika.language', arguments[1])",
        theme,
        language,
    )
    found: dict[str, list[str]] = {}
    for path in VIEWS:
        page.open(path)
        page.expect("main h1")
        page.gone(".waiting")
        found[path] = violations(page, axe)
    assert {path: broken for path, broken in found.items() if broken} == {}


def test_an_answer_with_its_source_breaks_no_rule(page: Page, axe: str, question: str) -> None:
    page.ask(question)
    page.click(".exchange:last-child .cite")
    page.expect(".document mark")
    page.click(".feedback button", "Suggest a correction")
    assert violations(page, axe) == []
    page.resize(390, 844)
    assert violations(page, axe) == []
