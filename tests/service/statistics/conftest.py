"""A history on both of its databases."""

from __future__ import annotations

from tests.service.history.conftest import answer, history, place, server, server_url

__all__ = ["answer", "history", "place", "server", "server_url"]
