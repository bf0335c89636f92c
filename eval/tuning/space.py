"""What is searched: a few values for each setting, the current one among them.

Settings that change the index are one axis, each of its options one step away from the current chunking:
an index for every combination of them would take hours, and a second run goes on from the first's winner.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingest.choices import ChunkingStrategy
from ingest.chunking.chunk import ChunkingSpec
from ingest.settings import ChunkingSettings, Settings

Value = str | int | float | None
Values = tuple[tuple[str, Value], ...]
"""Values of settings, each with its dotted key."""

_WEIGHTS = tuple(tenths / 10 for tenths in range(11))
_DEPTHS = (50, 100, 200)
_RERANK_DEPTHS = (5, 10, 20, 50)
_RERANK_MARGINS = (0.0, 0.1, 0.3, 0.6, 1.0)
_PASSAGES = (1, 2, 3, 5, 8)
_PASSAGE_TOKENS = (110, 220, 440, 880, 1760, 4000)
_SMALLEST_CHUNK = 32
_CHUNKING_KEYS = ("strategy", "max_tokens", "overlap_tokens")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Settings that are tried."""

    values: Values

    @property
    def key(self) -> str:
        """The values as JSON: the same for the same candidate."""
        return json.dumps(dict(self.values))

    def applied(self, settings: Settings) -> Settings:
        """``settings`` with these values."""
        sections: dict[str, dict[str, Value]] = {}
        for key, value in self.values:
            section, name = key.split(".")
            sections.setdefault(section, {})[name] = value
        return settings.model_copy(
            update={
                section: getattr(settings, section).model_copy(update=values)
                for section, values in sections.items()
            }
        )


@dataclass(frozen=True, slots=True)
class Axis:
    """The options for settings that are chosen together; ``current`` is the place of what is set now."""

    name: str
    options: tuple[Values, ...]
    current: int
    is_ordered: bool


@dataclass(frozen=True, slots=True)
class Space:
    """All axes; a position is the place of one option on each, by the axis's name."""

    axes: tuple[Axis, ...]

    def at(self, position: Mapping[str, int]) -> Candidate:
        """The candidate of a position."""
        return Candidate(tuple(pair for axis in self.axes for pair in axis.options[position[axis.name]]))

    def starts(self) -> Iterator[dict[str, int]]:
        """The current settings, and then every other index with the rest as it is."""
        current = {axis.name: axis.current for axis in self.axes}
        yield current
        for axis in self.axes:
            if not axis.is_ordered:
                yield from (current | {axis.name: place} for place in range(1, len(axis.options)))


def value_of(settings: Settings, key: str) -> Value:
    """The setting with this dotted key."""
    section, name = key.split(".")
    return getattr(getattr(settings, section), name)


def retrieval_axes(settings: Settings) -> Iterator[Axis]:
    """What changes the order of the hits and needs no new index."""
    yield _ordered("retrieval.dense_weight", _WEIGHTS, settings)
    yield _ordered("retrieval.depth", _DEPTHS, settings)
    if settings.rerank.model is not None:
        yield _ordered("rerank.depth", _RERANK_DEPTHS, settings)
        yield _ordered("rerank.margin", _RERANK_MARGINS, settings)


def context_axes(settings: Settings) -> Iterator[Axis]:
    """How much of what was found the generator reads."""
    yield _ordered("retrieval.passages", _PASSAGES, settings)
    yield _ordered("retrieval.passage_tokens", _PASSAGE_TOKENS, settings)


def chunking_axis(current: ChunkingSettings, window: int) -> Axis:
    """The current chunking, half and twice its size, with or without overlap, and the other strategies.

    Args:
        window: the longest input of the embedder in tokens; no chunk is larger.
    """
    size = current.max_tokens
    sizes = [other for other in (size // 2, size * 2) if _SMALLEST_CHUNK <= other <= window]
    steps: list[tuple[str, object]] = [
        ("max_tokens", size),
        *(("max_tokens", other) for other in sizes),
        ("overlap_tokens", 0 if current.overlap_tokens else size // 4),
        *(("strategy", strategy) for strategy in ChunkingStrategy),
    ]
    different: dict[ChunkingSpec, Values] = {}
    for key, value in steps:
        tried = current.model_copy(update={key: value})
        values = tuple((f"chunking.{name}", getattr(tried, name)) for name in _CHUNKING_KEYS)
        different.setdefault(ChunkingSpec.from_settings(tried), values)
    return Axis("chunking", tuple(different.values()), current=0, is_ordered=False)


def _ordered(key: str, numbers: Sequence[int | float], settings: Settings) -> Axis:
    """An axis of numbers; None, a default that depends on other settings, stands before them."""
    current = value_of(settings, key)
    default: list[Value] = [None] if current is None else []
    every = default + sorted({value for value in (*numbers, current) if isinstance(value, int | float)})
    return Axis(key, tuple(((key, value),) for value in every), every.index(current), is_ordered=True)
