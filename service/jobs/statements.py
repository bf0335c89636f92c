"""What a request states of the files that it brings; ``ingest.sources.metadata`` says what may be stated."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from ingest.document import MetadataValue
from ingest.errors import MetadataError, UploadError
from ingest.sources.metadata import ACL, Metadata, check_metadata, parse_sidecar
from service.jobs.names import upload_name

FIELDS = ("acl", "metadata", "metadata_by_name")
"""The names of the fields beside the files."""


def stated_by_form(fields: Mapping[str, str], names: Sequence[str]) -> list[Metadata]:
    """What the fields of a form state of each of its files.

    Args:
        fields: ``metadata`` is a JSON object, of all files; ``acl`` names groups, with commas between them;
            ``metadata_by_name`` is an object of objects by file name, which override both.
        names: those of the files.

    Raises:
        UploadError: a field cannot be used.
    """
    of_all = _parsed("metadata", fields.get("metadata", "{}"))
    if ACL in fields:
        of_all |= checked("the field 'acl'", [(ACL, fields[ACL])])
    by_name = _by_name(fields.get("metadata_by_name", "{}"))
    if strange := sorted(by_name.keys() - set(names)):
        raise UploadError(
            f"metadata_by_name describes {strange[0][:80]!r}, which is no file of the form: correct the name."
        )
    return [{**of_all, **by_name.get(name, {})} for name in names]


def checked(where: str, entries: Iterable[tuple[object, object]]) -> dict[str, MetadataValue]:
    """Metadata as they are kept; ``where`` says what they are, for the error.

    Raises:
        UploadError: they cannot be used.
    """
    try:
        return _encodable(where, check_metadata(entries))
    except MetadataError as error:
        raise _unusable(where, error) from error


def _by_name(text: str) -> dict[str, Metadata]:
    try:
        loaded: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UploadError(f"the field 'metadata_by_name' is no JSON ({error}): send an object.") from error
    described = cast("dict[str, object]", loaded) if isinstance(loaded, dict) else {}
    if not isinstance(loaded, dict) or not all(isinstance(of_one, dict) for of_one in described.values()):
        raise UploadError("the field 'metadata_by_name' must be an object of objects, by file name.")
    return {
        upload_name(name): checked(f"metadata_by_name[{name!r}]", cast("dict[str, object]", of_one).items())
        for name, of_one in described.items()
    }


def _parsed(field: str, text: str) -> dict[str, MetadataValue]:
    try:
        return _encodable(field, parse_sidecar(text.encode()))
    except MetadataError as error:
        raise _unusable(f"the field {field!r}", error) from error


def _encodable(where: str, metadata: dict[str, MetadataValue]) -> dict[str, MetadataValue]:
    try:
        json.dumps(metadata, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise UploadError(f"{where} holds half of a surrogate pair: send Unicode text.") from error
    return metadata


def _unusable(where: str, error: MetadataError) -> UploadError:
    return UploadError(
        f"{where} cannot be used ({error}): state strings, numbers, booleans, lists of strings."
    )
