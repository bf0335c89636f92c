from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from ingest.settings import Settings
from ingest.settings_jobs import JobSettings
from service.access.caller import ANYONE, Caller, Scope
from service.app import Parts, create_app
from service.history.history import History
from service.jobs.job import JobEnd, JobKind, JobProgress, JobState, Stage
from service.jobs.runner import JobRunner
from service.jobs.store import JobStore
from service.jobs.uploads import UploadFolder
from tests.fakes import MemoryPipeline, OnePipeline
from tests.service.jobs.test_holdings import document, publish
from tests.small_handbook import small_handbook

pytestmark = pytest.mark.anyio


def key(name: str, *groups: str, scope: Scope = Scope.INGEST) -> Caller:
    return Caller(name, frozenset({scope, Scope.QUERY}), frozenset(groups))


@dataclass
class Server:
    """The application with a queue that nobody works on; ``caller`` sends every request."""

    home: Path
    jobs: JobSettings = field(default_factory=lambda: JobSettings(max_upload_bytes=20_000, max_files=3))
    caller: Caller = ANYONE

    def __post_init__(self) -> None:
        settings = Settings(home=self.home, jobs=self.jobs)
        self.store = JobStore(self.home / "jobs.sqlite")
        self.history = History(self.home / "history.sqlite")
        pipelines = OnePipeline(MemoryPipeline(small_handbook()))
        parts = Parts(pipelines, self.history, jobs=JobRunner(settings, self.store))
        self.app: FastAPI = create_app(settings, parts)
        self.app.middleware("http")(self._name_caller)

    async def _name_caller(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        request.state.caller = self.caller
        return await call_next(request)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://localhost")

    def close(self) -> None:
        self.store.close()
        self.history.close()

    def staged(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Text and metadata of all that waits, by name."""
        folder = UploadFolder(self.home, "default")
        names = {name for job in self.store.newest(100) for name in job.names}
        uploads = [upload for name in sorted(names) for upload in folder.versions(name)]
        return {u.name: (u.path.read_text(), dict(u.metadata())) for u in uploads}


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


@pytest.fixture
async def client(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with server.client() as opened:
        yield opened
    server.close()


def files(*names: str, text: str = "text") -> list[tuple[str, tuple[str, bytes]]]:
    return [("files", (name, text.encode())) for name in names]


async def test_files_are_kept_and_a_job_is_queued(client: httpx.AsyncClient, server: Server) -> None:
    data = {"metadata": json.dumps({"year": 2024}), "acl": "hr"}
    response = await client.post("/v1/documents", files=files("a.txt", "报告.md"), data=data)
    assert response.status_code == 202, response.text
    job = response.json()
    assert response.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["state"], job["collection"], job["kind"]) == ("queued", "default", "upload")
    assert job["documents"] == ["upload:///%E6%8A%A5%E5%91%8A.md", "upload:///a.txt"]
    assert server.staged()["报告.md"] == ("text", {"year": 2024, "acl": ("hr",)})
    assert (await client.get(response.headers["location"])).json() == job
    assert (await client.get("/v1/jobs")).json() == {"jobs": [job], "next": None}


async def test_a_text_is_kept_as_a_file(client: httpx.AsyncClient, server: Server) -> None:
    body = {"name": "n.md", "text": "# 题", "title": "T", "url": "https://wiki/n", "acl": ["hr"]}
    response = await client.post("/v1/documents?collection=default", json=body)
    assert response.status_code == 202, response.text
    assert server.staged() == {"n.md": ("# 题", {"title": "T", "url": "https://wiki/n", "acl": ("hr",)})}


async def test_the_same_request_under_the_same_key_gives_the_same_job(
    client: httpx.AsyncClient, server: Server
) -> None:
    async def send(text: str, value: str) -> httpx.Response:
        return await client.post(
            "/v1/documents", files=files("a.txt", text=text), headers={"Idempotency-Key": value}
        )

    first, again = await send("one", "k1"), await send("one", '"k1"')
    assert first.json()["id"] == again.json()["id"]
    other = await send("two", "k1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_invalid")
    assert len(server.store.newest(10)) == 1
    assert len(list((server.home / "uploads/default/.jobs").iterdir())) == 1
    assert (await send("one", "k2")).json()["id"] != first.json()["id"]
    assert (await send("one", '""')).status_code == 422


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"files": files("a.txt", "a.txt")}, 400, "upload_invalid"),
    ({"files": files("a", "b", "c", "d")}, 400, "upload_invalid"),
    ({"files": files("..")}, 400, "upload_invalid"),
    ({"files": files("x.meta.json")}, 400, "upload_invalid"),
    ({"files": files("a.txt"), "data": {"acl": ","}}, 400, "upload_invalid"),
    ({"files": files("a.txt"), "data": {"unknown": "x"}}, 400, "upload_invalid"),
    ({"data": {"acl": "hr"}}, 400, "upload_invalid"),
    (
        {"content": b"--b--", "headers": {"content-type": "multipart/form-data; boundary=b"}},
        400,
        "upload_invalid",
    ),
    ({"content": b"text", "headers": {"content-type": "text/plain"}}, 400, "upload_invalid"),
    ({"files": files("a.txt", text="x" * 30_000)}, 413, "request_too_large"),
    ({"json": {"name": "a.txt"}}, 422, "request_invalid"),
    ({"json": {"name": "a.txt", "text": "x", "more": 1}}, 422, "request_invalid"),
    ({"content": b"{", "headers": {"content-type": "application/json"}}, 422, "json_invalid"),
    (
        {"content": b'{"name": "a", "text": "\\ud800"}', "headers": {"content-type": "application/json"}},
        422,
        "json_invalid",
    ),
    ({"json": {"name": "a.txt", "text": "x", "metadata": {"a": {}}}}, 400, "upload_invalid"),
    (
        {"json": {"name": "a.txt", "text": "x"}, "params": {"collection": "../x"}},
        400,
        "collection_name_invalid",
    ),
    (
        {"json": {"name": "a.txt", "text": "x"}, "headers": {"Idempotency-Key": "k" * 300}},
        422,
        "request_invalid",
    ),
]


async def test_what_cannot_be_taken_is_refused_and_leaves_nothing(
    client: httpx.AsyncClient, server: Server
) -> None:
    for sent, status, code in REFUSED:
        response = await client.post("/v1/documents", **sent)
        assert (response.status_code, response.json().get("code")) == (status, code), sent
    assert server.store.newest(10) == []
    assert list((server.home / "uploads").rglob("*.jobs/*")) == []


async def test_a_name_with_a_path_stays_inside(
    client: httpx.AsyncClient, server: Server, tmp_path: Path
) -> None:
    names = ("../../../../escaped.txt", "..\\..\\escaped.txt", "/tmp/escaped.txt", "a/../../escaped.txt")
    for name in names:
        response = await client.post("/v1/documents", files=files(name))
        assert response.json()["documents"] == ["upload:///escaped.txt"]
    kept = list(tmp_path.rglob("escaped.txt"))
    assert len(kept) == len(names)
    assert all(path.is_relative_to(server.home / "uploads" / "default" / ".jobs") for path in kept)


async def test_a_full_disk_is_said(tmp_path: Path) -> None:
    server = Server(tmp_path, JobSettings(keep_free_bytes=10**18))
    async with server.client() as client:
        bodies: list[dict[str, Any]] = [{"files": files("a.txt")}, {"json": {"name": "a.txt", "text": "x"}}]
        for sent in bodies:
            response = await client.post("/v1/documents", **sent)
            assert (response.status_code, response.json()["code"]) == (507, "storage_failed")
    server.close()


async def test_an_uploader_in_groups_restricts_to_them(client: httpx.AsyncClient, server: Server) -> None:
    server.caller = key("ann", "hr", "board")
    refused = await client.post("/v1/documents", files=files("a.txt"), data={"acl": "hr,it"})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await client.post("/v1/documents", files=files("a.txt"))).status_code == 202
    assert (await client.post("/v1/documents", files=files("b.txt"), data={"acl": "hr"})).status_code == 202
    assert {name: kept[1] for name, kept in server.staged().items()} == {
        "a.txt": {"acl": ("board", "hr")},
        "b.txt": {"acl": ("hr",)},
    }
    server.caller = key("bob", "hr")
    assert (await client.post("/v1/documents", files=files("b.txt"))).status_code == 202
    assert (await client.post("/v1/documents", files=files("a.txt"))).status_code == 403
    server.caller = key("eve")
    assert (await client.post("/v1/documents", files=files("b.txt"))).status_code == 403
    assert (await client.post("/v1/documents", files=files("c.txt"))).status_code == 202
    assert server.staged()["c.txt"][1] == {}


async def held_document(server: Server, client: httpx.AsyncClient, *groups: str) -> str:
    """The id of ``a.md``, which was uploaded for these groups and is in the current snapshot."""
    server.caller = key("first", *groups)
    await client.post("/v1/documents", files=files("a.md"))
    (job,) = server.store.start([job.id for job in server.store.queued()])
    UploadFolder(server.home, "default").apply(job)
    server.store.end(job.id, JobEnd(JobState.SUCCEEDED))
    held = document("upload:///a.md", *groups)
    publish(server.home, (held, held.uri), collection="default")
    return held.id


async def test_a_document_is_not_deleted_by_whoever_may_not_touch_a_version_that_waits(
    client: httpx.AsyncClient, server: Server
) -> None:
    place = f"/v1/documents/{await held_document(server, client, 'hr')}"
    server.caller = key("ann", "hr", "board")
    added = await client.post("/v1/documents", files=files("a.md", text="new"), data={"acl": "board"})
    assert added.status_code == 202
    server.caller = key("bob", "hr")
    refused = await client.delete(place)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    server.caller = key("ann", "hr", "board")
    assert (await client.delete(place)).status_code == 202
    assert [job.kind for job in server.store.queued()] == [JobKind.UPLOAD, JobKind.DELETE]


async def test_what_arrived_after_a_deletion_was_asked_for_is_added_after_it(
    client: httpx.AsyncClient, server: Server
) -> None:
    place = f"/v1/documents/{await held_document(server, client, 'hr')}"
    begun, deleted = asyncio.Event(), asyncio.Event()

    async def slow_body() -> AsyncIterator[bytes]:
        yield b'{"name": "a.md", "acl": ["board"], '
        begun.set()
        await deleted.wait()
        yield b'"text": "new"}'

    server.caller = key("ann", "hr", "board")
    sent = {"content": slow_body(), "headers": {"content-type": "application/json"}}
    adding = asyncio.create_task(client.post("/v1/documents", **sent))
    await begun.wait()
    server.caller = key("bob", "hr")
    assert (await client.delete(place)).status_code == 202
    deleted.set()
    assert (await adding).status_code == 202
    assert [job.kind for job in server.store.queued()] == [JobKind.DELETE, JobKind.UPLOAD]
    assert server.store.queued()[1].asker == "ann"
    assert server.staged()["a.md"] == ("new", {"acl": ("board",)})


async def test_jobs_are_seen_by_whoever_began_them_and_by_admins(
    client: httpx.AsyncClient, server: Server
) -> None:
    server.caller = key("ann", "hr")
    place = (await client.post("/v1/documents", files=files("a.txt"))).headers["location"]
    server.caller = key("bob", "it")
    assert (await client.get(place)).status_code == 404
    assert (await client.delete(place)).status_code == 404
    assert (await client.get("/v1/jobs")).json()["jobs"] == []
    server.caller = key("root", scope=Scope.ADMIN)
    assert (await client.get(place)).status_code == 200
    assert len((await client.get("/v1/jobs")).json()["jobs"]) == 1
    server.caller = key("reader", scope=Scope.QUERY)
    for response in (
        await client.get(place),
        await client.post("/v1/documents", files=files("a.txt")),
        await client.delete("/v1/documents/x"),
        await client.post("/v1/collections/default/rollback", json={}),
    ):
        assert response.status_code == 403


async def test_only_admins_are_told_how_much_a_run_looks_at(
    client: httpx.AsyncClient, server: Server
) -> None:
    server.caller = key("ann", "hr")
    sent = {"Idempotency-Key": "k"}
    job = (await client.post("/v1/documents", files=files("a.txt"), headers=sent)).json()
    server.store.advance([job["id"]], JobProgress(Stage.READING, 41, 43))
    place = f"/v1/jobs/{job['id']}"
    told = [
        (await client.get(place)).json(),
        (await client.get("/v1/jobs")).json()["jobs"][0],
        (await client.post("/v1/documents", files=files("a.txt"), headers=sent)).json(),
    ]
    server.store.end(job["id"], JobEnd(JobState.SUCCEEDED))
    stream = (await client.get(place, headers={"accept": "text/event-stream"})).text
    told += [json.loads(line.removeprefix("data: ")) for line in stream.split("\n") if "data: " in line]
    told.append((await client.delete(place)).json())
    assert [one["progress"] for one in told] == [{"stage": "reading", "done": 95, "total": 100}] * 6
    server.caller = key("root", scope=Scope.ADMIN)
    assert (await client.get(place)).json()["progress"] == {"stage": "reading", "done": 41, "total": 43}


async def test_a_queued_job_is_cancelled(client: httpx.AsyncClient, server: Server) -> None:
    place = (await client.post("/v1/documents", files=files("a.txt"))).headers["location"]
    assert (await client.delete(place)).json()["state"] == "cancelled"
    assert (await client.delete(place)).json()["state"] == "cancelled"
    assert server.staged() == {}
    assert (await client.delete("/v1/jobs/none")).status_code == 404


async def test_a_job_can_be_watched_to_its_end(client: httpx.AsyncClient, server: Server) -> None:
    job = (await client.post("/v1/documents", files=files("a.txt"))).json()
    server.store.end(job["id"], JobEnd(JobState.SUCCEEDED, snapshot="snapshot-1"))
    response = await client.get(f"/v1/jobs/{job['id']}", headers={"accept": "text/event-stream"})
    assert response.headers["content-type"].startswith("text/event-stream")
    events = [part.split("\n")[0] for part in response.text.strip().split("\n\n")]
    assert events == ["event: progress", "event: done"]
    assert '"snapshot": "snapshot-1"' in response.text


async def test_pages_of_jobs_follow_one_another(client: httpx.AsyncClient) -> None:
    for name in "abc":
        await client.post("/v1/documents", files=files(name))
    first = (await client.get("/v1/jobs", params={"limit": 2})).json()
    second = (await client.get("/v1/jobs", params={"limit": 2, "before": first["next"]})).json()
    assert [job["documents"] for job in (*first["jobs"], *second["jobs"])] == [
        ["upload:///c"],
        ["upload:///b"],
        ["upload:///a"],
    ]
    assert second["next"] is None


async def test_a_collection_that_is_not_there_is_not_found(client: httpx.AsyncClient) -> None:
    for path in ("/v1/documents", "/v1/snapshots"):
        assert (await client.get(path)).json()["code"] == "collection_not_found"
        refused = await client.get(path, params={"collection": "../x"})
        assert refused.json()["code"] == "collection_name_invalid"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/documents", "GET, HEAD, POST"),
        ("/v1/documents/doc", "DELETE, GET, HEAD"),
        ("/v1/jobs", "GET, HEAD"),
        ("/v1/jobs/job", "DELETE, GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_told_all_the_right_ones(
    client: httpx.AsyncClient, path: str, allowed: str
) -> None:
    response = await client.put(path)
    assert (response.status_code, response.headers["allow"]) == (405, allowed)
