"""Both stores; one Milvus Lite for the whole session, since it is never closed before the process ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.choices import StoreKind
from ingest.settings import Settings
from ingest.stores.settings import StoreSettings


@pytest.fixture(scope="session")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> StoreSettings:
    """Settings for new collections in Milvus Lite."""
    folder: Path = tmp_path_factory.mktemp("milvus")
    return StoreSettings(kind=StoreKind.MILVUS, uri=str(folder / "lite.db"))


@pytest.fixture
def in_milvus(settings: Settings, milvus: StoreSettings) -> Settings:
    """Settings with a home of this test's own, whose new collections are in Milvus."""
    return settings.model_copy(update={"store": milvus})


@pytest.fixture(params=list(StoreKind))
def either(request: pytest.FixtureRequest, in_milvus: Settings) -> Settings:
    """Settings with a home of this test's own, whose new collections are in one store or the other."""
    kind: StoreKind = request.param
    return in_milvus.model_copy(update={"store": in_milvus.store.of_kind(kind)})
