"""API keys: what they look like, what they give, and what is kept of them.

A key is ``tk_<id>_<secret>``. The secret is 256 random bits, so a fast salted hash is enough to keep it:
nobody can try 2^255 of them. A slow derivation protects what people think up; here it would slow requests.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from hmac import compare_digest

from ingest.errors import KeyNameError
from service.access.caller import Scope
from service.access.rates import Rate

PREFIX = "tk_"
_KEY = re.compile(r"tk_(?P<id>[0-9a-f]{12})_(?P<secret>[A-Za-z0-9_-]{43})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class KeyGrant:
    """What a key gives to whoever holds it.

    Attributes:
        name: of the asker; keys that are valid at a time share one only while a key is rotated.
        rate: of requests, and their ``quota``; None takes those of the settings.
    """

    name: str
    scopes: frozenset[Scope]
    groups: frozenset[str] = frozenset()
    rate: Rate | None = None
    quota: Rate | None = None

    def __post_init__(self) -> None:
        """
        Raises:
            KeyNameError: the name is not one.
        """
        if not _NAME.fullmatch(self.name):
            raise KeyNameError(
                f"{self.name[:70]!r} cannot name a key: expected up to 64 letters, digits, '.', '_' and '-'."
            )


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept: everything but its secret. From ``expires_at`` on it is refused; None is never."""

    id: str
    grant: KeyGrant
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_valid(self, moment: datetime) -> bool:
        """Whether it is taken at that moment."""
        return self.revoked_at is None and (self.expires_at is None or moment < self.expires_at)

    def fits(self, secret: str) -> bool:
        """Whether ``secret`` is this key's, in a time that does not tell how much of it is right."""
        return compare_digest(self.digest, _digest(secret, self.salt))


def new_key(grant: KeyGrant, expires_at: datetime | None) -> tuple[str, ApiKey]:
    """A new key in full, and what is kept of it."""
    key_id, secret, salt = secrets.token_hex(6), secrets.token_urlsafe(32), secrets.token_bytes(16)
    kept = ApiKey(key_id, grant, salt, _digest(secret, salt), datetime.now(UTC), expires_at)
    return f"{PREFIX}{key_id}_{secret}", kept


def split_key(key: str) -> tuple[str, str] | None:
    """The id and the secret of a key; None if it is none."""
    found = _KEY.fullmatch(key)
    return (found["id"], found["secret"]) if found else None


def _digest(secret: str, salt: bytes) -> bytes:
    return blake2b(secret.encode(), key=salt, digest_size=32).digest()
