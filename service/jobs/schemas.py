"""The JSON of the routes that change collections, and tell what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from ingest.snapshots.docstore_rows import ListedDocument
from service.jobs.job import Job, JobKind, JobProgress, JobState, Stage
from service.jobs.receive import FORM, JSON, DocumentRequest
from service.schemas import RequestBody, ResponseBody, Text

if TYPE_CHECKING:
    from service.jobs.holdings import DocumentPage, KeptSnapshot

CollectionQuery = Annotated[
    Text | None, Field(max_length=200, description="the collection; the server's default if left out")
]
LimitQuery = Annotated[int, Field(ge=1, le=1000, description="how many at most")]

UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            FORM: {
                "schema": {
                    "type": "object",
                    "properties": {
                        "files": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "each with a filename, by which it is known",
                        },
                        "metadata": {
                            "type": "string",
                            "contentMediaType": JSON,
                            "description": "JSON object of strings, numbers, booleans and lists of strings, "
                            "stated of all files",
                        },
                        "metadata_by_name": {
                            "type": "string",
                            "contentMediaType": JSON,
                            "description": "JSON object of such objects by file name, which go first",
                        },
                        "acl": {"type": "string", "description": "groups that may see them, as `hr,board`"},
                    },
                    "required": ["files"],
                    "additionalProperties": False,
                }
            },
            JSON: {"schema": DocumentRequest.model_json_schema(ref_template="#/components/schemas/{model}")},
        },
    }
}


class FailureBody(ResponseBody):
    """A file, or a part of one, that could not be read."""

    path: str
    code: str
    reason: str


class ProgressBody(ResponseBody):
    """How far the run is that does the job; it also looks at what the collection held before.

    So its counts, which tell how much the collection holds, are for the scope `admin`: others get percent.
    """

    stage: Stage
    done: int
    total: int | None

    @classmethod
    def of(cls, progress: JobProgress, *, counted: bool) -> ProgressBody:
        done, total = progress.done, progress.total
        if not counted:
            done, total = (100 * done // total, 100) if total else (0, None)
        return cls(stage=progress.stage, done=done, total=total)


class JobErrorBody(ResponseBody):
    """Why a job failed as a whole; the collection is as it was."""

    code: str
    reason: str


class JobBody(ResponseBody):
    """Documents to add to a collection or to take out of it, and how far that is."""

    id: str
    kind: JobKind
    collection: str
    state: JobState
    cancelling: bool = Field(description="it is being undone")
    documents: tuple[str, ...] = Field(description="the addresses of its files")
    progress: ProgressBody
    failures: tuple[FailureBody, ...] = Field(description="what could not be read of its files")
    error: JobErrorBody | None
    snapshot: str | None = Field(description="what the collection was at when the job ended")
    created_by: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None

    @classmethod
    def of(cls, job: Job, *, counted: bool) -> JobBody:
        error = job.error
        return cls(
            id=job.id,
            kind=job.kind,
            collection=job.collection,
            state=job.state,
            cancelling=job.cancelling and not job.state.is_end,
            documents=tuple(sorted(job.addresses)),
            progress=ProgressBody.of(job.progress, counted=counted),
            failures=tuple(FailureBody(path=f.path, code=f.code, reason=f.reason) for f in job.failures),
            error=None if error is None else JobErrorBody(code=error.code, reason=error.reason),
            snapshot=job.snapshot,
            created_by=job.asker,
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
        )


class JobsBody(ResponseBody):
    """Jobs, the newest first; ``next`` is the id to ask for more ``before``."""

    jobs: tuple[JobBody, ...]
    next: str | None

    @classmethod
    def of(cls, jobs: list[Job], limit: int, *, counted: bool) -> JobsBody:
        shown = tuple(JobBody.of(job, counted=counted) for job in jobs)
        return cls(jobs=shown, next=shown[-1].id if len(shown) == limit else None)


class ListedDocumentBody(ResponseBody):
    """A document without its text."""

    id: str
    uri: str
    title: str
    language: str
    pages: int
    chunks: int
    metadata: dict[str, str | int | float | bool | tuple[str, ...]]

    @classmethod
    def of(cls, document: ListedDocument) -> ListedDocumentBody:
        return cls(
            id=document.id,
            uri=document.uri,
            title=document.title,
            language=document.language,
            pages=document.pages,
            chunks=document.chunks,
            metadata=document.metadata,
        )


class DocumentsBody(ResponseBody):
    """Documents in the order of their URIs; ``next`` is the URI to ask for more ``after``."""

    collection: str
    snapshot: str
    documents: tuple[ListedDocumentBody, ...]
    next: str | None

    @classmethod
    def of(cls, collection: str, page: DocumentPage) -> DocumentsBody:
        return cls(
            collection=collection,
            snapshot=page.snapshot,
            documents=tuple(map(ListedDocumentBody.of, page.documents)),
            next=page.next,
        )


class SnapshotBody(ResponseBody):
    """A kept state of a collection."""

    id: str
    created_at: str
    documents: int
    chunks: int
    current: bool
    bytes: int = Field(description="of its files, also those that it shares with other snapshots")

    @classmethod
    def of(cls, kept: KeptSnapshot) -> SnapshotBody:
        manifest = kept.manifest
        return cls(
            id=manifest.id,
            created_at=manifest.created_at,
            documents=manifest.documents,
            chunks=manifest.chunks,
            current=kept.is_current,
            bytes=kept.bytes,
        )


class SnapshotsBody(ResponseBody):
    """The snapshots that a collection keeps, the newest first."""

    collection: str
    snapshots: tuple[SnapshotBody, ...]


class RollbackRequest(RequestBody):
    """Which snapshot is to be current again."""

    snapshot: Text | None = Field(default=None, max_length=200, description="default the one before")


class RollbackBody(ResponseBody):
    """The snapshot that is current again."""

    collection: str
    snapshot: str
