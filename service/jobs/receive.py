"""From a request to a queued job: read the files, state what is known of them, queue.

Files are written where the job will find them as they arrive. Whatever goes wrong on the way leaves nothing
behind, and what is acknowledged is on disk. Jobs are done in the order in which they were admitted, however
long their files took to arrive: so what a caller may change is known when the job is queued.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import threading
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import Field, JsonValue, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from ingest.document import MetadataValue
from ingest.errors import StorageError, UploadError
from ingest.settings import Settings
from ingest.snapshots.durable import storage_errors
from ingest.sources.metadata import ACL, Metadata
from service.access.caller import Caller
from service.jobs.job import Job, JobKind, NewJob
from service.jobs.multipart import FormReader, Received
from service.jobs.names import upload_name
from service.jobs.ownership import require_writable, with_access_list
from service.jobs.statements import FIELDS, checked, stated_by_form
from service.jobs.store import JobStore
from service.jobs.uploads import Upload, UploadFolder
from service.schemas import RequestBody, Text

FORM = "multipart/form-data"
JSON = "application/json"


class DocumentRequest(RequestBody):
    """One document as text."""

    name: Text = Field(
        max_length=500, description="as of a file: the suffix tells the format", examples=["notes.md"]
    )
    text: Text
    title: Text | None = Field(default=None, max_length=1000)
    url: Text | None = Field(
        default=None, max_length=2000, description="where people find the original; kept as metadata"
    )
    metadata: dict[Text, JsonValue] = Field(default_factory=dict[str, JsonValue], max_length=64)
    acl: tuple[Text, ...] | None = Field(
        default=None, max_length=100, description="groups that may see it; default those of the key, if any"
    )


@dataclass(frozen=True, slots=True)
class Addressed:
    """To whom a request is addressed, and by whom; ``key`` is its ``Idempotency-Key``."""

    collection: str
    caller: Caller
    key: str | None = None


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A file on disk, and what is stated of it."""

    file: Received
    metadata: Metadata


class Intake:
    """Takes what is uploaded to one server."""

    def __init__(self, settings: Settings, store: JobStore) -> None:
        self._settings = settings
        self._store = store
        self._queueing = threading.Lock()

    async def take(self, request: Request, to: Addressed) -> Job:
        """Queue the documents in the body of ``request``.

        Returns:
            The new job, or that of an earlier request with the same key and the same documents.

        Raises:
            UploadError, RequestValidationError: the body has another form than is described.
            HTTPException: it is too large.
            CollectionNameError: no collection can have that name.
            ForbiddenError: the caller may not add or replace these documents.
            IdempotencyKeyError: the key belongs to another request.
            StorageError: there is no room left.
        """
        folder = UploadFolder(self._settings.home, to.collection)
        job_id = await asyncio.to_thread(self._store.new_id)
        with storage_errors(self._settings.home):
            try:
                arrived = await self._receive(request, folder, job_id)
            except BaseException:
                folder.discard(job_id)
                raise
            return await asyncio.to_thread(self._queue, job_id, folder, arrived, to)

    async def take_away(self, name: str, to: Addressed) -> Job:
        """Queue the removal of what was uploaded under ``name``, with all versions that wait to be added.

        Raises:
            CollectionNameError: no collection can have that name.
            ForbiddenError: a version is not the caller's to take away.
            MetadataError: what is stated of a version cannot be read.
        """
        folder = UploadFolder(self._settings.home, to.collection)
        return await asyncio.to_thread(self._queue_removal, name, folder, to)

    def _queue_removal(self, name: str, folder: UploadFolder, to: Addressed) -> Job:
        with self._queueing:
            _require_writable_versions(folder, (name,), to.caller)
            new_id = self._store.new_id()
            return self._store.add(NewJob(new_id, JobKind.DELETE, to.collection, (name,), to.caller.name))

    async def _receive(self, request: Request, folder: UploadFolder, job_id: str) -> list[_Arrived]:
        staging = _Staging(self._settings, folder, job_id)
        content_type = request.headers.get("content-type", "")
        media_type = content_type.partition(";")[0].strip().lower()
        try:
            if media_type == FORM:
                return await self._receive_form(request, staging, content_type)
            if media_type == JSON:
                document = _parse(await self._small_body(request))
                return [await asyncio.to_thread(staging.keep, document)]
        except ClientDisconnect as error:
            raise UploadError("the connection ended before the body did: send it once more.") from error
        raise UploadError(f"the body is of the type {media_type[:80]!r}: send {FORM} or {JSON}.")

    async def _receive_form(self, request: Request, staging: _Staging, content_type: str) -> list[_Arrived]:
        form = FormReader(content_type, FIELDS, staging.new_upload)
        try:
            async for data in request.stream():
                staging.require_room()
                await asyncio.to_thread(form.write, data)
            form.finish()
        finally:
            form.close()
        if not form.files:
            raise UploadError("the form holds no file: send each in a part named `files`, with a filename.")
        names = [file.upload.name for file in form.files]
        return list(map(_Arrived, form.files, stated_by_form(form.fields, names)))

    async def _small_body(self, request: Request) -> bytes:
        most, body = self._settings.server.max_request_bytes, bytearray()
        async for data in request.stream():
            body += data
            if len(body) > most:
                raise HTTPException(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    f"the request's body is too large: at most {most} bytes are accepted; send the text as a "
                    "file, or raise server.max_request_bytes.",
                )
        return bytes(body)

    def _queue(self, arrival_id: str, folder: UploadFolder, arrived: list[_Arrived], to: Addressed) -> Job:
        """The job for what arrived under an id, or an earlier one; then nothing is kept of this request."""
        try:
            return self._admit(arrival_id, folder, arrived, to)
        finally:
            folder.discard(arrival_id)  # what was admitted has another id

    def _admit(self, arrival_id: str, folder: UploadFolder, arrived: list[_Arrived], to: Addressed) -> Job:
        names = tuple(one.file.upload.name for one in arrived)
        metadata = [with_access_list(one.metadata, to.caller) for one in arrived]
        fingerprint = _fingerprint(to.collection, arrived, metadata)
        if to.key is not None and (earlier := self._store.known(to.caller.name, to.key, fingerprint)):
            return earlier
        with self._queueing:  # of two that take the same new name at once, the second sees the first
            _require_writable_versions(folder, names, to.caller)
            for one, stated in zip(arrived, metadata, strict=True):
                one.file.upload.state(stated)
            # An id of now: another that began later may have been admitted, and comes before this one.
            job_id = self._store.new_id()
            new = NewJob(job_id, JobKind.UPLOAD, to.collection, names, to.caller.name, to.key, fingerprint)
            folder.renumber(arrival_id, job_id)
            return self._sealed_and_queued(folder, new)

    def _sealed_and_queued(self, folder: UploadFolder, new: NewJob) -> Job:
        queued: Job | None = None
        try:
            folder.seal(new.id)
            queued = self._store.add(new)
            return queued
        finally:
            if queued is None or queued.id != new.id:
                folder.discard(new.id)


