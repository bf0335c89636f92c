"""Names through presidio itself, with a spaCy pipeline whose names are written down instead of learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finetune.data.redact import Redactor
from finetune.data.redact_names import PresidioNames

pytest.importorskip("presidio_analyzer", reason="the extra redact is not installed")
spacy: Any = pytest.importorskip("spacy")


def model(folder: Path, language: str, *names: str) -> str:
    pipeline = spacy.blank(language)
    ruler = pipeline.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "PERSON", "pattern": name} for name in names])
    pipeline.to_disk(folder / language)
    return str(folder / language)


def test_names_are_found_in_each_language_that_has_a_model(tmp_path: Path) -> None:
    names = PresidioNames({"en": model(tmp_path, "en", "Ann Smith"), "zh": model(tmp_path, "zh", "张三")})
    english, chinese, german = (Redactor(language, names) for language in ("en", "zh", "de"))
    assert english.text("Ann Smith paid for Ann Smith.") == "[NAME_1] paid for [NAME_1]."
    assert chinese.text("合同由张三签署。") == "合同由[NAME_1]签署。"
    assert german.text("Ann Smith zahlt.") == "Ann Smith zahlt."
