"""From the header fields of a request to who sent it.

``Authorization: Bearer …`` or ``X-API-Key: …`` -> a key of ours? -> a token of the OpenID provider?
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from starlette.datastructures import Headers

from ingest.errors import UnauthenticatedError
from ingest.optional import require
from ingest.settings import Settings
from service.access.caller import Caller
from service.access.key_ring import KeyRing
from service.access.keys import PREFIX, split_key
from service.access.rates import Allowance, Rate


@dataclass(frozen=True, slots=True)
class Asker:
    """A caller, and how often they may ask."""

    caller: Caller
    allowance: Allowance


class TokenReader(Protocol):
    """What is used of ``service.access.oidc.TokenVerifier``."""

    async def caller(self, token: str) -> Caller: ...

    async def aclose(self) -> None: ...


class Authenticator:
    """Tells who sends a request; for use from one event loop."""

    def __init__(self, ring: KeyRing | None, tokens: TokenReader | None, default: Allowance) -> None:
        """Without ``ring`` no key is taken, and without ``tokens`` no token.

        Args:
            default: of whoever has no allowance of their own.
        """
        self._ring = ring
        self._tokens = tokens
        self._default = default

    async def identify(self, headers: Headers) -> Asker:
        """Who sends a request with these header fields.

        Raises:
            UnauthenticatedError: they name nobody who is known and may still ask.
            DatabaseError, IssuerError: this cannot be found out now.
        """
        credential = _credential(headers)
        if self._ring is not None and credential.startswith(PREFIX):
            return await self._by_key(self._ring, credential)
        if self._tokens is not None:
            return Asker(await self._tokens.caller(credential), self._default)
        raise UnauthenticatedError("what was sent is no API key: send one of `troika keys create`.")

    async def aclose(self) -> None:
        """Let go of the file of keys and of the connections to the provider."""
        if self._ring is not None:
            await self._ring.aclose()
        if self._tokens is not None:
            await self._tokens.aclose()

    async def _by_key(self, ring: KeyRing, credential: str) -> Asker:
        key_id, secret = split_key(credential) or ("", "")
        key = await ring.find(key_id)
        if key is None or not key.fits(secret):
            raise UnauthenticatedError("the API key is not known: have one made with `troika keys create`.")
        if not key.is_valid(datetime.now(UTC)):
            raise UnauthenticatedError("the API key has ended: have it rotated or another one made.")
        grant = key.grant
        return Asker(
            Caller(grant.name, grant.scopes, grant.groups),
            Allowance(grant.rate or self._default.rate, grant.quota or self._default.quota),
        )


def open_authenticator(settings: Settings) -> Authenticator | None:
    """What the settings ask for; None where nobody is asked who they are.

    Raises:
        MissingExtraError: tokens are to be read, and the extra ``oidc`` is not installed.
    """
    mode = settings.auth.mode
    if not (mode.takes_keys or mode.takes_tokens):
        return None
    limits = settings.limits
    return Authenticator(
        KeyRing(settings.home) if mode.takes_keys else None,
        _load_token_reader(settings) if mode.takes_tokens else None,
        Allowance(
            Rate.parse(limits.rate) if limits.rate else None,
            Rate.parse(limits.quota) if limits.quota else None,
        ),
    )


def _load_token_reader(settings: Settings) -> TokenReader:
    require("jwt", extra="oidc")
    from service.access.oidc import TokenVerifier

    return TokenVerifier(settings.auth)


def _credential(headers: Headers) -> str:
    scheme, _, credential = headers.get("authorization", "").partition(" ")
    found = credential.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "").strip()
    if not found:
        raise UnauthenticatedError(
            "the request names no asker: send `Authorization: Bearer` with an API key or a token."
        )
    return found
