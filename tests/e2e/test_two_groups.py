"""Two groups ask one server about one collection, with every cache on: neither sees what is the other's."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from pathlib import Path
from random import Random

import httpx
import pytest

from ingest.choices import AuthMode, GeneratorKind
from ingest.document import Document
from ingest.filters.access import may_see
from ingest.pipeline import ingest_documents
from ingest.settings import CacheSettings, GeneratorSettings, Settings
from ingest.settings_access import AuthSettings, LimitSettings
from ingest.sources.faq import FAQ_SCHEME, QUESTIONS
from ingest.sources.metadata import ACL
from service.access.caller import Scope
from service.access.key_store import KeyStore
from service.access.keys import KeyGrant
from service.app import create_app
from service.history.history import open_history
from service.server import open_parts
from tests.small_handbook import make_document

pytestmark = pytest.mark.anyio

GROUPS = {"in-a": {"a"}, "in-b": {"b"}, "in-both": {"a", "b"}, "in-none": set[str]()}
LISTS = (("a",), ("b",), ("a", "b"), ())
PROJECTS = tuple(
    f"{first}{second}"
    for first, second in product(("Her", "Kes", "Mar", "Tol"), ("on", "trel", "len", "dan", "vik"))
)
WORDINGS = (
    "What is the access code of project {}?",
    "what is the access code of the project {}",
    "Which access code does project {} have?",
    "Access code of project {}, please",
    "项目 {} 的访问代码是什么？",
)
CURATED = "Whom do I call when the lift is stuck?"
TOGETHER = 8


def documents() -> Iterator[Document]:
    """The same things said of the same projects for each access list, with a code that tells which it was."""
    for number, acl in enumerate(LISTS):
        owner = "".join(acl) or "all"
        for project in PROJECTS:
            code = f"zq{owner}{project.lower()}"
            text = (
                f"# Project {project}\n\nThe access code of project {project} is {code}. It opens the gate.\n"
            )
            made = make_document(f"{owner}-{project}-{code}.md", f"Project {project}", text)
            yield replace(made, metadata={ACL: acl} if acl else {})
        if acl:
            text = f"Call the desk zqdesk{owner} on the ground floor, line {number}.\n"
            made = make_document(f"desk-{owner}.md", CURATED, text)
            curated = f"{FAQ_SCHEME}///desks.csv#zqdesk{owner}"
            yield replace(made, uri=curated, metadata={ACL: acl, QUESTIONS: (CURATED,)})


@dataclass
class Watch:
    """What each asker must never be told, and what they were."""

    foreign: dict[str, frozenset[str]]
    answers: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in GROUPS})
    served: Counter[str] = field(default_factory=Counter[str])
    cited: int = 0

    @classmethod
    def over(cls, made: list[Document]) -> Watch:
        def words(document: Document) -> set[str]:
            return {document.id, *re.findall(r"zq\w+", document.uri)}

        return cls(
            {
                name: frozenset(
                    word
                    for document in made
                    if not may_see(document.metadata, groups)
                    for word in words(document)
                )
                for name, groups in GROUPS.items()
            }
        )

    def leaks(self, name: str, told: str) -> frozenset[str]:
        return self.foreign[name] & set(re.findall(r"\w+", told))


@dataclass
class Askers:
    """Everybody with a key, asking at random."""

    clients: dict[str, httpx.AsyncClient]
    watch: Watch
    ids: list[str]
    random: Random = field(default_factory=lambda: Random(7))

    async def ask(self) -> None:
        name = self.random.choice(list(GROUPS))
        client = self.clients[name]
        question = self.random.choice(WORDINGS).format(self.random.choice(PROJECTS))
        match self.random.choices(("query", "stream", "search", "curated", "read"), (50, 10, 20, 5, 15))[0]:
            case "query":
                await self._query(name, client, question)
            case "curated":
                await self._query(name, client, CURATED)
            case "stream":
                told = await client.post("/v1/query", json={"question": question, "stream": True})
                self._check(name, told)
            case "search":
                told = await client.post("/v1/search", json={"query": question, "k": 20})
                self._check(name, told)
            case _:
                await self._read(name, client)

    async def _query(self, name: str, client: httpx.AsyncClient, question: str) -> None:
        told = await client.post("/v1/query", json={"question": question})
        self._check(name, told)
        body = told.json()
        self.watch.answers[name].append(body["id"])
        self.watch.served[str(body["cache"])] += 1
        self.watch.cited += len(body["citations"])

    async def _read(self, name: str, client: httpx.AsyncClient) -> None:
        """A document and an answer by their ids, be they one's own or not."""
        document_id = self.random.choice(self.ids)
        told = await client.get(f"/v1/documents/{document_id}")
        assert told.status_code == (404 if document_id in self.watch.foreign[name] else 200)
        if told.status_code == 200:
            self._check(name, told)
        other = self.random.choice(list(GROUPS))
        if self.watch.answers[other]:
            answer_id = self.random.choice(self.watch.answers[other])
            told = await client.get(f"/v1/answers/{answer_id}")
            judged = await client.post("/v1/feedback", json={"answer_id": answer_id, "verdict": "up"})
            expected = (200, 201) if other == name else (404, 404)
            assert (told.status_code, judged.status_code) == expected
            assert not self.watch.leaks(name, told.text + judged.text)

    def _check(self, name: str, told: httpx.Response) -> None:
        assert told.status_code == 200, told.text
        assert not self.watch.leaks(name, told.text), (name, told.text)


