"""Who may add, replace and take away which documents.

A caller with groups writes only what is restricted to groups of their own: what they upload without an access
list gets these groups, and what others or all may see is not theirs to change. A caller in no group writes
what is for all. Without authentication everything may be written.
"""

from __future__ import annotations

from ingest.document import MetadataValue
from ingest.errors import ForbiddenError
from ingest.filters.access import groups_of
from ingest.sources.metadata import ACL, Metadata
from service.access.caller import Caller


def with_access_list(metadata: Metadata, caller: Caller) -> dict[str, MetadataValue]:
    """What a caller states of a document, restricted to their groups where it says nothing of groups.

    Raises:
        ForbiddenError: it names a group that is not theirs.
    """
    stated = groups_of(metadata)
    if caller.groups is None or (not stated and not caller.groups):
        return dict(metadata)
    strange = [group for group in stated if group not in caller.groups]
    if strange:
        raise ForbiddenError(
            f"the access list names {strange[0]!r}, which is no group of yours: name groups of your own, or "
            "leave the list out."
        )
    return {**metadata, ACL: stated or tuple(sorted(caller.groups))}


def require_writable(name: str, metadata: Metadata, caller: Caller) -> None:
    """Check that a document with this metadata is the caller's to replace or to take away.

    Raises:
        ForbiddenError: it is not.
    """
    if caller.groups is None:
        return
    owners = frozenset(groups_of(metadata))
    if owners <= caller.groups if owners else not caller.groups:
        return
    raise ForbiddenError(
        f"{name!r} is not restricted to groups of yours, and so not yours to change: take another name, or "
        "another key."
    )
