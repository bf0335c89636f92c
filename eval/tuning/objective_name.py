"""What tuning can make larger, by name: light enough for the command line to import."""

from __future__ import annotations

from enum import StrEnum


class ObjectiveName(StrEnum):
    """How a candidate is judged: by the order of the documents found, or by the words of the answers."""

    NDCG = "ndcg@10"
    F1 = "f1"
