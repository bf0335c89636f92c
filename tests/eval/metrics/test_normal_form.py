"""Texts are brought into the documented form before their words are compared."""

from __future__ import annotations

import pytest

from eval.metrics.normal_form import tokens, without_markers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The U.S. Army's 2,000 men!", ["us", "armys", "2000", "men"]),
        ("一个LoRA适配器。", ["一", "个", "lora", "适", "配", "器"]),
        ("ＬｏＲＡ，１６", ["lora16"]),
        ("检索、微调", ["检", "索", "微", "调"]),
        ("RAG、SFT", ["rag", "sft"]),
        ("“It’s”", ["its"]),
        ("a an the", []),
    ],
)
def test_the_normal_form(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


def test_markers_are_no_words() -> None:
    assert without_markers("Momus [1]. 是的［2］。") == "Momus. 是的。"
