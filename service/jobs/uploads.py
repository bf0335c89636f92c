"""The uploaded files of a collection on disk, which jobs add to and take from.

::

    TROIKA_HOME/uploads/COLLECTION/
        ID/NAME, ID/NAME.meta.json   what the collection is made of, see ingest.sources.uploads
        .jobs/JOB/ID/…               what a job will add, or took away and may have to put back

A job only ever renames folders, one way when it is applied and the other way when it is undone, so both may
be done again after a crash. Ids begin with the id of the job that brought them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Collection as AnyCollection
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ingest.document import MetadataValue
from ingest.errors import CollectionNameError, MetadataError
from ingest.snapshots.collection import Collection
from ingest.snapshots.durable import sync_directory, sync_tree
from ingest.sources.metadata import Metadata, parse_sidecar
from ingest.sources.sidecars import SIDECAR_SUFFIX, is_sidecar
from ingest.sources.uploads import upload_address
from service.jobs.job import Job, JobKind

_JOBS = ".jobs"


@dataclass(frozen=True, slots=True)
class Upload:
    """One uploaded file in a folder of its own."""

    folder: Path
    name: str

    @property
    def path(self) -> Path:
        return self.folder / self.name

    @property
    def sidecar(self) -> Path:
        return self.folder / f"{self.name}{SIDECAR_SUFFIX}"

    def state(self, metadata: Mapping[str, MetadataValue]) -> None:
        """Write down what is stated of the file."""
        self.sidecar.write_text(json.dumps(dict(metadata), ensure_ascii=False), "utf-8")

    def metadata(self) -> Metadata:
        """What is stated of the file.

        Raises:
            MetadataError: that cannot be read.
        """
        try:
            return parse_sidecar(self.sidecar.read_bytes())
        except OSError as error:
            raise MetadataError(
                f"what is stated of {self.name} cannot be read ({error.strerror}): upload it again."
            ) from error


class UploadFolder:
    """The uploads of one collection; see the module."""

    def __init__(self, home: Path, collection: str) -> None:
        """
        Raises:
            CollectionNameError: the name is not usable.
        """
        self.path = home / "uploads" / Collection(home, collection).name
        self._jobs = self.path / _JOBS

    def new_upload(self, job_id: str, number: int, name: str) -> Upload:
        """A folder for the file ``number`` that a job will add."""
        folder = self._jobs / job_id / f"{job_id}-{number:04}"
        folder.mkdir(parents=True)
        return Upload(folder, name)

    def without_place(self, text: str) -> str:
        """``text`` with the names of uploads in place of their paths."""
        return re.sub(rf"{re.escape(str(self.path))}(/[^/\s]+)?/", "", text)

    def renumber(self, job_id: str, new_id: str) -> None:
        """What was to be added by one job will be added by another."""
        for folder in _folders(self._jobs / job_id):
            folder.rename(folder.with_name(folder.name.replace(job_id, new_id, 1)))
        (self._jobs / job_id).rename(self._jobs / new_id)

    def seal(self, job_id: str) -> None:
        """Force to disk what a job will add."""
        sync_tree(self._jobs / job_id)
        sync_directory(self._jobs)

    def versions(self, *names: str) -> Iterator[Upload]:
        """All uploads of these names, also those that are waiting to be added, but none that is arriving."""
        waiting = [folder for job in _folders(self._jobs) for folder in _folders(job)]
        for folder in (*_folders(self.path), *waiting):
            upload = Upload(folder, _name_in(folder))
            if upload.name in names and upload.sidecar.is_file():
                yield upload

    def apply(self, job: Job) -> None:
        """Add what the job brought, or take away what it names."""
        own = self._jobs / job.id
        own.mkdir(parents=True, exist_ok=True)
        match job.kind:
            case JobKind.UPLOAD:
                _move(_folders(own), self.path)
            case JobKind.DELETE:
                _move([f for f in _folders(self.path) if _name_in(f) in job.names], own)

    def undo(self, job: Job) -> None:
        """Leave everything as it was before ``apply``, and what the job brought is gone."""
        own = self._jobs / job.id
        match job.kind:
            case JobKind.UPLOAD:
                for folder in _folders(self.path):
                    if _is_of(job, folder):
                        shutil.rmtree(folder)
            case JobKind.DELETE:
                _move(_folders(own), self.path)
        self.discard(job.id)

    def settle(self, job: Job, unread: AnyCollection[str]) -> None:
        """The job is done. What it brought replaces what had the same name, and goes if it is ``unread``.

        ``unread`` are addresses of which nothing could be read.
        """
        held = {folder: _name_in(folder) for folder in _folders(self.path)}
        own = {folder: name for folder, name in held.items() if _is_of(job, folder)}
        failed = [folder for folder, name in own.items() if upload_address(name) in unread]
        newest = {name: folder for folder, name in own.items() if folder not in failed}
        older = [folder for folder, name in held.items() if name in newest and folder < newest[name]]
        for folder in (*failed, *older):
            shutil.rmtree(folder)
        self.discard(job.id)

    def discard(self, job_id: str) -> None:
        """Forget what a job keeps aside."""
        shutil.rmtree(self._jobs / job_id, ignore_errors=True)

    def discard_strays(self, known: AnyCollection[str]) -> None:
        """Forget what requests left behind that were never acknowledged: all but the jobs ``known``."""
        for folder in _folders(self._jobs):
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)


def upload_folders(home: Path) -> Iterator[UploadFolder]:
    """Those of all collections that have one."""
    for folder in _folders(home / "uploads"):
        with suppress(CollectionNameError):  # not of ours
            yield UploadFolder(home, folder.name)


def _folders(parent: Path) -> list[Path]:
    """The visible folders in ``parent``, in order; none where it is not there."""
    try:
        with os.scandir(parent) as entries:
            return sorted(Path(e.path) for e in entries if e.is_dir() and not e.name.startswith("."))
    except FileNotFoundError:
        return []


def _name_in(folder: Path) -> str:
    """The name of the upload in a folder; empty where there is none, or none any more."""
    try:
        return next((path.name for path in folder.iterdir() if not is_sidecar(path.name)), "")
    except FileNotFoundError:
        return ""


def _is_of(job: Job, folder: Path) -> bool:
    """Whether the job brought what is in the folder."""
    return folder.name.startswith(f"{job.id}-")


def _move(folders: list[Path], target: Path) -> None:
    if folders:
        for folder in folders:
            folder.rename(target / folder.name)
        sync_directory(target)
        sync_directory(folders[0].parent)
