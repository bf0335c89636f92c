"""Numbers of a spreadsheet as a reader sees them: dates, percentages, rounded figures.

What counts of a format code is whether it shows a date or a time, a percentage, and how many decimals and
whether thousands are grouped; colours, conditions and padding are passed over, and a date is shown in ISO
order, whatever the order of its format. (ECMA-376 part 1, 18.8.30 and 18.8.31.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

_BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 14: "yyyy-mm-dd",
    15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm",
    21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 37: "#,##0", 38: "#,##0", 39: "#,##0.00", 40: "#,##0.00",
    45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss", 48: "##0.0E+0",
    27: "yyyy-mm", 28: "m-d", 29: "m-d", 30: "m-d-yy", 31: "yyyy-m-d", 32: "h:mm", 33: "h:mm:ss",
    36: "yyyy-mm", 50: "yyyy-mm", 51: "m-d", 52: "yyyy-mm", 53: "m-d", 54: "m-d", 55: "h:mm",
    56: "h:mm:ss", 57: "yyyy-mm", 58: "m-d",
}  # fmt: skip
"""The formats that files name by number alone; those from 27 on are the East Asian ones."""

_QUOTED = re.compile(r'"([^"]*)"|\\(.)|_.|\*.')
_BRACKETED = re.compile(r"\[(?!h+\]|m+\]|s+\])(\$([^\]-]*))?[^\]]*\]", re.IGNORECASE)
_ELAPSED = re.compile(r"\[[hms]+\]", re.IGNORECASE)
_DATE = re.compile(r"[yd年月日]|m{3,}|(?<!:)\bm+(?=[-/年月])|(?<=[-/])m+", re.IGNORECASE)
_TIME = re.compile(r"h|s|AM/PM|上午", re.IGNORECASE)
_DECIMALS = re.compile(r"\.([0#?]+)")
_CURRENCY = "$€£¥￥₩₹₽"
_EPOCH_1900 = datetime(1899, 12, 30)
_EPOCH_1904 = datetime(1904, 1, 1)
_MAX_SERIAL = 2_958_466
"""The serial number of the day after 9999-12-31."""

_GENERAL_DIGITS = 11


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """What a format code shows: ``decimals`` is None where it leaves that open."""

    has_date: bool = False
    has_time: bool = False
    is_elapsed: bool = False
    is_percent: bool = False
    is_scientific: bool = False
    groups: bool = False
    decimals: int | None = None
    before: str = ""
    after: str = ""


@lru_cache(maxsize=4096)
def read_format(code: str) -> NumberFormat:
    """What the format ``code`` shows; only its section for positive numbers counts."""
    section = _sections(code)
    currency = "".join(match[2] or "" for match in _BRACKETED.finditer(section))
    literal = _literals(section)
    bare = _BRACKETED.sub("", _QUOTED.sub("", section))
    elapsed = _ELAPSED.search(bare) is not None
    digits = "0" in bare or "#" in bare
    has_time = elapsed or (_TIME.search(bare) is not None and not digits) or "mm:ss" in bare
    has_date = _DATE.search(bare) is not None and bare.lower() != "general" and not elapsed
    if has_date or has_time:
        return NumberFormat(has_date, has_time, elapsed)
    decimals = _DECIMALS.search(bare)
    symbol = next((sign for sign in bare if sign in _CURRENCY), "")
    before, after = literal
    return NumberFormat(
        is_percent="%" in bare,
        is_scientific="E+" in bare.upper() or "E-" in bare.upper(),
        groups="," in bare,
        decimals=(len(decimals[1]) if decimals else 0) if digits else None,
        before=before or currency.strip() or symbol,
        after=after,
    )


def built_in_code(number: int) -> str:
    """The code of a format that is named by its number; "" shows a number as it is."""
    return _BUILT_IN.get(number, "")


def show_number(value: float, shown: NumberFormat, *, from_1904: bool = False) -> str:
    """``value`` in its format; dates count days from 1900, or from 1904."""
    if shown.is_elapsed and abs(value) < _MAX_SERIAL:
        return show_duration(timedelta(days=value))
    if (shown.has_date or shown.has_time) and 0 <= value < _MAX_SERIAL:
        return _show_moment(value, shown, _EPOCH_1904 if from_1904 else _EPOCH_1900)
    if shown.is_percent:
        return f"{_rounded(value, 2, shown.decimals or 0):f}%"
    if shown.decimals is None or shown.is_scientific:
        return f"{shown.before}{show_plain(value)}{shown.after}"
    group = "," if shown.groups else ""
    # A sign stands before the currency, as in -$5.00.
    sign, size = ("-", -value) if value < 0 else ("", value)
    return f"{sign}{shown.before}{_rounded(size, 0, shown.decimals):{group}f}{shown.after}"


def show_plain(value: float) -> str:
    """A number without a format: whole when it is, else with as many digits as a cell shows."""
    if value == int(value) and abs(value) < 10**15:
        return str(int(value))
    return f"{value:.{_GENERAL_DIGITS}g}"


def show_duration(span: timedelta) -> str:
    """Hours, minutes and seconds; hours may be more than a day's."""
    seconds = round(abs(span.total_seconds()))
    sign = "-" if span < timedelta() else ""
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def show_datetime(moment: datetime) -> str:
    """A date, and its time unless that is midnight."""
    if moment.time() == time():
        return moment.date().isoformat()
    return moment.isoformat(" ", "seconds" if moment.second else "minutes")


def _show_moment(value: float, shown: NumberFormat, epoch: datetime) -> str:
    # Seconds are rounded, since a day's fraction in binary is rarely a whole second.
    moment = epoch + timedelta(seconds=round(value * 86_400))
    if not shown.has_date:
        return moment.time().isoformat("seconds" if moment.second else "minutes")
    if not shown.has_time:
        return moment.date().isoformat()
    return moment.isoformat(" ", "seconds" if moment.second else "minutes")


def _rounded(value: float, shift: int, decimals: int) -> Decimal:
    """``value`` times ten to the ``shift``; halves are rounded up, as spreadsheets do."""
    return Decimal(repr(value)).scaleb(shift).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def _sections(code: str) -> str:
    """The first section of a format code, which counts for positive numbers."""
    quoted = False
    for position, character in enumerate(code):
        if character == '"':
            quoted = not quoted
        elif character == ";" and not quoted:
            return code[:position]
    return code


def _literals(section: str) -> tuple[str, str]:
    """The words that a format puts before and behind the number."""
    digits = re.search(r"[0#?]", _BRACKETED.sub("", section))
    edge = digits.start() if digits else len(section)
    before: list[str] = []
    after: list[str] = []
    for match in _QUOTED.finditer(_BRACKETED.sub("", section)):
        text = match[1] or match[2] or ""
        (before if match.start() < edge else after).append(text)
    return "".join(before).lstrip(), "".join(after).rstrip()
