from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import ForbiddenError
from ingest.filters.access import groups_of, may_see
from service.access.caller import ANYONE, Caller, Scope
from service.jobs.ownership import require_writable, with_access_list

groups = st.frozensets(st.sampled_from(["hr", "it", "board"]))


def uploader(groups: frozenset[str]) -> Caller:
    return Caller("bot", frozenset({Scope.INGEST}), groups)


@given(groups, groups)
def test_nobody_writes_what_is_for_others(own: frozenset[str], stated: frozenset[str]) -> None:
    caller = uploader(own)
    metadata = {"acl": tuple(sorted(stated))} if stated else {}
    try:
        kept = with_access_list(metadata, caller)
    except ForbiddenError:
        assert not stated <= own
        return
    restricted = frozenset(groups_of(kept))
    assert restricted <= own
    assert bool(restricted) == bool(
        own
    )  # whoever is in a group never publishes to all by leaving something out
    require_writable("a.txt", kept, caller)
    assert may_see(kept, own)


@given(groups, groups, groups)
def test_another_group_neither_replaces_nor_deletes(
    own: frozenset[str], stated: frozenset[str], other: frozenset[str]
) -> None:
    try:
        kept = with_access_list({"acl": tuple(stated)} if stated else {}, uploader(own))
    except ForbiddenError:
        return
    owners = frozenset(groups_of(kept))
    if owners <= other and (owners or not other):
        require_writable("a.txt", kept, uploader(other))
    else:
        with pytest.raises(ForbiddenError):
            require_writable("a.txt", kept, uploader(other))


def test_without_authentication_everything_may_be_written() -> None:
    assert with_access_list({"acl": ("hr",)}, ANYONE) == {"acl": ("hr",)}
    assert with_access_list({"kind": "memo"}, ANYONE) == {"kind": "memo"}
    require_writable("a.txt", {"acl": ("hr",)}, ANYONE)
