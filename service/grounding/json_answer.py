"""Answers in JSON: what they claim, where it stands, and whether the sources bear it out.

A claim is a sentence of a string, or a number. Keys, true, false and null claim nothing, nor do the choices
that the schema itself lists (``enum``, ``const``): these are the client's own words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import msgspec

from service.grounding.cite import Cited, Citer, MarkerFilter, without_markers
from service.grounding.entailed import judge_entailment
from service.grounding.entailment import Entailment
from service.prompt import is_refusal

_STRING_OR_NUMBER = re.compile(
    r'"(?P<string>(?:[^"\\]|\\.)*)"(?P<colon>\s*:)?|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)'
)
_CHARACTER = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.|.", re.DOTALL)
"""A character of a JSON string as it is written; beyond the basic plane an escape takes two units."""


NO_JSON = {
    "en": "No answer can be given in this form now.",
    "zh": "现在无法以这种形式作答。",
}
"""What is said in place of an answer in JSON that the generator could not give, though the sources might."""


@dataclass(frozen=True, slots=True)
class Value:
    """A string or number of a JSON text; ``said[i]`` stands in the text from ``offsets[i]`` to the next."""

    said: str
    offsets: Sequence[int]


def values_of(text: str) -> Iterator[Value]:
    """The strings and numbers of ``text``, which is valid JSON, in their order; keys are none."""
    for match in _STRING_OR_NUMBER.finditer(text):
        if match["number"] is not None:
            yield Value(match["number"], range(match.start(), match.end() + 1))
        elif match["colon"] is None:
            start, end = match.span("string")
            offsets = [found.start() for found in _CHARACTER.finditer(text, start, end)]
            yield Value(msgspec.json.decode(text[start - 1 : end + 1], type=str), [*offsets, end])


def with_known_markers(text: str, known: Container[int]) -> tuple[str, int] | None:
    """``text`` without the markers in its strings that name none of ``known``, and how many there were.

    None for a text that is no JSON, or is cut off.
    """
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    markers = MarkerFilter(known)
    parts: list[str] = []
    end = 0
    for value in values_of(text):
        cleaned = markers.feed(value.said) + markers.finish()
        if cleaned != value.said:
            start = value.offsets[0]
            parts += (text[end:start], msgspec.json.encode(cleaned).decode()[1:-1])
            end = value.offsets[-1]
    return "".join((*parts, text[end:])), markers.invented


class JsonClaims:
    """The claims of an answer in JSON."""

    def __init__(self, text: str, schema: str) -> None:
        """``text`` is valid JSON, and so is ``schema``."""
        self._text = text
        choices = set(_choices_of(json.loads(schema)))
        self._values = [value for value in values_of(text) if value.said not in choices]

    def say_nothing(self, language: str) -> bool:
        """Whether a value is the refusal's words: the grammar left the model no other way to refuse."""
        return any(is_refusal(without_markers(value.said), language) for value in self._values)

    def are_borne_out(self, citer: Citer, entailment: Entailment | None = None) -> bool:
        """Whether a source bears out every one, and ``entailment`` agrees.

        Raises:
            EntailmentError: the model failed.
        """
        cited = self.cite(citer)
        if not all(sentence.supported for sentence in cited.sentences):
            return False
        if entailment is not None:
            cited = judge_entailment(cited, self._text, entailment)
        return all(sentence.supported for sentence in cited.sentences)

    def cite(self, citer: Citer) -> Cited:
        """The citations and the claims, each checked; their spans are those in the JSON text."""
        cited = [(citer.cite(value.said), value.offsets) for value in self._values]
        return Cited(
            citations=tuple(
                replace(found, answer_start=at[found.answer_start], answer_end=at[found.answer_end])
                for part, at in cited
                for found in part.citations
            ),
            sentences=tuple(
                replace(found, start=at[found.start], end=at[found.end])
                for part, at in cited
                for found in part.sentences
            ),
        )


def _choices_of(schema: object) -> Iterator[str]:
    """The texts of all values that a schema, or a part of one, lists as the only ones allowed."""
    if isinstance(schema, dict):
        for key, part in cast("dict[str, object]", schema).items():
            if key in ("enum", "const"):
                yield from (_said(choice) for choice in _listed(part))
            else:
                yield from _choices_of(part)
    elif isinstance(schema, list):
        for part in cast("list[object]", schema):
            yield from _choices_of(part)


def _listed(part: object) -> list[object]:
    return cast("list[object]", part) if isinstance(part, list) else [part]


def _said(choice: object) -> str:
    return choice if isinstance(choice, str) else json.dumps(choice)
