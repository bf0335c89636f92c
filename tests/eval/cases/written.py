"""Files of cases, written by tests."""

from __future__ import annotations

import json
from pathlib import Path


def write_lines(path: Path, *rows: object) -> Path:
    """JSON Lines of ``rows``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def write_document(path: Path, value: object) -> Path:
    """One JSON document, on many lines."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), "utf-8")
    return path
