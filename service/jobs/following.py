"""Follow a run: how far it is goes to the store and to the metrics, what failed is kept for the jobs' end."""

from __future__ import annotations

import time
from dataclasses import replace

from ingest.progress import Progress, Publication
from ingest.report import Failure
from service.jobs.job import JobProgress, Stage
from service.jobs.messages import (
    Began,
    Embedded,
    Embedding,
    End,
    Finished,
    Refused,
    Report,
    SnapshotPublished,
    SourceDone,
    SourceFailed,
)

_NOTED_SECONDS = 0.25


class Follower:
    """Takes the reports of one run. ``end`` is the last of them, None while there is none."""

    def __init__(self, watched: Progress, addresses: frozenset[str]) -> None:
        """``watched`` is told everything; failures of sources at these addresses are kept."""
        self._watched = watched
        self._addresses = addresses
        self._noted = 0.0
        self.progress = JobProgress()
        self.failures: list[Failure] = []
        self.end: End | None = None

    def take(self, report: Report) -> bool:
        """Take in one report; whether it is time to note the progress."""
        before = self.progress.stage
        self.progress = self._advanced(report)
        self._tell(report)
        now = time.monotonic()
        is_last = isinstance(report, Finished)
        if not is_last and self.progress.stage is before and now - self._noted < _NOTED_SECONDS:
            return False
        self._noted = now
        return True

    def _advanced(self, report: Report) -> JobProgress:
        match report:
            case Began(sources):
                return JobProgress(Stage.READING, 0, sources)
            case Embedding(chunks):
                return JobProgress(Stage.EMBEDDING, 0, chunks)
            case SourceDone():
                return replace(self.progress, done=self.progress.done + 1)
            case Embedded(chunks):
                return replace(self.progress, done=self.progress.done + chunks)
            case SnapshotPublished():
                return replace(self.progress, stage=Stage.PUBLISHED)
            case Finished():  # what had not changed is told by no report
                total = self.progress.total
                return JobProgress(Stage.PUBLISHED, self.progress.done if total is None else total, total)
            case _:
                return self.progress

    def _tell(self, report: Report) -> None:
        match report:
            case Began(sources):
                self._watched.start(sources)
            case SourceDone(name, pages, chunks):
                self._watched.advance(name, pages, chunks)
            case SourceFailed(path, code, reason):
                failure = Failure(path, code, reason)
                self._watched.failed(failure)
                if path.partition("!/")[0] in self._addresses:
                    self.failures.append(failure)
            case Embedding(chunks):
                self._watched.embedding(chunks)
            case Embedded(chunks):
                self._watched.embedded(chunks)
            case SnapshotPublished(snapshot, unembedded, size, seconds):
                self._watched.published(Publication(snapshot, unembedded, size, seconds))
            case Finished() | Refused():
                self.end = report