async def ask_many(home: Path, queries: int) -> Watch:
    """Put ``queries`` questions to a server over ``home``."""
    settings = Settings(
        home=home,
        generator=GeneratorSettings(kind=GeneratorKind.EXTRACTIVE),
        cache=CacheSettings(exact=True, semantic=True),
        auth=AuthSettings(mode=AuthMode.KEYS),
        limits=LimitSettings(concurrent_answers=TOGETHER),
    )
    made = list(documents())
    ingest_documents(made, settings.collection, settings)
    store = KeyStore(home)
    scopes = frozenset({Scope.QUERY, Scope.FEEDBACK})
    keys = {
        name: store.create(KeyGrant(name, scopes, frozenset(groups)))[0] for name, groups in GROUPS.items()
    }
    store.close()
    app = create_app(settings, open_parts(settings))
    async with app.router.lifespan_context(app):
        clients = {
            name: httpx.AsyncClient(
                transport=httpx.ASGITransport(app),
                base_url="http://localhost",
                headers={"x-api-key": key},
                timeout=120,
            )
            for name, key in keys.items()
        }
        askers = Askers(clients, Watch.over(made), [document.id for document in made])
        asked = iter(range(queries))

        async def keep_asking() -> None:
            for _ in asked:
                await askers.ask()

        async with asyncio.TaskGroup() as group:
            for _ in range(TOGETHER):
                group.create_task(keep_asking())
        for client in clients.values():
            await client.aclose()
    check_history(settings, askers.watch)
    return askers.watch


def check_history(settings: Settings, watch: Watch) -> None:
    """Nothing that an asker's answers are kept with is foreign to them."""
    history = open_history(settings)
    kept = Counter[str]()
    for stored in history.answers():
        asker = stored.answer.asker
        assert asker is not None
        kept[asker] += 1
        assert not watch.leaks(asker, json.dumps(asdict(stored.answer), default=str, ensure_ascii=False))
    history.close()
    assert all(kept[name] >= len(ids) for name, ids in watch.answers.items())


def check_logs(watch: Watch, records: list[logging.LogRecord]) -> None:
    """No log tells of any document that is not for all."""
    every: frozenset[str] = frozenset().union(*watch.foreign.values())
    logged = "\n".join(
        f"{record.getMessage()} {record.__dict__}" for record in records if record.name != "httpx"
    )
    assert not every & set(re.findall(r"\w+", logged))


@pytest.mark.parametrize("queries", [200, pytest.param(20_000, marks=pytest.mark.slow)])
async def test_no_group_is_told_what_is_anothers(
    home: Path, queries: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    watch = await ask_many(home, queries)
    assert watch.cited > queries / 10
    assert set(watch.served) >= {"None", "exact", "semantic", "faq"}
    check_logs(watch, caplog.records)
