"""Numbers are read however they are written, and agree as documented."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.numbers import is_quantity, numbers_in, numeric_match


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("2,000 men in 1870-1939", [2000, 1870, 1939]),
        ("$3.5 million, about 320km", [3.5e6, 320]),
        ("-5 °C and 温度-7", [-5, -7]),
        ("三百二十", [320]),
        ("共有一千二百零三人", [1203]),
        ("十二月三日", [12, 3]),
        ("1.2万", [12_000]),
        ("3亿5000万", [350_000_000]),
        ("一万亿", [1e12]),
        ("三点一四", [3.14]),
        ("一点二亿", [1.2e8]),
        ("二〇〇八年", [2008]),
        ("叁佰贰拾", [320]),
        ("１，２３４人", [1234]),
        ("百分之三十五", [35]),
        ("负百分之四十", [-40]),
        ("35 percent", [35]),
        ("一些人在大陆，万一下雨，千万不要", []),
        ("U2, B12, v3.1", []),
        ("", []),
    ],
)
def test_numbers_are_read(text: str, values: list[float]) -> None:
    assert [number.value for number in numbers_in(text)] == pytest.approx(values)


@given(st.integers(0, 10**15))
def test_chinese_numerals_in_full_are_read_back(value: int) -> None:
    found = list(numbers_in(in_chinese(value) + "个人"))
    assert [number.value for number in found] == ([] if value == 1 else [value])


@pytest.mark.parametrize(
    ("answer", "reference", "agrees"),
    [
        ("There were 2,000 men.", "2000", True),
        ("共三百二十人", "320人", True),
        ("约1.2万人", "12,000", True),
        ("1.23万", "12,345", True),
        ("1.2万", "12,345", False),
        ("in 1997", "1996", False),
        ("33.3 %", "33%", True),
        ("百分之三十五", "35%", True),
        ("0.35", "35%", True),
        ("35", "35 percent", True),
        ("350", "35%", False),
        ("from 1870 to 1939", "1870 - 1939", True),
        ("from 1870 on", "1870 - 1939", False),
        ("5 miles", "5 km", True),
        ("none", "5", False),
    ],
)
def test_numbers_agree_within_the_tolerance(answer: str, reference: str, agrees: bool) -> None:
    assert numeric_match(answer, [reference]) == float(agrees)


def test_only_references_that_are_quantities_are_asked_for() -> None:
    assert is_quantity("about 320 people")
    assert is_quantity("三百二十公里")
    assert not is_quantity("the treaty that was signed in 1870 by both sides")
    assert not is_quantity("唯一")
    assert numeric_match("1870", ["the treaty that was signed in 1870 by both sides"]) == 0.0
    assert numeric_match("5", []) == 0.0


def in_chinese(value: int) -> str:
    """The numeral as it is written in full."""
    digits, units, scales = "零一二三四五六七八九", ["千", "百", "十", ""], ["兆", "亿", "万", ""]
    sections = [value // 10000**place % 10000 for place in (3, 2, 1, 0)]
    written = ""
    for section, scale in zip(sections, scales, strict=True):
        if section == 0:
            continue
        figures = f"{section:04}"
        if written and figures[0] == "0":
            written += "零"
        part = "".join(
            digits[int(figure)] + unit if figure != "0" else "零"
            for figure, unit in zip(figures, units, strict=True)
        )
        while "零零" in part:
            part = part.replace("零零", "零")
        written += part.strip("零") + scale
    return written or "零"
