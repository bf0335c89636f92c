"""The application over a fake pipeline, as the tests of what is told of it ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from ingest.settings import Settings
from service.app import Parts, create_app
from service.history.history import open_history
from service.observe.observation import Observation
from tests.fakes import MemoryPipeline, OnePipeline
from tests.small_handbook import small_handbook

QUESTION = "Which rank is the default for an adapter?"


@dataclass
class Serving:
    """A client of the application, and what stands behind it."""

    client: httpx.AsyncClient
    pipeline: MemoryPipeline
    parts: Parts

    async def metric(self, name: str, **labels: str) -> float:
        """A sample as ``/metrics`` tells it; 0 where there is none."""
        assert (await self.client.get("/metrics")).status_code == 200
        return self.parts.observation.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def serving(settings: Settings, observation: Observation | None = None) -> AsyncIterator[Serving]:
    history = open_history(settings)
    pipeline = MemoryPipeline(small_handbook(), history)
    parts = Parts(OnePipeline(pipeline), history, observation=observation or Observation())
    transport = httpx.ASGITransport(create_app(settings, parts), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield Serving(client, pipeline, parts)
    history.close()


def in_home(home: Path) -> Settings:
    return Settings(home=home, collection="default")
