"""What a filter says, in both of its forms."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.document import MetadataValue
from ingest.errors import FilterError
from ingest.filters.filters import EVERYTHING, Filter, meanings, written
from ingest.filters.forms import parse_filter, read_filter, write_filter


def meets(wanted: Filter, metadata: dict[str, MetadataValue]) -> bool:
    """Whether a document with this metadata meets all conditions, by their definition."""
    return all(
        condition.negated
        != any(condition.test.admits(meanings(text)) for text in written(metadata.get(condition.name, ())))
        for condition in wanted.conditions
    )


@pytest.mark.parametrize(
    ("options", "stated"),
    [
        (["lang=en"], {"lang": "en"}),
        (["lang=en,zh"], {"lang": ["zh", "en"]}),
        (["lang=en", "lang=zh"], {"lang": {"in": ["en", "zh"]}}),
        (['title="Rates, old",New'], {"title": ["Rates, old", "New"]}),
        (["lang!=en", "lang!=zh"], {"lang": {"not": ["en", "zh"]}}),
        (["year>=2024", "year<2026"], {"YEAR": {"gte": 2024, "lt": 2026}}),
        (
            ["date>2024-05-31", "date<=2025-01-01T08:00:00+02:00"],
            {"date": {"gt": "2024-05-31", "lte": "2025-01-01T06:00:00Z"}},
        ),
        (["uri=file:///docs/*"], {"uri": {"prefix": "file:///docs/"}}),
        (["draft=true", "kind = faq"], {"kind": "faq", "draft": True}),
    ],
)
def test_both_forms_say_the_same(options: list[str], stated: dict[str, object]) -> None:
    assert parse_filter(options).key == read_filter(stated).key


VALUES = st.one_of(
    st.text(max_size=8),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.dates().map(str),
    st.datetimes().map(lambda moment: moment.isoformat()),
)
BOUNDS = st.one_of(st.integers(-9, 9999), st.floats(-1e6, 1e6), st.dates().map(str))
TESTS = st.one_of(
    VALUES,
    st.lists(VALUES, min_size=1, max_size=3),
    st.fixed_dictionaries(
        {},
        optional={
            "in": VALUES, "not": st.lists(VALUES, min_size=1, max_size=3), "prefix": st.text(max_size=4),
            "gte": BOUNDS, "gt": BOUNDS, "lte": BOUNDS, "lt": BOUNDS,
        },
    ).filter(bool),
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["lang", "Lang", "year", "uri"]), TESTS, max_size=3))
def test_a_filter_that_is_written_down_reads_the_same(stated: dict[str, object]) -> None:
    wanted = read_filter(stated)
    forms = json.loads(json.dumps(write_filter(wanted)))
    assert Filter(tuple(c for form in forms for c in read_filter(form).conditions)) == wanted


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("year=2024", "2024", True),
        ("year=2024", 2024, True),
        ("year=2024", 2024.0, True),
        ("year=2024", "2024-01-01", False),
        ("draft=true", 1, False),
        ("draft=true", True, True),
        ("draft=1", True, False),
        ("tag=b", ("a", "b"), True),
        ("tag!=b", ("a", "b"), False),
        ("tag!=c", ("a", "b"), True),
        ("size>9", "10", True),
        ("size>9", "ten", False),
        ("date=2024-05-31", "2024-05-31T23:59:00", True),
        ("date<=2024-05-31", "2024-05-31T23:59:00", True),
        ("date<2024-05-31T10:00:00Z", "2024-05-31", True),
        ("date<2024-05-31T10:00:00Z", "2024-05-31T11:30:00+02:00", True),
        ("date>=2024-02-01", "2024-02-31", False),
        ("name=Ann*", "Anna", True),
        ("name=Ann*", "Joann", False),
        ("name=ann", "Ann", False),
        ("name=*", "", True),
    ],
)
def test_values_are_compared_by_what_they_say(option: str, value: MetadataValue, expected: bool) -> None:
    wanted = parse_filter([option])
    assert meets(wanted, {wanted.conditions[0].name: value}) is expected


def test_a_document_without_the_key_meets_only_negated_conditions() -> None:
    assert not meets(parse_filter(["lang=*"]), {})
    assert meets(parse_filter(["lang!=en"]), {})


def test_the_key_of_a_filter_does_not_depend_on_its_order() -> None:
    assert parse_filter(["a=1", "b=x,y"]).key == parse_filter(["b=y,x", "a=1"]).key
    assert parse_filter(["a=1"]).key != parse_filter(["a=true"]).key
    assert EVERYTHING.key == ""
    assert not EVERYTHING


@pytest.mark.parametrize(
    "option", ["lang", "=en", "lang=", "size>big", "date<2024-13-01", "a>=1;a>=2", "a=x*;a=y*"]
)
def test_an_option_that_is_no_condition_is_refused(option: str) -> None:
    with pytest.raises(FilterError, match="filter"):
        parse_filter(option.split(";"))


@pytest.mark.parametrize(
    "wanted",
    [
        None,
        [],
        {},
        {"above": 3},
        {"gte": "x"},
        {"gte": True},
        {"gte": [1]},
        {"prefix": 3},
        {"prefix": "\ud800"},
        "\ud800",
        {"not": ["en", "\udfff"]},
        [None],
        [[1]],
        ["x"] * 1001,
    ],
)
def test_a_condition_that_cannot_be_read_is_refused(wanted: object) -> None:
    with pytest.raises(FilterError, match="'year'"):
        read_filter({"year": wanted})
