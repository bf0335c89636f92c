"""The engine that a request asks for; its library is imported only then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from ingest.embed import Embedder, Matrix
from ingest.optional import require
from ingest.parsing import Parsing
from ingest.settings import Settings
from ingest.workers.pool import WorkerLimits


class Cluster(Protocol):
    """Machines that parse and embed in place of this one's processes."""

    def parsing(self, limits: WorkerLimits) -> AbstractContextManager[Parsing]:
        """Parses files there."""
        ...

    def embed(self, load: Callable[[], Embedder], batches: Iterable[Sequence[str]]) -> Iterator[Matrix]:
        """The vectors of each batch, in order, as the embedder that ``load`` opens would give them."""
        ...


def open_ray(address: str | None, settings: Settings, models: Path) -> AbstractContextManager[Cluster]:
    """Ray at ``address``, or on this machine; nothing is started until there is work.

    Raises:
        MissingExtraError: Ray is not installed.
    """
    for module in ("ray", "pyarrow"):
        require(module, extra="ray")
    from ingest.engines.ray import RayEngine

    return RayEngine(address, settings, models)
