"""The folder of a run that samples: what it was asked for, kept so that it can be gone on with.

::

    TROIKA_HOME/runs/rft-TIME/
        request.json           the configuration, the digests of the data, and the generator
        round1.samples.jsonl   each question's answers as they come, with their verdicts
        round1.jsonl           the examples that the round is trained on
        round1.json            written when the round is done
    TROIKA_HOME/runs/rlaif-TIME/
        request.json
        labels.jsonl           the judge's verdicts on the pairs that people judged
        revisions.jsonl        each answer with its critique, its revision and the verdict, as they come
        report.json            written last
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from ingest.choices import GeneratorKind
from ingest.errors import RunMismatchError, UsageError
from ingest.settings import Settings
from ingest.snapshots.durable import replace_text

REQUEST = "request.json"

Request = TypeVar("Request")


@dataclass(frozen=True, slots=True)
class SampledGenerator:
    """Which model is sampled; the address of a server may change while a run is broken off."""

    kind: GeneratorKind
    model: str | None

    def __str__(self) -> str:
        return self.kind.value if self.model is None else f"{self.kind.value} {self.model}"


def sampled_generator(settings: Settings) -> SampledGenerator:
    """What the settings say."""
    return SampledGenerator(settings.generator.kind, settings.generator.model)


def new_folder(home: Path, method: str) -> Path:
    """Make the folder of a run of ``method`` that begins now."""
    folder = (home / "runs" / f"{method}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}").resolve()
    folder.mkdir(parents=True)
    return folder


def write_record(path: Path, record: object) -> None:
    """Write a dataclass as a JSON document, whole or not at all."""
    replace_text(path, TypeAdapter(type(record)).dump_json(record, indent=1).decode() + "\n")


def read_record(path: Path, form: type[Request]) -> Request:
    """What ``write_record`` wrote; raises OSError or ValidationError."""
    return TypeAdapter(form).validate_json(path.read_bytes())


def read_request(folder: Path, form: type[Request], method: str) -> Request:
    """What the run in ``folder`` was asked for.

    Raises:
        UsageError: the folder holds no run of ``method``.
    """
    try:
        return read_record(folder / REQUEST, form)
    except (OSError, ValidationError) as error:
        raise UsageError(
            f"{folder} holds no run of {method} (no readable {REQUEST} of one): name the folder that the "
            "run told when it began."
        ) from error


def check_unchanged(folder: Path, found: Mapping[str, tuple[object, object]]) -> None:
    """Make sure that a run goes on with what it began with.

    Args:
        found: what is compared, as it was when the run began and as it is now.

    Raises:
        RunMismatchError: one of them is another one now.
    """
    for what, (begun, now) in found.items():
        if begun != now:
            raise RunMismatchError(
                f"the run in {folder} began with {what} {begun}, and now it is {now}: put it back as it was, "
                "or start a new run."
            )
