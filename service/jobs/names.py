"""What an uploaded file is called."""

from __future__ import annotations

import re
import unicodedata

from ingest.errors import UploadError
from ingest.sources.sidecars import SIDECAR_SUFFIX, is_sidecar

_MAX_BYTES = 255 - len(SIDECAR_SUFFIX)
"""File systems take 255 bytes, and the sidecar's name is the longest."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def upload_name(stated: str) -> str:
    """The name that an upload is kept under: the last part of the path that a client stated (RFC 7578, 4.2),
    in one spelling, without what is unprintable or turns the direction of writing, and hides nothing.

    Raises:
        UploadError: nothing is left of it, it is too long, or it is reserved.
    """
    last = re.split(r"[/\\]", stated)[-1]
    name = _UNPRINTABLE.sub("", unicodedata.normalize("NFC", last)).strip().lstrip(".").strip()
    if not name:
        raise UploadError(f"{stated[:80]!r} is no name for a file: name it like report.pdf.")
    if len(name.encode()) > _MAX_BYTES:
        raise UploadError(f"the name {name[:40]!r}… has more than {_MAX_BYTES} bytes: shorten it.")
    if is_sidecar(name):
        raise UploadError(
            f"the name {name[:80]!r} is reserved: send metadata in the field `metadata`, or rename the file."
        )
    return name
