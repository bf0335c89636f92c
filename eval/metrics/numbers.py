"""Whether an answer states the numbers that a reference states, however they are written.

Read are Arabic digits with thousands separators and decimal points, scale words (thousand to trillion, 十 to
兆), Chinese numerals in full, in formal characters and digit by digit (三百二十, 叁佰, 二〇〇八, 三点一四),
percent in its three forms, and a minus sign. English number words and fractions such as 三分之一 are not
read, and units of measurement are not converted or compared.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eval.metrics.normal_form import tokens

TOLERANCE = 0.01
_WORDS_OF_A_QUANTITY = 3

_SIGNS = "零〇 一壹 二两兩贰貳 三叁參 四肆 五伍 六陆陸 七柒 八捌 九玖"
_DIGITS = {sign: value for value, signs in enumerate(_SIGNS.split()) for sign in signs}
_NO_NUMBER_ALONE = frozenset("一壹贰貳叁參肆伍陆陸柒捌玖")
_UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_SCALES = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8, "兆": 10**12}
_SCALE_WORDS = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}

_SIGN = "".join(_DIGITS)
_SCALE = "".join(_SCALES)
_STEP = "".join((*_UNITS, *_SCALES))
_ARABIC = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
_NUMBER = re.compile(
    rf"""
    (?P<minus>负|(?<![a-z\d)])[-−])?
    (?P<part>百分之)?
    (?P<whole>(?:(?<![a-z\d.]){_ARABIC}|[{_SIGN}十拾])(?:[{_SIGN}{_STEP}]|(?<=[{_STEP}]){_ARABIC})*)
    (?:点(?P<fraction>[{_SIGN}]+)(?P<scale>[{_SCALE}])?)?
    (?:\s?(?P<word>{"|".join(_SCALE_WORDS)})\b)?
    (?P<percent>\s?(?:%|percent\b|per\ cent\b))?
    """,
    re.VERBOSE,
)
_PIECE = re.compile(rf"{_ARABIC}|.")


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written: a percentage by the figure before its sign, ``is_whole`` without point."""

    value: float
    is_percent: bool
    is_whole: bool


def numeric_match(answer: str, references: Sequence[str]) -> float:
    """1 when the answer states every number of a reference that is a quantity, else 0.

    Two numbers agree when they are equal or, where one of them has a fractional part, within ``TOLERANCE``
    of the reference (relative): 1.23万 agrees with 12,345, and 1996 with no other year. x % agrees with x %,
    with x and with x / 100. After the relaxed accuracy of PlotQA and ChartQA (Methani et al. 2020,
    arXiv:1909.00997; Masry et al. 2022, arXiv:2203.10244), which allow 5 % on any number.
    """
    said = list(numbers_in(answer))
    wanted = [list(numbers_in(reference)) for reference in references if is_quantity(reference)]
    return float(any(all(any(_agree(one, number) for one in said) for number in each) for each in wanted))


def is_quantity(reference: str) -> bool:
    """Whether the reference states a number, and little else: at most three other words or characters."""
    rest = _NUMBER.sub(" ", _folded(reference))
    return any(numbers_in(reference)) and len(tokens(rest)) <= _WORDS_OF_A_QUANTITY


def numbers_in(text: str) -> Iterator[Number]:
    """The numbers of ``text`` in their order, without signs that alone mean something else (一些, 大陆)."""
    for match in _NUMBER.finditer(_folded(text)):
        whole, fraction = match["whole"], match["fraction"] or ""
        if whole in _NO_NUMBER_ALONE and not fraction and not match["part"]:
            continue
        value = _value(whole) + sum(_DIGITS[sign] / 10**place for place, sign in enumerate(fraction, start=1))
        value *= _SCALES.get(match["scale"], 1) * _SCALE_WORDS.get(match["word"], 1)
        yield Number(
            value=-value if match["minus"] else value,
            is_percent=bool(match["part"] or match["percent"]),
            is_whole="." not in whole and not fraction,
        )


def _value(written: str) -> float:
    """The value of digits, units up to a thousand, and scales, which multiply all that stands before them."""
    total = section = number = 0.0
    for piece in _PIECE.findall(written):
        if piece in _DIGITS:
            number = 10 * number + _DIGITS[piece]
        elif piece in _UNITS:
            section += (number or 1.0) * _UNITS[piece]
            number = 0.0
        elif piece in _SCALES:
            scale = _SCALES[piece]
            below = section + number
            total = (total + below) * scale if total < scale else total + below * scale
            section = number = 0.0
        else:
            number = float(piece.replace(",", ""))
    return total + section + number


def _agree(said: Number, wanted: Number) -> bool:
    if said.is_percent == wanted.is_percent:
        return _close(said, wanted, 1.0)
    return _close(said, wanted, 1.0) or _close(said, wanted, 0.01 if wanted.is_percent else 100.0)


def _close(said: Number, wanted: Number, factor: float) -> bool:
    target = wanted.value * factor
    if said.is_whole and wanted.is_whole:
        return math.isclose(said.value, target, rel_tol=1e-9)
    return abs(said.value - target) <= TOLERANCE * abs(target)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()
