"""A run on disk: who it is, and a record for each case, appended as they come.

::

    FOLDER/
        run.json          ``RunIdentity``, written first
        records.jsonl     a ``CaseRecord`` a line, in the order in which the answers came
        report.json, report.html, cases.parquet    made from the two above
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from eval.record import CaseRecord, RunIdentity
from ingest.errors import CasesError
from ingest.snapshots.durable import replace_text

IDENTITY = "run.json"
RECORDS = "records.jsonl"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder with an identity and as many records as there are so far."""

    path: Path
    identity: RunIdentity

    def records(self) -> Iterator[CaseRecord]:
        """The records so far, in the order in which they came; a last line that was cut off is left out.

        Raises:
            CasesError: a line is no record.
        """
        path = self.path / RECORDS
        if not path.exists():
            return
        decoder = msgspec.json.Decoder(CaseRecord)
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield decoder.decode(line)
                except msgspec.DecodeError as error:
                    raise CasesError(
                        f"{path}, line {number}: not a record of a run ({error}): run the evaluation again."
                    ) from error


def create_run(path: Path, identity: RunIdentity) -> RunFolder:
    """Make the folder of a run and write its identity."""
    path.mkdir(parents=True, exist_ok=True)
    replace_text(
        path / IDENTITY, msgspec.json.format(msgspec.json.encode(identity), indent=2).decode() + "\n"
    )
    return RunFolder(path, identity)


def open_run(path: Path) -> RunFolder:
    """The run in the folder ``path``.

    Raises:
        CasesError: there is none.
    """
    try:
        identity = msgspec.json.decode((path / IDENTITY).read_bytes(), type=RunIdentity)
    except (OSError, msgspec.DecodeError) as error:
        raise CasesError(
            f"{path} holds no run of an evaluation ({error}): give the folder that "
            "`troika eval answers --out` wrote."
        ) from error
    return RunFolder(path, identity)
