"""Nested tables to dotted keys, and back."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any, cast


def flatten(
    table: Mapping[str, Any], prefix: str = "", *, whole: Container[str] = ()
) -> Iterator[tuple[str, Any]]:
    """The leaves of nested tables, each with its dotted key; the tables at the keys ``whole`` are leaves."""
    for key, value in table.items():
        if isinstance(value, Mapping) and f"{prefix}{key}" not in whole:
            yield from flatten(cast("Mapping[str, Any]", value), f"{prefix}{key}.", whole=whole)
        else:
            yield f"{prefix}{key}", value


def nest(values: Mapping[str, Any]) -> dict[str, Any]:
    """The nested tables that ``flatten`` makes such leaves of."""
    nested: dict[str, Any] = {}
    for dotted, value in values.items():
        *parents, leaf = dotted.split(".")
        table = nested
        for parent in parents:
            table = table.setdefault(parent, {})
        table[leaf] = value
    return nested
