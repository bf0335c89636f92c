"""The types of the web page say what the server answers; `npm run types` makes them from a running one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.settings import Settings
from service.app import create_app
from service.server import open_parts

TYPES = Path(__file__).parents[2] / "service" / "web" / "src" / "api" / "schema.d.ts"
_BODY = re.compile(r"^        (\w+): (?:\{$(.*?)^        \};|([^{\n]+);)", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^            (\w+|\"[^\"]+\")(\??): ", re.MULTILINE)


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    parts = open_parts(settings)
    try:
        return create_app(settings, parts).openapi()
    finally:
        parts.history.close()


def typed() -> Iterator[tuple[str, set[str] | None, set[str]]]:
    """Each type, with its fields and those that may be missing, or None and its values."""
    schemas = TYPES.read_text("utf-8").partition("    schemas: {\n")[2].partition("    responses: never;")[0]
    for name, body, values in _BODY.findall(schemas):
        if values:
            yield name, None, set(re.findall(r'"([^"]*)"', values))
        else:
            fields = _FIELD.findall(body)
            yield name, {field.strip('"') for field, _ in fields}, {field for field, may in fields if may}


def test_each_type_of_the_page_has_the_fields_of_the_server(description: dict[str, Any]) -> None:
    expected: dict[str, tuple[set[str] | None, set[str]]] = {}
    for name, schema in description["components"]["schemas"].items():
        if "enum" in schema or "const" in schema:
            expected[name] = (None, set(map(str, schema.get("enum", [schema.get("const")]))))
        elif "properties" in schema:
            fields = set(schema["properties"])
            expected[name] = (fields, fields - set(schema.get("required", ())))
    found = {name: (fields, values) for name, fields, values in typed() if name in expected}
    assert found == expected


def test_the_page_knows_each_path_of_the_server(description: dict[str, Any]) -> None:
    paths = TYPES.read_text("utf-8").partition("export interface paths {")[2].partition("\n}\n")[0]
    assert set(re.findall(r'^    "([^"]+)": \{$', paths, re.MULTILINE)) == set(description["paths"])
