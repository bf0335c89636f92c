"""Libraries that only an extra brings."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ingest.errors import MissingExtraError
from ingest.optional import is_installed, require


def test_an_installed_library_is_imported() -> None:
    assert require("json", extra="none") is json


def test_a_missing_library_names_the_extra_that_brings_it() -> None:
    with pytest.raises(MissingExtraError, match=r"no_such_library is not installed.*troika\[milvus\]"):
        require("no_such_library.client", extra="milvus")


def test_a_library_that_lacks_one_of_its_own_names_that_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half_installed.py").write_text("import no_such_dependency")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtraError, match="no_such_dependency is not installed"):
        require("half_installed", extra="ray")


def test_asking_whether_a_library_is_installed_does_not_import_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "costly_library.py").write_text("raise RuntimeError")
    monkeypatch.syspath_prepend(tmp_path)
    assert is_installed("costly_library")
    assert "costly_library" not in sys.modules
    assert not is_installed("no_such_library")
