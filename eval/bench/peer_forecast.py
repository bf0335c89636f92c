"""What a peer would take over a larger corpus, told from the last one that it was measured over.

Some libraries hold twenty kilobytes a passage, or take a second to add a hundred: over a million they would
fill the memory or take the night, and end the benchmark for all the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eval.bench.peers.peer import PeerRun

MOST_SECONDS = 900.0
MEMORY_SHARE = 0.6
"""Of the machine's memory; the corpus and its vectors, which peers are given, need the rest."""


@dataclass(frozen=True, slots=True)
class PeerForecast:
    """The runs of one peer over ``chunks`` passages; they share what was built."""

    runs: Sequence[PeerRun]
    chunks: int

    def why_left_out(self, chunks: int, memory_bytes: float) -> str | None:
        """Why the peer is not measured over ``chunks`` passages; None if it can be.

        Memory and building are taken to grow with the corpus; queries stop by the clock.
        """
        if not self.runs:
            return None
        growth = chunks / self.chunks
        held = growth * max(run.resident.own for run in self.runs)
        if held > MEMORY_SHARE * memory_bytes:
            return f"it would hold about {held / 1e9:.0f} GB, by what it held of {self.chunks:,} chunks"
        seconds = growth * max(run.build_seconds for run in self.runs)
        if seconds > MOST_SECONDS:
            return (
                f"it would build for {seconds / 60:.0f} minutes, by what it took for {self.chunks:,} chunks"
            )
        return None
