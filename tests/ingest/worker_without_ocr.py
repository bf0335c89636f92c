"""A worker that leaves pictures unread: OCR takes seconds a page, and sees nothing of a file's bytes."""

from __future__ import annotations

from ingest.parsers import ocr
from ingest.workers.process import parse_task, run


def main(argument: str) -> None:
    """What the bootstrap of a worker calls."""
    ocr.is_available = lambda: False
    run(argument, parse_task)
