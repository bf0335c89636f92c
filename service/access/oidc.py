"""Bearer tokens of an OpenID provider: signed by one of its keys, for us, by now and not yet ended.

issuer -> its configuration (OpenID Connect Discovery 1.0, section 4) -> its keys (RFC 7517) -> the signature
and the claims of a token (RFC 7519, with the advice of RFC 8725)
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import httpx
import jwt

from ingest.errors import IssuerError, UnauthenticatedError
from ingest.settings_access import AuthSettings
from service.access.caller import Caller, Scope
from service.observe.failures import told_of

logger = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "ES256")
KEYS_LAST_SECONDS = 3600.0
REFETCH_SECONDS = 60.0
"""The least time between two looks at the keys: tokens with made-up key ids must not cause more."""
_RETRY_SECONDS = 5.0
_TIMEOUT_SECONDS = 5.0


class TokenVerifier:
    """Reads tokens; for use from one event loop."""

    def __init__(self, settings: AuthSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is fetched before the first token.

        Args:
            settings: name the issuer and the audience, and what claims mean.
            clock: monotonic seconds.
        """
        self._issuer = settings.issuer or ""
        self._audience = settings.audience or ""
        self._settings = settings
        self._scope_of = dict(pair.rsplit("=", 1) for pair in settings.scopes)
        self._clock = clock
        self._client = httpx.AsyncClient(timeout=_TIMEOUT_SECONDS)
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = self._tried = float("-inf")
        self._fetching = asyncio.Lock()

    async def caller(self, token: str) -> Caller:
        """Whom a token is about.

        Raises:
            UnauthenticatedError: the token is not one of the issuer for this audience, or not valid now.
            IssuerError: the issuer's keys are not known, and cannot be fetched.
        """
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise jwt.InvalidAlgorithmError
            claims = self._claims(token, await self._key(header.get("kid")))
        except jwt.PyJWTError as error:
            # The library's own text may quote the token.
            raise UnauthenticatedError(
                f"the token was refused ({type(error).__name__}): send a valid one of {self._issuer}."
            ) from None
        return Caller(
            name=f"oidc:{claims['sub']}",
            scopes=frozenset(
                Scope(self._scope_of[value])
                for text in _texts(claims.get(self._settings.scopes_claim))
                for value in text.split()  # of one text, by RFC 8693, section 4.2; some providers send a list
                if value in self._scope_of
            ),
            groups=frozenset(_texts(claims.get(self._settings.groups_claim))),
        )

    async def aclose(self) -> None:
        """Close the connections to the issuer."""
        await self._client.aclose()

    def _claims(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        # The key, not the token, says which algorithm it is for: no public key is ever taken for a secret.
        return jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=self._audience,
            issuer=self._issuer,
            leeway=self._settings.leeway_seconds,
            options={"require": ["exp", "iat", "iss", "aud", "sub"], "enforce_minimum_key_length": True},
        )

    async def _key(self, key_id: object) -> jwt.PyJWK:
        if not isinstance(key_id, str):
            raise jwt.InvalidKeyError
        if self._is_due(key_id):
            async with self._fetching:
                if self._is_due(key_id):
                    await self._refresh()
        if not self._keys:
            raise IssuerError(
                f"the keys of {self._issuer} cannot be fetched: see that it is reachable, and that "
                "auth.issuer is its exact name; the log says more."
            )
        if key_id not in self._keys:
            raise jwt.InvalidKeyError
        return self._keys[key_id]

    def _is_due(self, key_id: str) -> bool:
        """Whether to look at the issuer's keys: none or old ones are known, or not this one."""
        now = self._clock()
        if not self._keys:
            return now - self._tried >= _RETRY_SECONDS
        is_wanting = key_id not in self._keys or now - self._fetched >= KEYS_LAST_SECONDS
        return is_wanting and now - self._tried >= REFETCH_SECONDS

    async def _refresh(self) -> None:
        self._tried = self._clock()
        try:
            self._keys = await self._fetch()
            self._fetched = self._tried
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
            logger.warning("the keys of %s cannot be fetched: %s", self._issuer, told_of(error))

    async def _fetch(self) -> dict[str, jwt.PyJWK]:
        configuration = await self._get(f"{self._issuer.removesuffix('/')}/.well-known/openid-configuration")
        address = str(configuration["jwks_uri"])
        if configuration["issuer"] != self._issuer:
            raise ValueError("the configuration is another issuer's")
        if httpx.URL(address).scheme != httpx.URL(self._issuer).scheme:
            raise ValueError("the keys are not at an address of the issuer's scheme")
        return _usable((await self._get(address))["keys"])

    async def _get(self, address: str) -> dict[str, Any]:
        response = await self._client.get(address)
        response.raise_for_status()
        return cast("dict[str, Any]", response.json())


def _usable(keys: Sequence[dict[str, Any]]) -> dict[str, jwt.PyJWK]:
    """The keys that sign by the algorithms taken here; a set may hold others, to encrypt for example."""
    found: dict[str, jwt.PyJWK] = {}
    for data in keys:
        try:
            key = jwt.PyJWK(data)
        except jwt.PyJWTError:
            continue
        if key.algorithm_name in ALGORITHMS and key.key_id and key.public_key_use in (None, "sig"):
            found[key.key_id] = key
    return found


def _texts(claim: object) -> list[str]:
    """The texts of a claim that is a list of them, or a single one."""
    values = cast("list[object]", claim) if isinstance(claim, list) else [claim]
    return [value for value in values if isinstance(value, str)]
