"""What is stated about documents from outside, above all who may see them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.document import MetadataValue
from ingest.errors import MetadataError, MetadataOptionError
from ingest.sources.metadata import (
    check_metadata,
    merge_metadata,
    metadata_sha256,
    parse_options,
    parse_sidecar,
)


@pytest.mark.parametrize(
    ("option", "key", "value"),
    [
        ("year=2026", "year", 2026),
        ("share=-0.5", "share", -0.5),
        ("draft=True", "draft", True),
        ("draft=false", "draft", False),
        ("owner=Ann, Bob", "owner", "Ann, Bob"),
        ("code=007", "code", "007"),
        ('version="1.10"', "version", "1.10"),
        ('said="so" he', "said", '"so" he'),
        ("url=a=b", "url", "a=b"),
        ("empty=", "empty", ""),
        ("Department=法务", "department", "法务"),
        ("acl=hr", "acl", ("hr",)),
        ("ACL = hr , legal,hr", "acl", ("hr", "legal")),
        ("ａｃｌ=hr", "acl", ("hr",)),
        ("acl=7", "acl", ("7",)),
    ],
)
def test_an_option_states_a_value(option: str, key: str, value: MetadataValue) -> None:
    found = parse_options([option])
    assert found == {key: value}
    assert type(found[key]) is type(value)


@pytest.mark.parametrize(
    "option",
    ["nothing", "=value", " =x", "acl=", "acl=,", "acl=hr,,legal", "acl=hr,\x07", "n=1e999", "a\0=1"],
)
def test_an_option_that_cannot_be_read_is_refused(option: str) -> None:
    with pytest.raises(MetadataOptionError, match="--meta"):
        parse_options([option])


def test_an_option_given_twice_is_refused() -> None:
    with pytest.raises(MetadataOptionError, match="'acl' twice"):
        parse_options(["acl=hr", "Acl=all"])


def test_a_sidecar_states_scalars_and_lists_of_strings() -> None:
    content = (
        '\ufeff{"Title": "标题", "n": 3, "x": 0.5, "ok": true, "tags": ["a", "b"], "acl": ["hr"]}'.encode()
    )
    assert parse_sidecar(content) == {
        "title": "标题", "n": 3, "x": 0.5, "ok": True, "tags": ("a", "b"), "acl": ("hr",),
    }  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'"acl"',
        b"{",
        b"\xff\xfe{}",
        b'{"a": null}',
        b'{"a": {"b": 1}}',
        b'{"a": [1]}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": 9223372036854775808}',
        b'{"": 1}',
        b'{"a": 1, "A": 2}',
        b'{"acl": ["hr"], "acl": ["all"]}',
        b'{"acl": ["hr"], "ACL": ["all"]}',
        b'{"acl": null}',
        b'{"acl": []}',
        b'{"acl": ""}',
        b'{"acl": [""]}',
        b'{"acl": ["hr", " "]}',
        b'{"acl": ["hr", 7]}',
        b'{"acl": [["hr"]]}',
        b'{"acl": {"hr": true}}',
        b'{"acl": true}',
        b'{"acl": 7}',
        b'{"acl": ["hr\\u0000"]}',
        b'{"acl": ["\\ud800"]}',
        b"[" * 100_000,
    ],
)
def test_a_sidecar_that_cannot_be_read_is_refused(content: bytes) -> None:
    with pytest.raises(MetadataError):
        parse_sidecar(content)


def test_a_refusal_does_not_show_what_the_file_holds() -> None:
    with pytest.raises(MetadataError) as caught:
        parse_sidecar(b'{"password": s3cret}')
    assert "s3cret" not in str(caught.value)


def test_what_is_stated_from_outside_overrides_the_file() -> None:
    own = {"Author": "Ann", "acl": "all", "year": 1999}
    assert merge_metadata(own, {"acl": ("hr",), "year": 2026}) == {
        "author": "Ann", "acl": ("hr",), "year": 2026,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stated", "groups"), [("hr", ("hr",)), ("hr, legal", ("hr", "legal")), (("hr", "hr "), ("hr",))]
)
def test_a_file_may_state_its_own_access_list(stated: MetadataValue, groups: tuple[str, ...]) -> None:
    assert merge_metadata({"ACL": stated}, {})["acl"] == groups


@pytest.mark.parametrize("stated", ["", " ", (), ("",), True, 7, 0.5])
def test_a_file_whose_access_list_is_none_is_refused_and_never_public(stated: MetadataValue) -> None:
    with pytest.raises(MetadataError, match="acl"):
        merge_metadata({"acl": stated}, {})


def test_two_access_lists_in_one_file_are_refused() -> None:
    with pytest.raises(MetadataError, match="twice"):
        merge_metadata({"acl": "hr", "ACL": "all"}, {})


def test_the_digest_tells_values_apart_and_not_orders() -> None:
    assert metadata_sha256({"a": 1, "b": ("x",)}) == metadata_sha256({"b": ("x",), "a": 1})
    different: list[dict[str, MetadataValue]] = [
        {},
        {"a": 1},
        {"a": "1"},
        {"a": True},
        {"a": ("1",)},
        {"b": 1},
    ]
    assert len({metadata_sha256(metadata) for metadata in different}) == len(different)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(acl=_json)
def test_whatever_an_access_list_is_it_ends_as_names_or_as_an_error(acl: object) -> None:
    try:
        groups = parse_sidecar(json.dumps({"acl": acl}).encode())["acl"]
    except MetadataError:
        return
    assert isinstance(groups, tuple)
    assert groups
    assert all(group and group == group.strip() for group in groups)


@given(st.binary(max_size=200))
def test_whatever_a_sidecar_holds_it_is_read_or_refused(content: bytes) -> None:
    try:
        stated = parse_sidecar(content)
    except MetadataError:
        return
    assert stated == check_metadata(stated.items())
