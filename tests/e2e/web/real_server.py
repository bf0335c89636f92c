"""A server that really ingests, over a home that outlives it, for the page's documents."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from ingest.settings import load_settings
from service.app import create_app
from service.server import open_parts
from tests.e2e.web.conftest import Page, served

SECONDS = 240.0
"""An ingest loads the embedder, on machines that may be busy."""


def make_home(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Path:
    home = tmp_path_factory.mktemp("home")
    (home / "models").symlink_to(models)
    return home


@contextmanager
def ingesting(home: Path, web_dist: Path, **settings: object) -> Iterator[str]:
    """The address of a server whose reader is in the group hr."""
    overrides = {
        "home": home,
        "generator.kind": "extractive",
        "jobs.keep_free_bytes": 0,
        "retrieval.groups": ("hr",),
        **settings,
    }
    loaded = load_settings(overrides, environment={}, directory=home)
    with served(create_app(loaded, open_parts(loaded), web_dist)) as url:
        yield url


def upload(url: str, **files: bytes) -> None:
    """Have files ingested; ``a_pdf`` is called a.pdf."""
    parts = [("files", (name.replace("_", "."), content)) for name, content in files.items()]
    accepted = httpx.post(f"{url}/v1/documents", files=parts, timeout=60)
    assert accepted.status_code == 202, accepted.text
    place = f"{url}{accepted.headers['location']}"
    until(lambda: httpx.get(place, timeout=60).json()["state"] == "succeeded")


def until(holds: Callable[[], object]) -> None:
    """Wait as long as an ingest may take."""
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def texts(page: Page, selector: str) -> list[str]:
    """What all elements that match say now."""
    script = "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.trim())"
    return page.script(script, selector)
