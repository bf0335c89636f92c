"""The two forms in which users write a filter.

On the command line, ``--filter`` repeated: ``lang=en,zh``, ``lang!=de``, ``year>=2024``, ``date<2025-01-01``,
``uri=file:///docs/*``, and ``author=*`` for any author. A value that holds a comma stands in double quotes.
In JSON, an object: ``{"lang": ["en", "zh"], "year": {"gte": 2024, "lt": 2026}, "uri": {"prefix": "file:///"}}``,
with the operators ``in``, ``not``, ``gte``, ``gt``, ``lte``, ``lt`` and ``prefix``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ingest.errors import FilterError
from ingest.filters.filters import (
    Between,
    Comparison,
    Condition,
    Filter,
    Meaning,
    OneOf,
    StartsWith,
    meant,
    written,
)
from ingest.sources.metadata import normal_key

_OPTION = re.compile(r"(?P<key>[^=!<>]+)(?P<sign>!=|>=|<=|=|>|<)(?P<value>.*)", re.DOTALL)
_BOUNDS: tuple[Comparison, ...] = ("gte", "gt", "lte", "lt")
_OPERATOR_OF = {">=": "gte", ">": "gt", "<=": "lte", "<": "lt", "!=": "not", "=": "in"}
_OPERATORS = (*_BOUNDS, "in", "not", "prefix")
_MOST_CONDITIONS = 64
_MOST_VALUES = 1000


def parse_filter(options: Sequence[str]) -> Filter:
    """The filter that ``--filter`` options state; values of options with the same key are alternatives.

    Raises:
        FilterError: an option has another form, or contradicts another.
    """
    stated: dict[str, dict[str, object]] = {}
    for option in options:
        match = _OPTION.fullmatch(option)
        if match is None:
            raise FilterError(
                f"--filter {option!r} is no condition: write KEY=VALUE, KEY=A,B, KEY!=VALUE, KEY>=VALUE or "
                "KEY=PREFIX*."
            )
        operators = stated.setdefault(match["key"], {})
        _state(operators, _OPERATOR_OF[match["sign"]], match["value"].strip(), option)
    return read_filter(stated)


def _state(operators: dict[str, object], operator: str, text: str, option: str) -> None:
    """Add what one option states to what the others say of its key."""
    if operator in ("in", "not") and not (operator == "in" and text.endswith("*")):
        listed = cast("list[str]", operators.setdefault(operator, []))
        try:
            listed += [value for row in csv.reader([text], skipinitialspace=True) for value in row]
        except csv.Error as error:
            raise FilterError(
                f"--filter {option!r} cannot be read ({error}): write it on one line."
            ) from error
        return
    operator, operand = ("prefix", text[:-1]) if operator == "in" else (operator, text)
    if operator in operators:
        raise FilterError(f"--filter {option!r} states {operator!r} of its key again: state it once.")
    operators[operator] = operand


def read_filter(stated: Mapping[str, object]) -> Filter:
    """The filter that a JSON object states.

    Raises:
        FilterError: it does not have the form that is described above.
    """
    conditions: list[Condition] = []
    for key, wanted in stated.items():
        name = normal_key(key)
        if not name:
            raise FilterError(f"the filter has the key {key[:40]!r}: a key is a short word.")
        conditions += _conditions(name, wanted)
    if len(conditions) > _MOST_CONDITIONS:
        raise FilterError(
            f"the filter has {len(conditions)} conditions, and at most {_MOST_CONDITIONS} are read: ask "
            "for less."
        )
    return Filter(tuple(conditions))


def write_filter(wanted: Filter) -> tuple[dict[str, Any], ...]:
    """The conditions of a filter, each as a JSON object that ``read_filter`` reads."""
    return tuple({condition.name: _operators(condition)} for condition in wanted.conditions)


def _operators(condition: Condition) -> dict[str, object]:
    match condition.test:
        case OneOf(values):
            return {"not" if condition.negated else "in": sorted(map(_text_of, values))}
        case Between(bounds):
            return {comparison: _text_of(bound) for comparison, bound in bounds}
        case StartsWith(prefix):
            return {"prefix": prefix}


def _text_of(meaning: Meaning) -> str:
    """The text that means this; see ``ingest.filters.filters.meant``."""
    kind, value = meaning
    match kind:
        case "truth":
            return "true" if value else "false"
        case "day" | "moment":
            return value.isoformat()
        case "number" | "written":
            return str(value)


def _conditions(name: str, wanted: object) -> list[Condition]:
    if not isinstance(wanted, Mapping):
        return [Condition(name, _one_of(name, wanted))]
    operators = cast("Mapping[str, object]", wanted)
    unknown = sorted(set(operators) - set(_OPERATORS))
    if unknown or not operators:
        found = f"the operator {unknown[0][:40]!r}" if unknown else "no operator"
        raise FilterError(f"the filter on {name!r} has {found}: expected one of {', '.join(_OPERATORS)}.")
    found = [
        Condition(name, _one_of(name, operators[operator]), negated=operator == "not")
        for operator in ("in", "not")
        if operator in operators
    ]
    bounds: list[tuple[Comparison, Meaning]] = [
        (bound, _bound(name, operators[bound])) for bound in _BOUNDS if bound in operators
    ]
    if bounds:
        found.append(Condition(name, Between(tuple(bounds))))
    if "prefix" in operators:
        found.append(Condition(name, _starts_with(name, operators["prefix"])))
    return found


def _one_of(name: str, wanted: object) -> OneOf:
    listed = cast("Sequence[object]", wanted) if isinstance(wanted, (list, tuple)) else (wanted,)
    if not listed or len(listed) > _MOST_VALUES:
        raise FilterError(
            f"the filter on {name!r} lists {len(listed)} values: expected from 1 to {_MOST_VALUES} of them."
        )
    return OneOf(frozenset(meant(_written(name, value)) for value in listed))


def _bound(name: str, wanted: object) -> Meaning:
    meaning = meant(_written(name, wanted))
    if meaning[0] in ("written", "truth"):
        raise FilterError(
            f"the filter on {name!r} has the bound {str(wanted)[:40]!r}: expected a number or a date such as "
            "2024-05-31 or 2024-05-31T12:00:00Z."
        )
    return meaning


def _starts_with(name: str, wanted: object) -> StartsWith:
    if not isinstance(wanted, str):
        raise FilterError(f"the filter on {name!r} has a prefix that is no text: put it in quotes.")
    return StartsWith(_encodable(name, wanted))


def _written(name: str, value: object) -> str:
    if isinstance(value, (str, bool, int, float)):
        return _encodable(name, written(value)[0])
    raise FilterError(
        f"the filter on {name!r} asks for {'null' if value is None else type(value).__name__}: expected a "
        "string, a number, true, false, or a list of these."
    )


def _encodable(name: str, text: str) -> str:
    """``text``, which an answer's record can keep: JSON can escape half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise FilterError(
            f"the filter on {name!r} holds half of a surrogate pair: expected Unicode text, correct it."
        ) from error
    return text
