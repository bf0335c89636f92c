"""A job: documents to add to a collection, or to take out of it, and how far that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ingest.report import Failure
from ingest.sources.uploads import upload_address


class JobKind(StrEnum):
    """What a job does with the uploads that it names."""

    UPLOAD = "upload"
    DELETE = "delete"


class JobState(StrEnum):
    """Where a job is on its way. The last three are its end."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        """Whether nothing more will become of the job."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


class Stage(StrEnum):
    """What a run is at; it counts sources first, then chunks."""

    WAITING = "waiting"
    READING = "reading"
    EMBEDDING = "embedding"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far the run is that does a job, of all sources of the collection that it looks at; ``total`` is
    None where nobody knows it."""

    stage: Stage = Stage.WAITING
    done: int = 0
    total: int | None = None


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed as a whole."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to queue.

    Attributes:
        id: sorts by time, and no job had it.
        names: those of the uploaded files it is about.
        asker: who asked for it; None where nobody is told apart.
        key: what the asker calls the request, so that asking again queues nothing (``Idempotency-Key``).
        fingerprint: a digest of all that is asked for.
    """

    id: str
    kind: JobKind
    collection: str
    names: tuple[str, ...]
    asker: str | None = None
    key: str | None = None
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is kept; times are of ``service.history.feedback.timestamp``.

    Attributes:
        cancelling: it is to be undone, and ends as cancelled.
        crashes: how often the process that did it ended without a word.
        failures: what could not be read of its files.
        snapshot: what the collection was at when the job ended.
    """

    id: str
    kind: JobKind
    collection: str
    names: tuple[str, ...]
    asker: str | None
    state: JobState
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    cancelling: bool = False
    crashes: int = 0
    progress: JobProgress = field(default_factory=JobProgress)
    failures: tuple[Failure, ...] = ()
    error: JobError | None = None
    snapshot: str | None = None

    @property
    def addresses(self) -> frozenset[str]:
        """The addresses of its files."""
        return frozenset(map(upload_address, self.names))


@dataclass(frozen=True, slots=True)
class JobEnd:
    """What became of a job."""

    state: JobState
    failures: tuple[Failure, ...] = ()
    error: JobError | None = None
    snapshot: str | None = None
