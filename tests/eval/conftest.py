"""Fixtures of the evaluation tests."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def one_embedder(shared_embedders: None) -> None:
    """None of these tests is about opening an embedder."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
