"""pypdf alone: the text of each page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pypdf import PdfReader


def read(paths: Sequence[Path]) -> Iterator[str]:
    """The text of every page."""
    return (page.extract_text() for path in paths for page in PdfReader(path).pages)
