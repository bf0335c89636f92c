"""Refuses reStructuredText whose substitutions grow without bounds, before docutils expands them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ingest.errors import UnsafeFileError

_DEFINITION = re.compile(
    r"^[ ]*\.\.[ ]+\|(?P<name>[^|\n]{1,200})\|[ ]+[\w-]+::(?P<body>[^\n]*(?:\n[ ]+\S[^\n]*)*)", re.MULTILINE
)
_REFERENCE = re.compile(r"\|(?P<name>[^|\s](?:[^|\n]{0,198}[^|\s])?)\|")
_MAX_CHAIN = 10
_MAX_CHARACTERS = 10_000
_MAX_GROWTH = 1_000_000


def check_substitutions(source: str) -> None:
    """Nothing, where the substitutions of ``source`` add a fair number of characters.

    Raises:
        UnsafeFileError: one stands for itself, or they multiply as those of a bomb do.
    """
    bodies = {_key(found["name"]): found["body"] for found in _DEFINITION.finditer(source)}
    if not bodies:
        return
    sizes: dict[str, int] = {}
    for name in bodies:
        _measure(name, bodies, sizes, 0)
    growth = sum(sizes.get(_key(found["name"]), 0) for found in _REFERENCE.finditer(source))
    if growth > _MAX_GROWTH:
        raise UnsafeFileError(f"its substitutions would add {growth} characters: write them out.")


def _measure(name: str, bodies: Mapping[str, str], sizes: dict[str, int], chain: int) -> int:
    """How many characters ``name`` stands for in the end."""
    if name not in sizes:
        body = bodies.get(name, "")
        is_endless = chain > _MAX_CHAIN
        inner = () if is_endless else (_key(found["name"]) for found in _REFERENCE.finditer(body))
        size = len(body) + sum(_measure(key, bodies, sizes, chain + 1) for key in inner)
        if is_endless or size > _MAX_CHARACTERS:
            raise UnsafeFileError(
                f"its substitution {name[:40]!r} stands for itself or for a very long text: write it out."
            )
        sizes[name] = size
    return sizes[name]


def _key(name: str) -> str:
    return " ".join(name.lower().split())
