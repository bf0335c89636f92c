"""Where settings come from besides the command line: the file and the environment, by dotted key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingest.dotted_keys import flatten
from ingest.errors import SettingsError

ENVIRONMENT_PREFIX = "TROIKA_"
CONFIG_VARIABLE = "TROIKA_CONFIG"
_LISTS = frozenset(
    (
        "auth.scopes",
        "generator.base_urls",
        "generator.languages",
        "retrieval.groups",
        "server.cors_origins",
        "server.trusted_hosts",
    )
)
_TABLES = frozenset(("routing.aliases", "routing.collections"))


def read_file(environment: Mapping[str, str], directory: Path) -> dict[str, Any]:
    """The settings of the file that the environment names, or of ``troika.toml`` in ``directory``, if any.

    Raises:
        SettingsError: the named file is not there, or the file is not TOML.
    """
    named = environment.get(CONFIG_VARIABLE)
    path = Path(named) if named else directory / "troika.toml"
    if not path.is_file():
        if named:
            raise SettingsError(
                f"{CONFIG_VARIABLE} names {named!r}, which is not a file: correct or unset it."
            )
        return {}
    try:
        return dict(flatten(tomllib.loads(path.read_text("utf-8")), "", whole=_TABLES))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as TOML ({error}): correct it or remove it.") from error


def read_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings among the variables of ``environment``.

    Lists are cut at commas, as are tables, whose parts are ``NAME=VALUE``.
    """
    found: dict[str, Any] = {}
    for name, value in environment.items():
        if not name.startswith(ENVIRONMENT_PREFIX) or name == CONFIG_VARIABLE:
            continue
        key = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
        parts = tuple(map(str.strip, value.split(",")))
        if key in _TABLES:
            pairs = (part.partition("=") for part in parts if part)
            found[key] = {name.strip(): held.strip() for name, _, held in pairs}
        else:
            found[key] = parts if key in _LISTS else value
    return found
