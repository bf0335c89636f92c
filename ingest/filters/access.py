"""Who may see a document: whoever is in a group that its ``acl`` names, and all where it has none."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from ingest.document import MetadataValue
from ingest.sources.metadata import ACL

PUBLIC = "*"
"""Stands for the groups of a document that all may see; no group has a name of signs alone."""


def groups_of(metadata: Mapping[str, MetadataValue]) -> tuple[str, ...]:
    """The groups that may see a document with this metadata; empty for one that all may see."""
    stated = metadata.get(ACL, ())
    return stated if isinstance(stated, tuple) else (str(stated),)


def may_see(metadata: Mapping[str, MetadataValue], groups: AbstractSet[str]) -> bool:
    """Whether someone in ``groups`` may see a document with this metadata."""
    allowed = groups_of(metadata)
    return not allowed or not groups.isdisjoint(allowed)


def access_terms(groups: AbstractSet[str] | tuple[str, ...]) -> tuple[str, ...]:
    """How groups are written in the BM25 index, so that none can be taken for ``PUBLIC``."""
    return tuple(f"group:{group}" for group in sorted(groups))
