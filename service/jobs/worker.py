"""The process that ingests for the server.

Its assignment comes on standard input, and it answers with a line of JSON for all that happens. It owns
nothing: whatever it has done when it is killed, the next run goes on from there. It ends with the server, for
then its standard input is closed.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from typing import BinaryIO

from ingest.errors import TroikaError
from ingest.pipeline import ingest
from ingest.progress import Publication
from ingest.report import Failure
from ingest.request import IngestRequest
from service.jobs.messages import (
    Assignment,
    Began,
    Embedded,
    Embedding,
    Finished,
    Refused,
    Report,
    SnapshotPublished,
    SourceDone,
    SourceFailed,
    encode,
)

_NICENESS = 5
"""Questions that are asked meanwhile go first."""


def main() -> None:
    """Do the assignment on standard input. Only the parent writes there, so it may be a pickle."""
    assignment: Assignment = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(_NICENESS)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as channel:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is not for the parent
        work(assignment, Reporter(channel))


def work(assignment: Assignment, reporter: Reporter) -> None:
    """Ingest, and say how it ended."""
    request = IngestRequest(uploads=assignment.uploads, prune=True)
    try:
        report = ingest(request, assignment.collection, assignment.settings, reporter)
    except TroikaError as error:
        reporter.say(Refused(error.code, str(error)))
    else:
        reporter.say(Finished(report.snapshot, tuple(report.unread)))


class Reporter:
    """Progress that is written down, a line for each thing that happens."""

    def __init__(self, channel: BinaryIO) -> None:
        self._channel = channel

    def say(self, report: Report) -> None:
        """Write one line, at once."""
        self._channel.write(encode(report) + b"\n")
        self._channel.flush()

    def start(self, sources: int | None) -> None:
        """The run begins."""
        self.say(Began(sources))

    def advance(self, name: str, pages: int = 0, chunks: int = 0) -> None:
        """A source is done with."""
        self.say(SourceDone(name, pages, chunks))

    def failed(self, failure: Failure) -> None:
        """A source could not be read."""
        self.say(SourceFailed(failure.path, failure.code, failure.reason))

    def embedding(self, chunks: int) -> None:
        """Chunks are to be embedded."""
        self.say(Embedding(chunks))

    def embedded(self, chunks: int) -> None:
        """Chunks were embedded."""
        self.say(Embedded(chunks))

    def published(self, publication: Publication) -> None:
        """Readers see another snapshot."""
        self.say(
            SnapshotPublished(
                publication.snapshot, publication.unembedded, publication.bytes, publication.seconds
            )
        )


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)
