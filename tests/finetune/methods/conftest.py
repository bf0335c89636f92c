"""Adapters that several tests start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.finetune.conftest import TinyBase


@pytest.fixture(scope="session")
def undecided(tiny_base: TinyBase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that refuses about half of the time; see ``sampled_jobs``."""
    from tests.finetune.methods.sampled_jobs import train_undecided

    return train_undecided(tiny_base, tmp_path_factory.mktemp("undecided"))
