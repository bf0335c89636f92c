"""What is stated about a document from outside: ``--meta``, sidecar files, columns of a database.

Who wins where several say something, first to last: ``--meta``, the file's own sidecar
(``NAME.meta.json``), the ``.meta.json`` of its folder, those of the folders above, and at last the file
itself (front matter, properties). So whoever runs the ingest has the last word, not whoever wrote the file.

The key ``acl`` lists the groups that may see a document; a document without it may be seen by all. So a
list that cannot be read must never become none: the file is refused.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from ingest.document import MetadataValue
from ingest.errors import MetadataError, MetadataOptionError

ACL = "acl"
Metadata = Mapping[str, MetadataValue]

_MAX_KEY_CHARACTERS = 100
_MAX_INTEGER = 2**63 - 1
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def parse_options(options: Sequence[str]) -> dict[str, MetadataValue]:
    """The metadata that ``--meta KEY=VALUE`` options state.

    Raises:
        MetadataOptionError: an option has another form, is given twice, or its value is not allowed.
    """
    found: dict[str, MetadataValue] = {}
    for option in options:
        key, equals, text = option.partition("=")
        try:
            if not equals:
                raise MetadataError("it has no '='")
            name = check_key(key)
            value = parse_value(name, text)
        except MetadataError as error:
            raise MetadataOptionError(
                f"--meta {option!r} cannot be read ({error}): write it as KEY=VALUE, say --meta acl=staff,hr."
            ) from error
        if name in found:
            raise MetadataOptionError(f"--meta states {name!r} twice: state it once.")
        found[name] = value
    return found


def parse_value(key: str, text: str) -> MetadataValue:
    """The value of ``text``: true and false, a number as JSON writes it, else the text itself.

    A text in double quotes is text whatever it holds (``"1.10"``); the groups of ``acl`` are separated by
    commas.

    Raises:
        MetadataError: the value is not allowed.
    """
    text = text.strip()
    if key == ACL:
        return check_acl(text)
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if _NUMBER.fullmatch(text):
        return check_value(key, json.loads(text))
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            return check_value(key, json.loads(text, strict=False))
        except ValueError:
            pass  # quotes that are part of the text
    return check_value(key, text)


def parse_sidecar(content: bytes) -> dict[str, MetadataValue]:
    """The metadata that a sidecar file's JSON object states.

    Raises:
        MetadataError: it is no JSON object of strings, numbers, booleans and lists of strings.
    """
    try:
        loaded: object = json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=_Pairs, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        place = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise MetadataError(f"it is no JSON{place}") from error
    if not isinstance(loaded, _Pairs):
        raise MetadataError("it is no JSON object")
    return check_metadata(loaded)


def check_metadata(entries: Iterable[tuple[object, object]]) -> dict[str, MetadataValue]:
    """Keys in lower case and values of the kinds that are kept.

    Raises:
        MetadataError: a key is given twice or is none, or a value is not allowed.
    """
    found: dict[str, MetadataValue] = {}
    for key, value in entries:
        name = check_key(key)
        if name in found:
            raise MetadataError(f"{name!r} is stated twice")
        found[name] = check_value(name, value)
    return found


def check_key(key: object) -> str:
    """A key as it is kept: in lower case, so that "ACL" is "acl".

    Raises:
        MetadataError: it is no key.
    """
    name = normal_key(key) if isinstance(key, str) else ""
    if not name or len(name) > _MAX_KEY_CHARACTERS or _CONTROL.search(name):
        raise MetadataError(f"{str(key)[:40]!r} is no key: a key is a short word")
    return name


def check_value(key: str, value: object) -> MetadataValue:
    """A value as it is kept.

    Raises:
        MetadataError: it is none of a string, a finite number, a boolean and a list of strings.
    """
    if key == ACL:
        return check_acl(value)
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float)):
        if math.isfinite(value) and abs(value) <= _MAX_INTEGER:
            return value
        raise MetadataError(f"{key!r} is a number out of range")
    items = _strings(value)
    if items is None:
        raise MetadataError(
            f"{key!r} is {_kind(value)}, and a value is a string, a number, true, false or a list of strings"
        )
    return items


def check_acl(value: object) -> tuple[str, ...]:
    """The groups that may see a document: a list of names, or a string with commas between them.

    Raises:
        MetadataError: it names no group, or something that is no name.
    """
    items = tuple(value.split(",")) if isinstance(value, str) else _strings(value)
    if items is None:
        raise MetadataError(f"'acl' is {_kind(value)}, and must be a list of group names")
    groups = tuple(dict.fromkeys(item.strip() for item in items))
    if not groups or any(not group or _CONTROL.search(group) for group in groups):
        raise MetadataError(
            "'acl' must name one group or more and none that is blank; a document without the key is for all"
        )
    return groups


def merge_metadata(own: Metadata, outside: Metadata) -> dict[str, MetadataValue]:
    """The metadata of a document: what its file states, overridden by what is stated from outside.

    Raises:
        MetadataError: the access list that results is none.
    """
    stated = [(name, value) for key, value in own.items() if (name := normal_key(key))]
    if ACL not in outside and sum(name == ACL for name, _ in stated) > 1:
        raise MetadataError("the file states 'acl' twice: state it once.")
    merged = {**dict(stated), **outside}
    if ACL in merged:
        try:
            merged[ACL] = check_acl(merged[ACL])
        except MetadataError as error:
            raise MetadataError(f"{error}: correct it where it is stated.") from error
    return merged


def metadata_sha256(metadata: Metadata) -> str:
    """A digest that changes when any of it does, and not with its order."""
    listed = sorted((key, list(v) if isinstance(v, tuple) else v) for key, v in metadata.items())
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def normal_key(key: str) -> str:
    """The one spelling of a key."""
    return unicodedata.normalize("NFKC", key).strip().lower()


class _Pairs(list[tuple[str, object]]):
    """The entries of a JSON object, those with the same key included."""


def _strings(value: object) -> tuple[str, ...] | None:
    if isinstance(value, _Pairs) or not isinstance(value, (list, tuple)):
        return None
    items = cast("Sequence[object]", value)
    strings = tuple(item for item in items if isinstance(item, str))
    return strings if len(strings) == len(items) else None


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, (_Pairs, Mapping)):
        return "an object"
    if isinstance(value, (list, tuple)):
        return "a list of other things than strings"
    return f"a {type(value).__name__}"


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")
