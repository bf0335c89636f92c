"""A small collection, and cases to put to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.pipeline import ingest_documents
from ingest.settings import Settings, load_settings
from tests.small_handbook import small_handbook

QUESTIONS = (
    ("rank", "en", "Which rank is the default for an adapter?", "lora.md"),
    ("weights", "en", "Which weights does LoRA freeze?", "lora.md"),
    ("quotes", "zh", "引用的文字与原文有什么关系？", "rag.zh.md"),
    ("lunch", "en", "What is for lunch on Friday?", None),
)


@pytest.fixture(scope="session")
def small_settings(tmp_path_factory: pytest.TempPathFactory, shared_models: Path) -> Settings:
    """Settings of the extractive generator, whose home holds the small handbook as ``small``."""
    home = tmp_path_factory.mktemp("eval-home")
    (home / "models").symlink_to(shared_models)
    overrides = {"home": home, "collection": "small", "generator.kind": "extractive"}
    settings = load_settings(overrides, environment={}, directory=home)
    ingest_documents(small_handbook(), "small", settings)
    return settings


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """Four questions: two in English, one in Chinese, and one that nothing answers."""
    return write_cases(tmp_path / "cases.jsonl", 1)


def write_cases(path: Path, times: int) -> Path:
    """A file with each of the questions so many times, under ids of their own."""
    rows = [
        {"id": f"{name}-{number}", "question": question, "language": language}
        | {"answers": ["some words"] if document else [], "answerable": document is not None}
        | {"relevant": [document] if document else [], "passages": ["LoRA freezes the weights."]}
        for number in range(times)
        for name, language, question, document in QUESTIONS
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return path
