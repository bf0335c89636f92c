"""The figures of ``troika bench retrieval``, as values and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date

from eval.bench.machine import Machine
from eval.bench.peers.names import Kind
from eval.bench.peers.peer import PeerRun
from eval.bench.query_times import QueryTimes
from eval.bench.retrieval_run import TroikaRun


@dataclass(frozen=True, slots=True)
class Goals:
    """What retrieval has to reach over ``chunks`` chunks."""

    chunks: int
    p50_ms: float
    p99_ms: float
    open_seconds: float


GOALS = (Goals(100_000, 2.0, 4.0, 1.0), Goals(1_000_000, 6.0, 12.0, 2.0))
BYTES_PER_CHUNK = 700.0
RECALL_AT_10 = 0.97


@dataclass(frozen=True, slots=True)
class SizeFigures:
    """Troika and its peers over one corpus. ``absent`` says of each peer that was not measured why."""

    troika: TroikaRun
    peers: tuple[PeerRun, ...]
    absent: Mapping[str, str]

    @property
    def goals(self) -> Goals | None:
        """What is to be reached at this size; None between the sizes that have goals."""
        return next((goals for goals in GOALS if goals.chunks == self.troika.chunks), None)

    @property
    def bytes_per_chunk(self) -> tuple[float, float]:
        """What a reader holds for each chunk after its queries: own pages, and mapped pages of files."""
        held = self.troika.searched
        return held.own / self.troika.chunks, held.mapped / self.troika.chunks

    def compared(self, kind: Kind) -> QueryTimes:
        """The part of Troika that does what a peer of this kind does."""
        match kind:
            case Kind.LEXICAL:
                return self.troika.stages["lexical"]
            case Kind.DENSE:
                return self.troika.stages["dense"]
            case Kind.HYBRID:
                return self.troika.vector_given

    def times_as_slow(self, peer: PeerRun) -> float:
        """How many times the processor time that Troika takes for a query the peer takes.

        All run on one thread, where that is the time of an idle machine, and other programs do not move it.
        """
        return peer.times.cpu_ms / self.compared(peer.kind).cpu_ms

    def verdicts(self) -> Iterator[tuple[str, str, bool]]:
        """Each goal: its name with what was reached, the goal, and whether it is met."""
        troika, (own, mapped) = self.troika, self.bytes_per_chunk
        held = own + mapped
        yield f"recall@10 {troika.recall_at_10:.3f}", f"≥ {RECALL_AT_10}", troika.recall_at_10 >= RECALL_AT_10
        yield f"memory {own:.0f} + {mapped:.0f} bytes a chunk", "≤ 700", held <= BYTES_PER_CHUNK
        if self.goals is not None:
            whole, goals = troika.whole, self.goals
            yield f"p50 {whole.p50_ms:.2f} ms", f"≤ {goals.p50_ms:g}", whole.p50_ms <= goals.p50_ms
            yield f"p99 {whole.p99_ms:.2f} ms", f"≤ {goals.p99_ms:g}", whole.p99_ms <= goals.p99_ms
            opened = troika.open_seconds
            yield f"opened in {opened:.2f} s", f"≤ {goals.open_seconds:g}", opened <= goals.open_seconds

    def to_json(self) -> dict[str, object]:
        own, mapped = self.bytes_per_chunk
        return {
            "chunks": self.troika.chunks,
            "troika": asdict(self.troika) | {"bytes_per_chunk": {"own": own, "mapped": mapped}},
            "peers": [asdict(peer) | {"times_as_slow": self.times_as_slow(peer)} for peer in self.peers],
            "absent": dict(self.absent),
            "goals": [{"reached": a, "goal": b, "met": met} for a, b, met in self.verdicts()],
        }


@dataclass(frozen=True, slots=True)
class RetrievalBenchFigures:
    """All that ``troika bench retrieval`` measured in one run, smallest corpus first."""

    measured_on: date
    machine: Machine
    text: str
    sizes: tuple[SizeFigures, ...]

    def to_json(self) -> dict[str, object]:
        """The figures in the form that ``troika bench retrieval --json`` prints."""
        return {
            "measured_on": self.measured_on.isoformat(),
            "machine": asdict(self.machine),
            "text": self.text,
            "sizes": [size.to_json() for size in self.sizes],
        }
