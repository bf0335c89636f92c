"""Where the vectors and BM25 of a snapshot are: what its manifest says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingest.choices import StoreKind


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """The kind of store and, where it is Milvus, what the names of its collections there begin with.

    The server is not named: its address is a setting, which may differ from machine to machine.
    """

    kind: StoreKind = StoreKind.FAISS
    name: str = ""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> StoreSpec:
        """What ``dataclasses.asdict`` made of one.

        Raises:
            ValueError, KeyError: it is something else.
        """
        return cls(StoreKind(values["kind"]), str(values["name"]))
