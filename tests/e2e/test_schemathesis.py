"""The whole described interface of the real application, called in all the ways that schemathesis thinks of.

No call may lead to a 5xx, to an answer that is not as described, or round the authentication.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import schemathesis
from fastapi import FastAPI
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.python.asgi import shutdown_lifespans

from ingest.pipeline import ingest_documents
from ingest.settings import load_settings
from service.access.caller import Scope
from service.access.key_store import KeyStore
from service.access.keys import KeyGrant
from service.app import create_app
from service.jobs.runner import JobRunner
from service.server import open_parts
from tests.small_handbook import small_handbook

# A request that is as described may be refused: for an unknown collection, a filter that makes no sense.
# What is deleted is there for a while: a job to delete documents is queued, a cancelled job is still shown.
CONFIG = """
seed = 7
continue-on-failure = true

[checks]
positive_data_acceptance.enabled = false
use_after_free.enabled = false

[generation]
max-examples = {examples}
deterministic = true
database = "none"

[phases]
coverage.enabled = {all_phases}
stateful.enabled = {all_phases}

[auth.openapi]
bearer = {{ bearer = "{key}" }}
"""


class IdleJobs(JobRunner):
    """Takes jobs, and does none: an ingest for each of thousands of calls would take a day."""

    async def start(self) -> None:
        """Nothing."""


@dataclass
class Called:
    """How many calls each operation got, and what was wrong."""

    calls: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])


def application(home: Path, tmp_path: Path) -> tuple[FastAPI, str]:
    """The application over a real collection, which asks for keys; and one that may do everything."""
    overrides = {"home": home, "generator.kind": "extractive", "auth.mode": "keys"}
    settings = load_settings(overrides, environment={}, directory=tmp_path)
    ingest_documents(small_handbook(), settings.collection, settings)
    keys = KeyStore(home)
    key, _ = keys.create(KeyGrant("fuzzer", frozenset({Scope.ADMIN})))
    keys.close()
    parts = open_parts(settings)
    assert parts.jobs is not None
    return create_app(settings, replace(parts, jobs=IdleJobs(settings, parts.jobs.store))), key


def call_all(app: FastAPI, key: str, examples: int, *, all_phases: bool) -> Called:
    config = CONFIG.format(examples=examples, all_phases=str(all_phases).lower(), key=key)
    described = schemathesis.openapi.from_asgi(
        "/openapi.json", app, config=SchemathesisConfig.from_str(config)
    )
    called = Called()
    for event in from_schema(described).execute():
        if isinstance(event, events.ScenarioFinished):
            called.calls[event.recorder.label] += len(event.recorder.cases)
            checks = [check for found in event.recorder.checks.values() for check in found]
            called.wrong += [
                f"{check.name}: {check.failure_info.failure} {check.failure_info.code_sample}"
                for check in checks
                if check.failure_info is not None
            ]
        elif isinstance(event, events.NonFatalError):
            called.wrong.append(f"{event.label}: {event.info}")
        elif isinstance(event, events.FatalError):
            called.wrong.append(repr(event.exception))
    shutdown_lifespans()
    return called


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("examples", "all_phases"), [(5, False), pytest.param(300, True, marks=pytest.mark.slow)]
)
def test_every_operation_keeps_to_its_description_whatever_it_is_sent(
    home: Path, tmp_path: Path, examples: int, all_phases: bool
) -> None:
    app, key = application(home, tmp_path)
    called = call_all(app, key, examples, all_phases=all_phases)
    assert called.wrong == []
    operations = {
        f"{method.upper()} {path}" for path, methods in app.openapi()["paths"].items() for method in methods
    }
    assert operations <= called.calls.keys()
