"""What an ingest would do, for ``--plan``."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ingest.compare import Change, Fate, Withdrawals
from ingest.report import Failure


@dataclass(frozen=True, slots=True)
class Plan:
    """Addresses of sources by what would become of them; ``unchanged`` counts those left as they are.

    With ``rebuild`` the collection was made with another embedder or chunking, and every document that stays
    would be cut and embedded anew, into a snapshot beside the one that is served.
    """

    collection: str
    added: tuple[str, ...]
    updated: tuple[str, ...]
    unchanged: int
    removed: tuple[str, ...]
    failures: tuple[Failure, ...]
    rebuild: bool

    @classmethod
    def of(
        cls,
        collection: str,
        changes: Iterable[Change],
        vanished: Iterable[str],
        known: Collection[str],
        *,
        rebuild: bool,
    ) -> Plan:
        """The plan for these changes; what ``vanished`` goes, and what of the ``known`` is withdrawn."""
        by_fate: dict[Fate, list[Change]] = {fate: [] for fate in Fate}
        failures: list[Failure] = []
        withdrawals = Withdrawals()
        removed = dict.fromkeys(vanished)
        for found in changes:
            change, withdrawn = withdrawals.of(found, known)
            removed |= dict.fromkeys(withdrawn)
            by_fate[change.fate].append(change)
            if change.fate in (Fate.KEEP, Fate.FAIL):
                failures.extend(change.failures)
        return cls(
            collection=collection,
            added=tuple(change.uri for change in by_fate[Fate.ADD]),
            updated=tuple(change.uri for change in by_fate[Fate.UPDATE]),
            unchanged=len(by_fate[Fate.KEEP]),
            removed=tuple(removed),
            failures=tuple(failures),
            rebuild=rebuild,
        )

    def to_json(self) -> dict[str, Any]:
        """The plan as ``troika ingest --plan --json`` prints it."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The plan for people: a line for each source that would change, and one that counts them."""
        listed = [("+", self.added), ("~", self.updated), ("-", self.removed)]
        lines = [f"  {sign} {uri}" for sign, uris in listed for uri in uris]
        lines += [f"  ! {failure.path}  [{failure.code}] {failure.reason}" for failure in self.failures]
        if self.rebuild:
            lines.append(
                "  all documents would be cut and embedded anew: the embedder or the chunking changed"
            )
        counts = f"{len(self.added)} to add, {len(self.updated)} to update, {self.unchanged} unchanged"
        return [
            *lines,
            f"{self.collection}: {counts}, {len(self.removed)} to remove, {len(self.failures)} failed",
        ]
