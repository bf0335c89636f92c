from __future__ import annotations

from pathlib import Path

import pytest

from finetune.rlaif.constitution import read_constitution
from finetune.rlaif.revise import as_text
from ingest.errors import SettingsError


def test_the_constitution_of_the_package_speaks_english_and_chinese() -> None:
    principles = read_constitution()
    assert [principle.name for principle in principles] == ["grounded", "cited", "honest", "brief"]
    assert all({"en", "zh"} <= set(principle.words) for principle in principles)
    assert as_text(principles[:2], "zh").startswith("(a) ")
    assert principles[0].in_language("fr") == principles[0].words["en"]


@pytest.mark.parametrize(
    "content", ["principles: []", "principles: [{name: a}]", "principles: [{en: a}]", "rules: []", "- a"]
)
def test_what_is_no_constitution_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(SettingsError, match=r"mine\.yaml"):
        read_constitution(path)
