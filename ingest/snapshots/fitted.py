"""What ``troika eval retrieval --fit`` found to be best for a collection: ``fitted.json`` in its folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ingest.errors import SnapshotCorruptError
from ingest.snapshots.durable import replace_text
from ingest.snapshots.manifest import IndexManifest

RETRIEVAL_FILE = "fitted.json"


@dataclass(frozen=True, slots=True)
class FittedRetrieval:
    """Retrieval settings that did better than the defaults on labelled queries they were not fitted on.

    ``index`` says for what kind of index (see ``index_fingerprint``). ``ndcg_default`` and ``ndcg_fitted``
    are nDCG@10 on the same ``queries`` queries of ``labels``, each by settings fitted without it.
    """

    dense_weight: float
    depth: int
    index: str
    labels: str
    queries: int
    ndcg_default: float
    ndcg_fitted: float


def index_fingerprint(manifest: IndexManifest) -> str:
    """Twelve hex digits that change with the embedder, the chunking or the terms: with what is scored."""
    parts = [asdict(manifest.embedder), asdict(manifest.chunking), asdict(manifest.lexical)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def read_fitted(collection: Path) -> FittedRetrieval | None:
    """What was fitted for the collection in this folder, whatever its index is now; None if nothing was.

    Raises:
        SnapshotCorruptError: the file is damaged.
    """
    path = collection / RETRIEVAL_FILE
    try:
        return FittedRetrieval(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise SnapshotCorruptError(
            f"{path} cannot be read ({error}): delete it, or run `troika eval retrieval --fit` again."
        ) from error


def write_fitted(collection: Path, fitted: FittedRetrieval) -> None:
    """Keep ``fitted`` for the collection in this folder, durably; readers see the old or the new whole."""
    replace_text(collection / RETRIEVAL_FILE, json.dumps(asdict(fitted), ensure_ascii=False, indent=2))
