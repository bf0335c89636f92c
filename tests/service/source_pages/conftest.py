"""A snapshot with documents of real files, and the application over it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from fastapi import Request, Response

from ingest.document import Document
from ingest.parse import ParsedPart, ParseLimits, document_of, member_uri, parse_content
from ingest.parsers.text_builder import ParsedFile
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.docstore import Docstore, Origin
from ingest.snapshots.snapshot import DOCUMENTS
from ingest.sources.uploads import upload_address
from service.access.caller import ANYONE, Caller
from service.app import Parts, create_app
from service.history.history import History
from service.jobs.uploads import Upload, UploadFolder
from tests.fakes import MemoryPipeline, OnePipeline
from tests.small_handbook import small_handbook


@dataclass
class Shelf:
    """Files of a collection, and the server that shows their pages to ``caller``."""

    home: Path
    caller: Caller = ANYONE
    held: list[tuple[Document, Origin]] = field(default_factory=list[tuple[Document, Origin]])

    def __post_init__(self) -> None:
        self.history = History(self.home / "history.sqlite")
        self.settings = Settings(home=self.home)
        pipelines = OnePipeline(MemoryPipeline(small_handbook()))
        self.app = create_app(self.settings, Parts(pipelines, self.history))
        self.app.middleware("http")(self._name_caller)

    async def _name_caller(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        request.state.caller = self.caller
        return await call_next(request)

    def file(self, name: str, content: bytes, *groups: str) -> Path:
        """A file that was ingested from a folder."""
        path = self.home / "files" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        self.hold(path.as_uri(), name, content, *groups)
        return path

    def upload(self, number: int, name: str, content: bytes) -> Upload:
        """A file that was uploaded; the last one counts."""
        upload = Upload(UploadFolder(self.home, "default").path / f"job-{number:04}", name)
        upload.folder.mkdir(parents=True)
        upload.path.write_bytes(content)
        upload.state({})
        self.hold(upload_address(name), name, content)
        return upload

    def hold(self, uri: str, name: str, content: bytes, *groups: str) -> None:
        """Let the snapshot hold what is read of a file at ``uri``."""
        origin = Origin(uri, "key")
        for part in parse_content(content, name, ParseLimits()):
            self.held.append((_document(uri, part, groups), origin))

    def publish(self) -> None:
        folder = Collection(self.home, "default").snapshots / "snapshot-1"
        folder.mkdir(parents=True)
        store = Docstore(folder / DOCUMENTS, writable=True)
        for document, origin in self.held:
            store.add(document, origin, ())
        store.seal()
        store.close()
        Collection(self.home, "default").publish("snapshot-1")

    async def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path, headers=headers)

    async def page(self, number: int = 1, *, document: int = -1, query: str = "") -> httpx.Response:
        """A page of the last document, or of another."""
        return await self.get(f"/v1/documents/{self.held[document][0].id}/pages/{number}{query}")


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.history.close()


def _document(uri: str, part: ParsedPart, groups: tuple[str, ...]) -> Document:
    assert isinstance(part.outcome, ParsedFile), part.outcome
    address = member_uri(uri, part.member)
    metadata = {"acl": groups} if groups else {}
    return document_of(address, address, part.outcome, part.content_sha256, metadata)
