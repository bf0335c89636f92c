from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import DatabaseError, KeyNameError, KeyNotFoundError
from service.access.caller import Scope
from service.access.key_ring import KeyRing
from service.access.key_store import KEYS_FILE, KeyStore
from service.access.keys import KeyGrant, new_key, split_key
from service.access.rates import Rate

GRANT = KeyGrant("app", frozenset({Scope.QUERY}), frozenset({"hr"}), Rate(60, 60), Rate(10_000, 86_400))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    opened = KeyStore(tmp_path)
    yield opened
    opened.close()


def secret_of(told: str) -> str:
    split = split_key(told)
    assert split is not None
    return split[1]


def valid_ids(store: KeyStore) -> list[str]:
    return [key.id for key in store.all() if key.is_valid(datetime.now(UTC))]


def test_a_key_fits_its_own_secret_and_no_other() -> None:
    (told, key), (other, _) = new_key(GRANT, None), new_key(GRANT, None)
    assert split_key(told) == (key.id, secret_of(told))
    assert key.fits(secret_of(told))
    assert not key.fits(secret_of(other))
    assert not key.fits("")


@given(st.text(max_size=80))
def test_what_is_no_key_is_not_split(text: str) -> None:
    assert split_key(text) is None


def test_what_is_kept_of_a_key_does_not_hold_its_secret(store: KeyStore, tmp_path: Path) -> None:
    told, key = store.create(GRANT)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert key.id.encode() in kept
    assert secret_of(told).encode() not in kept
    assert secret_of(told) not in repr(key)
    assert key.digest.hex() not in repr(key)


def test_the_file_is_for_its_owner_alone(store: KeyStore, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / KEYS_FILE).stat().st_mode) == 0o600


def test_a_key_is_read_back_as_it_was_made(store: KeyStore) -> None:
    _, made = store.create(GRANT, datetime.now(UTC) + timedelta(days=90))
    assert store.all() == [made]


@pytest.mark.parametrize("name", ["", " ", "a b", "oidc:anna", "-x", "a" * 65, "ä", "a\n"])
def test_a_name_is_plain(name: str) -> None:
    with pytest.raises(KeyNameError):
        KeyGrant(name, frozenset())


def test_two_valid_keys_never_share_a_name_by_accident(store: KeyStore) -> None:
    store.create(GRANT)
    with pytest.raises(KeyNameError, match="rotate it or revoke it"):
        store.create(GRANT)
    store.revoke("app")
    store.create(GRANT)


def test_a_key_is_revoked_by_name_id_or_itself_and_the_message_tells_no_secret(store: KeyStore) -> None:
    by_name, by_id, by_itself = (store.create(KeyGrant(name, frozenset())) for name in ("a", "b", "c"))
    for said in ("a", by_id[1].id, by_itself[0]):
        store.revoke(said)
    assert valid_ids(store) == []
    for said in ("a", by_id[1].id, by_itself[0], "nobody"):
        with pytest.raises(KeyNotFoundError) as caught:
            store.revoke(said)
        assert secret_of(by_itself[0]) not in str(caught.value)
    assert by_name[1].id in {key.id for key in store.all() if key.revoked_at is not None}


def test_a_rotated_key_keeps_its_rights_and_the_old_one_ends(store: KeyStore) -> None:
    ends = datetime.now(UTC) + timedelta(days=90)
    _, old = store.create(GRANT, ends)
    _, new = store.rotate("app")
    assert (new.grant, new.expires_at) == (GRANT, ends)
    assert valid_ids(store) == [new.id] != [old.id]


def test_an_overlap_lets_both_keys_be_taken_for_a_while_and_never_prolongs_one(store: KeyStore) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    _, old = store.create(GRANT, soon)
    store.rotate("app", timedelta(hours=1))
    assert len(valid_ids(store)) == 2
    assert next(key for key in store.all() if key.id == old.id).expires_at == soon


def test_an_expired_key_is_not_valid() -> None:
    now = datetime.now(UTC)
    _, key = new_key(GRANT, now)
    assert key.is_valid(now - timedelta(microseconds=1))
    assert not key.is_valid(now)


def test_a_file_that_holds_no_keys_is_said(tmp_path: Path) -> None:
    (tmp_path / KEYS_FILE).write_bytes(b"no database" * 100)
    with pytest.raises(DatabaseError, match="cannot be used as the file of keys"):
        KeyStore(tmp_path)


@pytest.mark.anyio
async def test_a_server_knows_new_and_revoked_keys_when_it_looks_again(
    store: KeyStore, tmp_path: Path
) -> None:
    ring = KeyRing(tmp_path, fresh_seconds=0.0)
    _, first = store.create(GRANT)
    assert await ring.find(first.id) == first
    _, second = store.create(KeyGrant("other", frozenset()))
    store.revoke("app")
    found = await ring.find(first.id)
    assert found is not None
    assert not found.is_valid(datetime.now(UTC))
    assert await ring.find(second.id) == second
    assert await ring.find("none") is None
    await ring.aclose()


@pytest.mark.anyio
async def test_a_server_looks_at_the_file_once_in_its_interval(
    store: KeyStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    version = KeyStore.version
    monkeypatch.setattr(KeyStore, "version", lambda self: looks.append(1) or version(self))
    ring = KeyRing(tmp_path, fresh_seconds=60.0)
    for _ in range(100):
        await ring.find("none")
    assert len(looks) == 1
    await ring.aclose()


@pytest.mark.anyio
async def test_keys_that_cannot_be_read_let_nobody_in(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path, fresh_seconds=0.0)
    await ring.find("none")
    with sqlite3.connect(tmp_path / KEYS_FILE) as damaged:
        damaged.execute("DROP TABLE keys")
    damaged.close()
    with pytest.raises(DatabaseError):
        await ring.find("none")
    await ring.aclose()
