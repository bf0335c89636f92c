from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answer import Passage
from service.grounding.cite import Citer
from service.grounding.json_answer import JsonClaims, values_of, with_known_markers
from service.grounding.support import Grounding
from tests.service.scripted import passages_of

GROUNDING = Grounding(lambda _term: 1, 1000)
ANY_SCHEMA = '{"type": "object"}'
SOURCE = "The default rank of an adapter is 16. Alpha is twice the rank, so 32."

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]))
documents = st.recursive(
    scalars | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=12
)


def leaves(value: Any) -> list[str]:
    """Strings and numbers in the order in which they are written."""
    match value:
        case dict():
            return [leaf for part in value.values() for leaf in leaves(part)]
        case list():
            return [leaf for part in value for leaf in leaves(part)]
        case bool() | None:
            return []
        case str():
            return [value]
        case _:
            return [json.dumps(value)]


def citer(*sources: str) -> Citer:
    return Citer("What is the default rank?", passages(*sources), GROUNDING)


def passages(*sources: str) -> tuple[Passage, ...]:
    return passages_of(*(sources or (SOURCE,)))


@given(documents, st.booleans(), st.sampled_from([None, 2]))
def test_every_string_and_number_is_found_where_it_stands(
    document: Any, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
    found = list(values_of(text))
    assert [value.said for value in found] == leaves(document)
    for value in found:
        assert len(value.offsets) == len(value.said) + 1
        for (start, end), character in zip(pairwise(value.offsets), value.said, strict=True):
            written = text[start:end]
            assert written == character or json.loads(f'"{written}"') == character


@given(documents, st.booleans())
def test_a_document_without_markers_is_left_as_it_is(document: Any, ascii_only: bool) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only)
    if "[" not in "".join(leaves(document)):
        assert with_known_markers(text, {1, 2}) == (text, 0)


@given(documents, st.sets(st.integers(1, 3)), st.integers(1, 4))
def test_only_known_markers_are_left_and_the_text_stays_json(
    document: Any, known: set[int], number: int
) -> None:
    text = json.dumps({"a": document, "b": f"Said [{number}]. 𠮷\n"})
    read = with_known_markers(text, known)
    assert read is not None
    cleaned = json.loads(read[0])["b"]
    assert cleaned == (f"Said [{number}]. 𠮷\n" if number in known else "Said. 𠮷\n")


def test_an_array_of_numbers_is_no_marker() -> None:
    assert with_known_markers('{"ranks": [1, 2], "of": "LoRA [9]"}', {1}) == (
        '{"ranks": [1, 2], "of": "LoRA"}',
        1,
    )


@pytest.mark.parametrize("text", ["", "{", '{"a": "b', "Rank 16 [1].", '"\\ud83d"', "{} {}", '{"a": NaN}'])
def test_what_is_no_json_is_known(text: str) -> None:
    assert with_known_markers(text, {1}) is None


def test_claims_are_cited_where_they_stand_in_the_json() -> None:
    text = '{"rank": 16, "note": "The default rank is 16 [1]. \\u0041lpha is 32."}'
    cited = JsonClaims(text, ANY_SCHEMA).cite(citer())
    assert [text[c.answer_start : c.answer_end] for c in cited.citations] == [
        "16",
        "The default rank is 16 [1].",
        "\\u0041lpha is 32.",
    ]
    assert all(citation.supported for citation in cited.citations)
    assert cited.groundedness == 1.0
    assert {SOURCE[c.quote_start : c.quote_end] == c.quote for c in cited.citations} == {True}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('{"rank": 16}', True),
        ('{"rank": 17}', False),
        ('{"rank": "16", "sure": true, "more": null}', True),
        ('{"note": "The default rank is 16. The moon is made of cheese."}', False),
        ('{"note": ""}', True),
        ("{}", True),
    ],
)
def test_json_holds_when_every_claim_does(text: str, holds: bool) -> None:
    assert JsonClaims(text, ANY_SCHEMA).are_borne_out(citer()) is holds


def test_the_schemas_own_choices_are_no_claims() -> None:
    schema = json.dumps(
        {
            "properties": {
                "mood": {"enum": ["sunny", "grim"]},
                "kind": {"const": "forecast"},
                "size": {"enum": [7]},
            }
        }
    )
    text = '{"mood": "sunny", "kind": "forecast", "size": 7, "rank": 16}'
    assert JsonClaims(text, schema).are_borne_out(citer())
    assert not JsonClaims(text, ANY_SCHEMA).are_borne_out(citer())


@given(documents)
def test_any_schema_can_be_read_for_choices(schema: Any) -> None:
    assert JsonClaims("{}", json.dumps({"enum": [schema, "\ud800", 2**80], "of": schema})).are_borne_out(
        citer()
    )


def test_a_value_in_the_words_of_the_refusal_refuses() -> None:
    said = '{"answer": "I don\'t know: the sources do not say."}'
    assert JsonClaims(said, ANY_SCHEMA).say_nothing("en")
    assert not JsonClaims('{"answer": "16"}', ANY_SCHEMA).say_nothing("en")
