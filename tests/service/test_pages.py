"""The page and the description of the interface: served under strict policies, or told to be missing."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from ingest.settings import Settings
from service.access.policy import DOCS_PATH, DOCS_POLICY, PAGE_PATHS, PAGE_POLICY
from service.app import Parts, create_app
from service.history.history import History
from service.routes.pages import WEB_FOLDER
from tests.fakes import MemoryPipeline, OnePipeline
from tests.small_handbook import small_handbook

pytestmark = pytest.mark.anyio

PAGES = [*((path, PAGE_POLICY) for path in PAGE_PATHS), (DOCS_PATH, DOCS_POLICY)]


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder as Vite leaves it."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>page</title>")
    (folder / "docs.html").write_text("<title>docs</title>")
    (folder / "assets" / "index-1a2b.js").write_text("0")
    return folder


def client(web: Path, home: Path) -> httpx.AsyncClient:
    history = History(home / "history.sqlite")
    parts = Parts(OnePipeline(MemoryPipeline(small_handbook(), history)), history)
    app = create_app(Settings(home=home), parts, web)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


@pytest.mark.parametrize(("path", "policy"), PAGES)
async def test_a_page_is_asked_about_and_runs_only_what_is_this_hosts(
    built: Path, tmp_path: Path, path: str, policy: str
) -> None:
    async with client(built, tmp_path) as reader:
        response = await reader.get(path)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["content-security-policy"] == policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


async def test_built_files_are_kept_for_ever_and_others_asked_about(built: Path, tmp_path: Path) -> None:
    async with client(built, tmp_path) as reader:
        script = await reader.get("/assets/index-1a2b.js")
        swagger = await reader.get("/swagger/swagger-ui.css")
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert swagger.headers["cache-control"] == "no-cache"


async def test_assets_do_not_reach_outside_their_folder(built: Path, tmp_path: Path) -> None:
    async with client(built, tmp_path) as reader:
        for path in ("/assets/../index.html", "/assets/%2e%2e/index.html", "/assets/..%2findex.html"):
            assert (await reader.get(path)).status_code == 404


async def test_a_page_that_was_not_built_says_how_to_and_the_interface_goes_on(tmp_path: Path) -> None:
    async with client(tmp_path / "nothing", tmp_path) as reader:
        page, asset = await reader.get("/"), await reader.get("/assets/index-1a2b.js")
        collections = await reader.get("/v1/collections")
    assert page.status_code == 503
    assert "make web" in page.text
    assert asset.status_code == 404
    assert collections.status_code == 200


@pytest.mark.parametrize("name", ["index.html", "docs.html"])
def test_the_built_page_holds_no_inline_script_or_style_and_names_no_other_host(name: str) -> None:
    if not (WEB_FOLDER / name).is_file():
        pytest.skip("needs the built page: run `make web`")
    page = (WEB_FOLDER / name).read_text("utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", page)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page)
