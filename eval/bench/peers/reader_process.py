"""The process that measures one reader: ``python -m eval.bench.peers.reader_process READER PATH…``.

It may run in an environment of its own that lacks Troika's libraries. Its last line is one JSON document.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from eval.bench.peers.reader import Read, Reader, ReaderRun
from eval.bench.time_spent import time_spent


def measure_reader(reader: Reader, paths: Sequence[Path]) -> ReaderRun:
    """Read the files, after the first of them was read unmeasured."""
    read = _opener(reader)
    _characters(read, paths[:1])
    started = time_spent()
    characters = _characters(read, paths)
    return ReaderRun(time_spent().since(started), characters)


def _characters(read: Read, paths: Sequence[Path]) -> int:
    return sum(map(len, read(paths)))


def _opener(reader: Reader) -> Read:
    match reader:
        case Reader.PYPDF:
            from eval.bench.peers.pypdf_reader import read
        case Reader.UNSTRUCTURED:
            from eval.bench.peers.unstructured_reader import read
        case Reader.LLAMA_INDEX:
            from eval.bench.peers.llama_index_reader import read
    return read


def main(arguments: Sequence[str]) -> None:
    """Measure the reader and print its run; one that is not installed prints what is missing."""
    reader, *paths = arguments
    try:
        run = measure_reader(Reader(reader), [Path(path) for path in paths])
    except ModuleNotFoundError as error:
        sys.stdout.write(json.dumps({"missing": error.name}) + "\n")
    else:
        sys.stdout.write(json.dumps({"run": asdict(run)}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
