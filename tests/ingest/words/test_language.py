from __future__ import annotations

import time

import pytest

from ingest.words.language import detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is the rank of a LoRA adapter?", "en"),
        ("LoRA rank", "en"),
        ("DPO beta default", "en"),
        ("How do I say 谢谢 in a polite letter to the company?", "en"),
        ("LoRA 的秩是什么？", "zh"),
        ("什么是RAG", "zh"),
        ("FastAPI、Pydantic 与 SQLAlchemy 的区别", "zh"),
        ("troika ingest 命令怎么用", "zh"),
        ("自行車租賃系統是什麼？", "zh"),
        ("“美の味”是一家在上海很受欢迎的日本料理店吗？", "zh"),
        ("LoRA のランクとは何ですか", "ja"),
        ("東京都の人口", "ja"),
        ("서버를 어떻게 시작합니까?", "ko"),
        ("Wie wird der Server gestartet und was ist nicht erlaubt?", "de"),
        ("Comment est-ce que le serveur est lancé avec une nouvelle version ?", "fr"),
        ("Как запустить сервер?", "ru"),
        ("كيف أشغل الخادم؟", "ar"),
        ("42", "en"),
        ("", "en"),
        ("A I E O", "en"),
    ],
)
def test_language_of_documents_and_short_questions(text: str, language: str) -> None:
    assert detect_language(text) == language


def test_chinese_manual_full_of_code_is_chinese() -> None:
    text = (
        "配置文件如下，启动之前请先检查每一项设置是否正确。\n```\nfor key in settings: print(key)\n```\n" * 5
    )
    assert detect_language(text) == "zh"


def test_english_report_that_names_chinese_firms_is_english() -> None:
    text = "The company 华为 was founded in 1987 and it has offices in 深圳 and in other cities. "
    assert detect_language(text * 3) == "en"


def test_a_large_document_is_judged_by_samples() -> None:
    text = "这是一本很长的书。" * 300_000
    started = time.process_time()
    assert detect_language(text) == "zh"
    assert time.process_time() - started < 0.5
