"""Documents in a real browser: what a collection holds, uploads, jobs, deletion, earlier states."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from selenium.webdriver import Keys

from ingest.snapshots.collection import Collection
from service.access.caller import Scope
from service.access.key_store import KeyStore
from service.access.keys import KeyGrant
from tests.e2e.web.conftest import Page
from tests.e2e.web.real_server import ingesting, make_home, texts, until, upload

NAMES = ".documents-table .documents-name"
STATES = ".documents-jobs .documents-state"
DROP = """
const transfer = new DataTransfer();
for (const [name, text] of arguments[0]) transfer.items.add(new File([text], name));
const form = document.querySelector(".documents-form");
for (const kind of ["dragover", "drop"]) {
  form.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, shared_models: Path) -> Path:
    return make_home(tmp_path_factory, shared_models)


@pytest.fixture(scope="module")
def server_url(home: Path, web_dist: Path) -> Iterator[str]:
    """A server with two documents that all may see."""
    with ingesting(home, web_dist) as url:
        upload(
            url,
            parking_md=b"# Parking\n\nThe garage on Elm Street closes at 21:30.\n",
            rules_md=b"# Rules\n\nA visitor is met at the gate.\n",
        )
        yield url


@pytest.fixture
def documents(page: Page) -> Page:
    """The view, with the list read."""
    page.click(".views a[href='/documents']")
    page.expect(NAMES)
    return page


def choose(page: Page, folder: Path, **files: str) -> None:
    """Choose files as by the button's dialog; ``a_md`` is called a.md."""
    for name, text in files.items():
        path = folder / name.replace("_", ".")
        path.write_text(text)
        page.all("#files")[0].send_keys(str(path))


def test_what_the_collection_holds_is_told_and_can_be_filtered_and_opened(documents: Page) -> None:
    assert "documents" in documents.find(".documents-summary").text
    assert "parking.md" in texts(documents, NAMES)
    documents.find(".documents-filter").send_keys("no such thing")
    documents.find(".documents-none", "None of these matches")
    documents.find(".documents-filter").clear()
    documents.find(".documents-filter").send_keys("PARKING")
    until(lambda: texts(documents, NAMES) == ["parking.md"])
    documents.click(".documents-open")
    assert "closes at 21:30" in documents.find(".source .source-scroll").text
    documents.press(Keys.ESCAPE)
    documents.gone(".source")
    assert documents.script("return document.activeElement.className") == "documents-open"


def test_uploaded_files_are_ingested_and_what_cannot_be_read_is_told(documents: Page, tmp_path: Path) -> None:
    choose(documents, tmp_path, badges_md="# Badges\n\nA lost badge is reported.\n", broken_pdf="%PDF-1.7 no")
    documents.find("#acl").send_keys("hr")
    documents.click(".documents-form button[type=submit]")
    until(lambda: texts(documents, STATES)[:1] == ["done"])
    until(lambda: "badges.md" in texts(documents, NAMES))
    assert "hr" in documents.find(".documents-table tr", "badges.md").text
    failure = documents.find(".documents-jobs details").text
    assert "1 file could not be read" in failure
    assert "broken.pdf" in failure
    assert documents.all(".documents-files li") == []
    said = "return document.querySelector('.frame > [aria-live]').textContent"
    assert documents.script(said) == "badges.md and 1 more: done"


def test_dropped_files_are_chosen_and_can_be_left_out(documents: Page) -> None:
    documents.script(DROP, [["lunch.md", "# Lunch"], ["报告.md", "# 报告"], ["lunch.md", "# Lunch, again"]])
    assert texts(documents, ".documents-files .documents-name") == ["lunch.md", "报告.md"]
    documents.click(".documents-files [aria-label='Leave out lunch.md']")
    assert texts(documents, ".documents-files .documents-name") == ["报告.md"]
    documents.click(".documents-files [aria-label='Leave out 报告.md']")
    documents.gone(".documents-form button[type=submit]")


def test_what_the_server_refuses_is_told_and_can_be_mended(documents: Page, tmp_path: Path) -> None:
    choose(documents, tmp_path, notes_md="# Notes\n")
    documents.find("#acl").send_keys(",")
    documents.click(".documents-form button[type=submit]")
    assert "acl" in documents.find(".documents-form [role=alert]").text
    assert documents.find(".documents-form button[type=submit]").text == "Try again"
    documents.log("browser")  # the refusal is written down


def test_a_job_that_waits_is_cancelled(documents: Page, home: Path, tmp_path: Path) -> None:
    with Collection(home, "default").writing():
        choose(documents, tmp_path, later_md="# Later\n")
        documents.click(".documents-form button[type=submit]")
        until(lambda: texts(documents, STATES)[:1] == ["waiting"])
        documents.click(".documents-jobs button", "Cancel")
        until(lambda: texts(documents, STATES)[:1] == ["cancelled"])
    assert "later.md" not in texts(documents, NAMES)


def test_a_document_is_deleted_only_after_it_was_confirmed(documents: Page) -> None:
    documents.click("[aria-label='Delete rules.md']")
    documents.find("dialog", "rules.md")
    documents.press(Keys.ESCAPE)
    documents.gone("dialog")
    assert documents.script("return document.activeElement.ariaLabel") == "Delete rules.md"
    documents.click("[aria-label='Delete rules.md']")
    documents.click("dialog .danger")
    until(lambda: texts(documents, STATES)[:1] == ["done"])
    until(lambda: "rules.md" not in texts(documents, NAMES))


def test_an_earlier_state_is_gone_back_to_after_it_was_confirmed(documents: Page, server_url: str) -> None:
    def kept() -> dict[bool, list[dict[str, Any]]]:
        """The snapshots that are current, and the others."""
        found = httpx.get(f"{server_url}/v1/snapshots").json()["snapshots"]
        return {current: [one for one in found if one["current"] is current] for current in (True, False)}

    if not kept()[False]:
        upload(server_url, one_more_md=b"# One more\n")
        documents.open("/documents")
    wanted = kept()[False][0]
    item = documents.find(".documents-snapshots li", wanted["id"])
    item.find_element("css selector", "button").click()
    documents.click("dialog .primary")
    documents.gone("dialog")
    assert kept()[True][0]["id"] == wanted["id"]
    until(lambda: "current" in documents.find(".documents-snapshots li", wanted["id"]).text)
    assert len(texts(documents, NAMES)) == wanted["documents"]


def test_a_key_that_may_only_read_is_told_so_in_words(page: Page, home: Path, web_dist: Path) -> None:
    keys = KeyStore(home)
    key, _ = keys.create(KeyGrant("reader", frozenset({Scope.QUERY})))
    keys.close()
    with ingesting(home, web_dist, **{"auth.mode": "keys"}) as url:
        page.driver.get(f"{url}/documents")
        page.find("#api-key").send_keys(key, Keys.ENTER)
        assert "scope “ingest”" in page.find(".documents-card .notice").text
        page.expect(NAMES, "parking.md")
        for selector in (
            ".documents-form",
            ".documents-jobs",
            ".documents-snapshots",
            ".documents-action button",
        ):
            assert page.all(selector) == []
        assert "documents" not in page.find(".documents-summary").text
        page.open("/documents")
    page.log("browser")
    page.log("performance")
