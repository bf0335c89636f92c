"""What ``troika eval`` fitted to a collection, named so that a new fit is noticed."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

from ingest.snapshots.fitted import RETRIEVAL_FILE
from service.abstention.fitted import ABSTENTION_FILE


def fits_digest(collection: Path) -> str:
    """Sixteen hex digits that change with the fits in this folder. Two small reads: cheap to ask often."""
    digest = blake2b(digest_size=8)
    for name in (RETRIEVAL_FILE, ABSTENTION_FILE):
        content = _content(collection / name)
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # none, or one that cannot be read, as is told where it is used