class _Staging:
    """Makes room for the files of one request."""

    def __init__(self, settings: Settings, folder: UploadFolder, job_id: str) -> None:
        self._settings = settings
        self._folder = folder
        self._job_id = job_id
        self._names: set[str] = set()

    def new_upload(self, stated: str) -> Upload:
        """A place for a file by the name that the client stated."""
        name, most = upload_name(stated), self._settings.jobs.max_files
        if name in self._names:
            raise UploadError(f"two files are named {name!r}: each needs a name of its own.")
        if len(self._names) == most:
            raise UploadError(f"there are more than {most} files: send them in several requests.")
        self._names.add(name)
        return self._folder.new_upload(self._job_id, len(self._names), name)

    def keep(self, document: DocumentRequest) -> _Arrived:
        """Write down a document that came as text."""
        self.require_room()
        content = document.text.encode()
        stated: dict[str, Any] = {"title": document.title, "url": document.url, ACL: document.acl}
        given = {key: value for key, value in stated.items() if value is not None}
        metadata = checked("the document's metadata", [*document.metadata.items(), *given.items()])
        upload = self.new_upload(document.name)
        upload.path.write_bytes(content)
        return _Arrived(Received(upload, hashlib.sha256(content).hexdigest()), metadata)

    def require_room(self) -> None:
        """
        Raises:
            StorageError: the disk is too full for more.
        """
        keep, home = self._settings.jobs.keep_free_bytes, self._settings.home
        if shutil.disk_usage(home).free < keep:
            raise StorageError(
                f"less than {keep} bytes are free under {home}: make room, or lower jobs.keep_free_bytes."
            )


def _require_writable_versions(folder: UploadFolder, names: tuple[str, ...], caller: Caller) -> None:
    """Check that all versions of these names, also those that wait, are the caller's to change."""
    if caller.groups is not None:
        for version in folder.versions(*names):
            require_writable(version.name, version.metadata(), caller)


def _parse(body: bytes) -> DocumentRequest:
    try:
        return DocumentRequest.model_validate_json(body)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error


def _fingerprint(collection: str, arrived: list[_Arrived], metadata: list[dict[str, MetadataValue]]) -> str:
    """A digest of all that is asked for; the order of the files is no part of it."""
    files = sorted(
        (one.file.upload.name, one.file.sha256, sorted(stated.items()))
        for one, stated in zip(arrived, metadata, strict=True)
    )
    return hashlib.sha256(json.dumps([collection, files]).encode()).hexdigest()
