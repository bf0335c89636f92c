from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from ingest.parsers.number_format import (
    built_in_code,
    read_format,
    show_datetime,
    show_duration,
    show_number,
    show_plain,
)


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (1599.99, "#,##0.00", "1,599.99"),
        (-1599.99, "#,##0.00", "-1,599.99"),
        (0.025, "0%", "3%"),
        (0.1234, "0.00%", "12.34%"),
        (5.0, '"$"#,##0.00', "$5.00"),
        (-5.0, "[$€-407]#,##0.00", "-€5.00"),
        (1234.5, "¥#,##0", "¥1,235"),
        (12.0, '0" 元"', "12 元"),
        (3.0, "General", "3"),
        (3.0, "@", "3"),
        (0.5, "# ?/?", "1"),
        (7.0, "00000", "7"),
        (1.5e9, "0.00E+00", "1500000000"),
        (1234.5, "#,##0.00_);[Red](#,##0.00)", "1,234.50"),
    ],
)
def test_numbers_are_shown_in_their_format(value: float, code: str, shown: str) -> None:
    assert show_number(value, read_format(code)) == shown


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (45292, "m/d/yyyy", "2024-01-01"),
        (45292, "yyyy年m月d日", "2024-01-01"),
        (45292, 'yyyy"年"m"月"d"日"', "2024-01-01"),
        (45292, "[$-804]aaaa;@", "45292"),
        (45292, "d-mmm-yy", "2024-01-01"),
        (45292.5, "m/d/yy h:mm", "2024-01-01 12:00"),
        (45292.75001, "yyyy-mm-dd hh:mm:ss", "2024-01-01 18:00:01"),
        (0.25, "h:mm AM/PM", "06:00"),
        (0.25, "hh:mm:ss", "06:00"),
        (1.5, "[h]:mm:ss", "36:00:00"),
        (-3, "yyyy-mm-dd", "-3"),
        (1e12, "yyyy-mm-dd", "1000000000000"),
    ],
)
def test_dates_and_times_are_shown_in_iso_order(value: float, code: str, shown: str) -> None:
    assert show_number(value, read_format(code)) == shown


def test_dates_may_count_from_1904() -> None:
    assert show_number(0, read_format("yyyy-mm-dd"), from_1904=True) == "1904-01-01"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1.0, "1"), (0.1 + 0.2, "0.3"), (1 / 3, "0.33333333333"), (-2.5, "-2.5"), (1e20, "1e+20")],
)
def test_a_number_without_a_format_is_shown_as_a_cell_shows_it(value: float, shown: str) -> None:
    assert show_plain(value) == shown


def test_durations_and_moments() -> None:
    assert show_duration(timedelta(hours=30, minutes=5)) == "30:05:00"
    assert show_duration(-timedelta(minutes=1)) == "-0:01:00"
    assert show_datetime(datetime(2024, 2, 29)) == "2024-02-29"
    assert show_datetime(datetime(2024, 2, 29, 8, 5)) == "2024-02-29 08:05"


def test_built_in_formats_are_known_by_number() -> None:
    assert read_format(built_in_code(14)).has_date
    assert read_format(built_in_code(10)).is_percent
    assert built_in_code(0) == ""
    assert read_format(built_in_code(57)).has_date
