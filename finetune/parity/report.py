"""What a comparison of forms found, kept beside the adapter."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from ingest.snapshots.durable import replace_text

PARITY = "parity.json"
REFERENCE = "transformers with PEFT, float32"

EXACT_LIMIT = 1e-3
"""The mean difference, in nats, that two float32 programs may have by adding in other orders."""
ROUNDED_LIMIT = 0.1
"""That of a form whose weights or activations are rounded to 16 bits or fewer."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Over the ``tokens`` that both forms tell: of log-probabilities in nats, absolute.

    ``agreement`` is the share of places where both would write the same token.
    """

    tokens: int
    largest: float
    mean: float
    agreement: float


@dataclass(frozen=True, slots=True)
class FormParity:
    """How far a form is from the reference; ``exact`` ones compute in float32 all through.

    ``limit`` is for the mean difference, in nats.
    """

    form: str
    exact: bool
    limit: float
    difference: Difference

    @property
    def passed(self) -> bool:
        return self.difference.mean <= self.limit


@dataclass(frozen=True, slots=True)
class ParityReport:
    """The forms of one adapter, compared on ``prompts`` prompts of its training data."""

    adapter_sha256: str
    prompts: int
    forms: tuple[FormParity, ...]
    created_at: str

    @property
    def passed(self) -> bool:
        return all(form.passed for form in self.forms)


def write_parity(folder: Path, report: ParityReport) -> None:
    """Keep the report in the folder of a run."""
    forms = [asdict(form) | {"passed": form.passed} for form in report.forms]
    document = asdict(report) | {"forms": forms, "passed": report.passed}
    replace_text(folder / PARITY, json.dumps(document, indent=1) + "\n")


def read_parity(folder: Path) -> ParityReport | None:
    """The report in ``folder``; None where parity was not measured."""
    path = folder / PARITY
    return TypeAdapter(ParityReport).validate_json(path.read_bytes()) if path.is_file() else None
