"""The settings section ``store``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from ingest.choices import StoreKind
from ingest.settings_section import Section


class StoreSettings(Section):
    """Where new collections keep vectors and BM25; `troika collections migrate` moves those that exist."""

    kind: StoreKind = Field(default=StoreKind.FAISS, description="faiss (files under home) or milvus")
    uri: str | None = Field(
        default=None, description="Milvus: http://host:19530, or a file that ends in .db for Milvus Lite"
    )
    token: SecretStr | None = Field(default=None, description="user:password or API key of a Milvus server")
    database: str | None = Field(default=None, description="database of a Milvus server; default its default")
    timeout_seconds: Annotated[float, Field(gt=0)] = 30.0

    def of_kind(self, kind: StoreKind) -> StoreSettings:
        """These settings for a collection that is, or is to be, in a store of this kind."""
        return self.model_copy(update={"kind": kind})


FILES = StoreSettings()
"""No Milvus."""
