"""What tells whether a source has to be parsed again although it is the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Self

from ingest.optional import is_installed
from ingest.parse import PARSERS_VERSION
from ingest.workers.handle import WorkerLimits

_EXTRAS = ("rapidocr", "unstructured")


@dataclass(frozen=True, slots=True)
class ParseFingerprint:
    """``parsers`` changes when any file may give another text, ``limits`` when one that met a limit may."""

    parsers: str
    limits: str

    @classmethod
    def of(cls, limits: WorkerLimits) -> Self:
        """That of the parsers that are installed, under ``limits``."""
        parsers = "|".join([str(PARSERS_VERSION), *filter(is_installed, _EXTRAS)])
        return cls(parsers, hashlib.sha256(repr(limits).encode()).hexdigest()[:8])

    @property
    def whole(self) -> str:
        """That of a result in which limits may have had a part: a failure, a file that was read in part."""
        return f"{self.parsers}#{self.limits}"

    def is_outdated(self, parsed_by: str | None) -> bool:
        """Whether what was parsed by this may come out otherwise now; what is not known counts as current."""
        return parsed_by is not None and parsed_by not in (self.parsers, self.whole)
