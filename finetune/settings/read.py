"""A file of settings, and overrides written as ``section.key=value``, as plain values."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from ingest.errors import SettingsError


def read_file(path: Path) -> dict[str, Any]:
    """The values of a YAML or TOML file.

    Raises:
        SettingsError: it cannot be read, or holds no table.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the configuration {path} cannot be read ({error}): name a YAML or TOML file."
        ) from error
    if path.suffix == ".toml":
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{path} is not valid TOML ({error}): correct it.") from error
    if path.suffix in {".yaml", ".yml"}:
        return _read_yaml(path, text)
    raise SettingsError(f"the configuration {path} ends in {path.suffix!r}: expected .yaml, .yml or .toml.")


def override(values: dict[str, Any], text: str) -> None:
    """Set ``section.key=value`` in ``values``; the value is written as in TOML, and bare words are texts.

    Raises:
        SettingsError: ``text`` has another form, or goes through a value.
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise SettingsError(f"{text!r} is no override: write it as section.key=value.")
    *parents, leaf = key.split(".")
    table = values
    for parent in parents:
        below = table.setdefault(parent, {})
        if not isinstance(below, dict):
            raise SettingsError(
                f"{key!r} goes through {parent!r}, which is a value: name a section and a key."
            )
        table = cast("dict[str, Any]", below)
    table[leaf] = _value(value)


class _NoKeyTwice(yaml.SafeLoader):
    """YAML forbids a key twice, and PyYAML takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As the loader; a key that is there twice is an error."""
        keys = [key.value for key, _ in node.value]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"{twice!r} is there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _read_yaml(path: Path, text: str) -> dict[str, Any]:
    try:
        value: object = yaml.load(text, _NoKeyTwice)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise SettingsError(f"{path} is not valid YAML ({reason}): correct it.") from error
    if not isinstance(value, Mapping):
        raise SettingsError(f"{path} holds no table of settings: write `section:` and its keys.")
    return dict(cast("Mapping[str, Any]", value))


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
