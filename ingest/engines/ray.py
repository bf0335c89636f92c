"""Parsing and embedding as stages of Ray Data, on a cluster or on one that is started on this machine.

The same code does the work as without Ray, so that the result is the same to the chunk id: files are parsed
by guarded processes, one in each actor, and texts embedded in the same batches. What is listed, compared,
cut and written stays with the process that ingests.
"""

from __future__ import annotations

import logging
import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Self, cast

import ray

from ingest.choices import EmbedderBackend
from ingest.embed import Embedder, EmbedderSpec, Matrix
from ingest.engines.ray_stages import EmbedTexts, ParseFiles, parse_results, task_rows, text_row, vectors_of
from ingest.engines.ray_stream import Stage, run_stage
from ingest.errors import ClusterError
from ingest.settings import Settings
from ingest.workers.messages import ParseTask, ReplyReader
from ingest.workers.pool import ParseResult, ParserPool, WorkerLimits

_ray = cast("Any", ray)
_OBJECT_STORE_BYTES = 500_000_000
# Two actors share a GPU, so that one cuts texts into tokens while the other computes.
_GPU_SHARE = 0.5


class RayEngine:
    """A connection to Ray, made when the first work comes; leaving it ends what was started for it."""

    def __init__(self, address: str | None, settings: Settings, models: Path) -> None:
        """
        Args:
            address: a cluster's, for example ``ray://head:10001``; None for one on this machine.
            settings: how texts are embedded, and how many files are parsed at the same time.
            models: where exported models are kept, on each node.
        """
        self._address = address
        self._settings = settings
        self._models = models.absolute()
        self._is_ours = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._is_ours:
            _ray.shutdown()

    def parsing(self, limits: WorkerLimits) -> RayParsing:
        """Parses files on the cluster; see ``ingest.parsing.Parsing``."""
        return RayParsing(self, limits)

    def embed(self, load: Callable[[], Embedder], batches: Iterable[Sequence[str]]) -> Iterator[Matrix]:
        """The vectors of each batch, in order, as the embedder that ``load`` opens gives them.

        Raises:
            ClusterError: the cluster cannot be reached, or lost a node.
        """
        rows = (text_row(number, batch) for number, batch in enumerate(batches))
        early: dict[int, Matrix] = {}
        due = 0
        for result in self.run(lambda: self._embedding(load().spec), rows):
            number, vectors = vectors_of(result)
            early[number] = vectors
            while due in early:
                yield early.pop(due)
                due += 1

    def run(self, stage: Callable[[], Stage], rows: Iterator[bytes]) -> Iterator[bytes]:
        """The results of a stage; without rows, Ray is not even started."""
        first = next(rows, None)
        if first is not None:
            self._connect()
            yield from run_stage(stage(), chain((first,), rows))

    @property
    def reaches_files(self) -> bool:
        """Whether all actors see the files that this process sees."""
        return self._address is None

    @property
    def parsers(self) -> int:
        """How many files are parsed at the same time."""
        return self._settings.ingest.workers or max(1, int(_ray.cluster_resources().get("CPU", 1)))

    def _embedding(self, spec: EmbedderSpec) -> Stage:
        """On GPUs where there are any and the embedder uses them; else on as many cores as there are."""
        make = partial(EmbedTexts, spec, self._settings.embedder, self._models)
        available = _ray.cluster_resources()
        gpus = available.get("GPU", 0)
        if gpus and spec.backend is EmbedderBackend.SENTENCE_TRANSFORMERS:
            return Stage(make, int(gpus / _GPU_SHARE), gpus=_GPU_SHARE)
        cores = min(self._settings.embedder.threads, max(1, int(available.get("CPU", 1))))
        return Stage(make, max(1, int(available.get("CPU", 1)) // cores), cores)

    def _connect(self) -> None:
        if _ray.is_initialized():
            return
        # Read by Ray when it starts: nothing is reported to anyone.
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        if self._address is None:
            # Else Ray finds out its own address by asking the network, and listens there.
            options |= {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
            options |= {"object_store_memory": _OBJECT_STORE_BYTES}
        try:
            _ray.init(address=self._address or "local", **options)
        except Exception as error:
            # Ray raises whatever the connection or its own start runs into.
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise ClusterError(
                f"Ray cannot be reached at {self._address or 'this machine'} ({reason}): check --ray-address "
                "and that the cluster runs the same versions of Python and Ray."
            ) from error
        self._is_ours = True


class RayParsing:
    """Parses files in the actors of a cluster, which get their bytes where they cannot see them."""

    def __init__(self, engine: RayEngine, limits: WorkerLimits) -> None:
        self._engine = engine
        self._limits = limits
        self._reader = ReplyReader(limits.parse)
        self._refused: deque[ParseTask] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._refused.clear()

    def parse(self, tasks: Iterable[ParseTask]) -> Iterator[ParseResult]:
        """What comes of the tasks; see ``ParserPool.parse``.

        Raises:
            ClusterError: the cluster cannot be reached, or lost a node.
        """
        rows = task_rows(tasks if self._engine.reaches_files else self._with_bytes(tasks))
        for result in self._engine.run(self._stage, rows):
            yield from parse_results(result, self._reader)
            yield from self._explain_refused()
        yield from self._explain_refused()

    def _explain_refused(self) -> Iterator[ParseResult]:
        if self._refused:
            with ParserPool(1, self._limits) as pool:
                yield from pool.parse(self._refused)
            self._refused.clear()

    def _stage(self) -> Stage:
        return Stage(partial(ParseFiles, self._limits), self._engine.parsers)

    def _with_bytes(self, tasks: Iterable[ParseTask]) -> Iterator[ParseTask]:
        """The tasks with their bytes; those without go to a process here, which says why."""
        for task in tasks:
            if task.path is not None and task.content is None:
                content = _content_of(task.path, self._limits.parse.file_bytes)
                if content is None:
                    self._refused.append(task)
                    continue
                yield replace(task, path=None, content=content, name=str(task.path.absolute()))
            else:
                yield task


def _content_of(path: Path, max_bytes: int) -> bytes | None:
    """The bytes of a file that is read; None for any other."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > max_bytes:
            return None
        return path.read_bytes()
    except OSError:
        return None
