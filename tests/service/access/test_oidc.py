from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from jwt.algorithms import HMACAlgorithm

from ingest.choices import AuthMode
from ingest.errors import IssuerError, UnauthenticatedError
from ingest.settings_access import AuthSettings
from service.access.caller import Caller, Scope
from service.access.oidc import KEYS_LAST_SECONDS, REFETCH_SECONDS, TokenVerifier
from tests.service.access.conftest import GuardedServer
from tests.service.access.openid_provider import AUDIENCE, OpenIdProvider, running_provider

pytestmark = pytest.mark.anyio


@dataclass
class Clock:
    """Seconds that pass when they are told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def running() -> Iterator[OpenIdProvider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: OpenIdProvider) -> OpenIdProvider:
    running.begin_anew()
    return running


@pytest.fixture
def clock() -> Clock:
    return Clock()


def settings_for(provider: OpenIdProvider, **changed: Any) -> AuthSettings:
    return AuthSettings(mode=AuthMode.OIDC, issuer=provider.issuer, audience=AUDIENCE, **changed)


@pytest.fixture
async def verifier(provider: OpenIdProvider, clock: Clock) -> AsyncIterator[TokenVerifier]:
    opened = TokenVerifier(settings_for(provider), clock)
    yield opened
    await opened.aclose()


async def test_a_token_tells_who_asks_what_they_may_and_their_groups(
    provider: OpenIdProvider, verifier: TokenVerifier
) -> None:
    token = provider.token("r1", scope="openid troika:query troika:admin", groups=["hr", "sales"])
    assert await verifier.caller(token) == Caller(
        "oidc:anna", frozenset({Scope.QUERY, Scope.ADMIN}), frozenset({"hr", "sales"})
    )


async def test_claims_have_the_names_and_meanings_of_the_settings(provider: OpenIdProvider) -> None:
    settings = settings_for(
        provider, groups_claim="teams", scopes_claim="roles", scopes=("reader=query", "boss=admin")
    )
    verifier = TokenVerifier(settings)
    caller = await verifier.caller(
        provider.token("r1", roles=["reader", "other"], teams="human resources", groups=["hr"])
    )
    await verifier.aclose()
    assert caller == Caller("oidc:anna", frozenset({Scope.QUERY}), frozenset({"human resources"}))


async def test_who_has_no_groups_or_scopes_has_none(
    provider: OpenIdProvider, verifier: TokenVerifier
) -> None:
    for odd in ({}, {"groups": 7, "scope": {"a": 1}}, {"groups": [None, 3], "scope": [[]]}):
        assert await verifier.caller(provider.token("r1", **odd)) == Caller(
            "oidc:anna", frozenset(), frozenset()
        )


async def test_elliptic_curves_are_taken(provider: OpenIdProvider, verifier: TokenVerifier) -> None:
    provider.add_ec_key("e1")
    assert (await verifier.caller(provider.token("e1"))).name == "oidc:anna"


async def test_clocks_may_differ_by_the_leeway(provider: OpenIdProvider, verifier: TokenVerifier) -> None:
    now, leeway = int(time.time()), settings_for(provider).leeway_seconds
    near, far = leeway // 2, 3 * leeway
    within = provider.token("r1", exp=now - near, iat=now + near, nbf=now + near)
    assert (await verifier.caller(within)).name == "oidc:anna"
    outside: list[dict[str, Any]] = [{"exp": now - far}, {"iat": now + far}, {"nbf": now + far}]
    for late_or_early in outside:
        with pytest.raises(UnauthenticatedError):
            await verifier.caller(provider.token("r1", **late_or_early))


async def test_a_token_for_others_or_for_another_time_is_refused(
    provider: OpenIdProvider, verifier: TokenVerifier
) -> None:
    algorithm, key = provider.private["r1"]
    far = {"iat": 32503680000}, {"nbf": 32503680000}
    wrong = {"aud": "another"}, {"aud": ["another"]}, {"iss": "http://127.0.0.1:1"}, {"sub": 7}
    ended = {"exp": "soon"}, {"exp": 1}
    missing = ({name: None} for name in ("aud", "iss", "sub", "exp", "iat"))
    for changed in (*far, *wrong, *ended, *missing):
        claims = json.dumps(provider.claims(**changed)).encode()
        # Signed by hand: the library would not write some of these claims.
        token = jwt.PyJWS().encode(claims, key, algorithm, headers={"kid": "r1"})
        with pytest.raises(UnauthenticatedError) as caught:
            await verifier.caller(token)
        assert token not in str(caught.value)


async def test_another_key_under_a_known_id_is_refused(
    provider: OpenIdProvider, verifier: TokenVerifier
) -> None:
    provider.add_rsa_key("r2")
    provider.remove_key("r2")
    with pytest.raises(UnauthenticatedError):
        await verifier.caller(provider.token("r2", headers={"kid": "r1"}))


def forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


async def test_no_signature_and_a_public_key_as_secret_are_refused(
    provider: OpenIdProvider, verifier: TokenVerifier
) -> None:
    public = (
        provider.private["r1"][1]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    header = {"typ": "JWT", "kid": "r1"}
    secret = HMACAlgorithm(HMACAlgorithm.SHA256)
    unsigned = forged(header | {"alg": "HS256"}, provider.claims()).rpartition(".")[0]
    signature = base64.urlsafe_b64encode(secret.sign(unsigned.encode(), public)).rstrip(b"=").decode()
    for token in (
        forged(header | {"alg": "none"}, provider.claims()),
        forged(header | {"alg": "None"}, provider.claims()),
        forged(header | {"alg": "HS256"}, provider.claims(), b"x" * 32),
        f"{unsigned}.{signature}",
        forged(header | {"alg": "ES256"}, provider.claims(), b"x" * 64),
        forged({"alg": "RS256"}, provider.claims(), b"x" * 256),
        forged(header | {"alg": "RS256", "kid": 7}, provider.claims()),
        forged(header | {"alg": "RS256", "crit": ["exp"]}, provider.claims()),
    ):
        with pytest.raises(UnauthenticatedError):
            await verifier.caller(token)


async def test_what_is_no_token_is_refused_without_asking_the_provider(
    provider: OpenIdProvider, verifier: TokenVerifier
) -> None:
    for token in ("", "a", "a.b", "a.b.c", "....", "tk_x", "\0", "é.é.é", "e30.e30.e30"):
        with pytest.raises(UnauthenticatedError):
            await verifier.caller(token)
    assert provider.looks == 0


async def test_keys_of_other_kinds_and_uses_are_not_taken(
    provider: OpenIdProvider, verifier: TokenVerifier
) -> None:
    provider.add_ec_key("to-encrypt", use="enc")
    provider.add_rsa_key("r2", alg="RS512")
    provider.published += [
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0" * 8},
        {"kty": "unknown", "kid": "odd"},
        {"kid": "nothing"},
    ]
    assert (await verifier.caller(provider.token("r1"))).name == "oidc:anna"
    for key_id in ("to-encrypt", "r2"):
        with pytest.raises(UnauthenticatedError):
            await verifier.caller(provider.token(key_id))


async def test_keys_are_fetched_once_and_anew_when_they_are_exchanged(
    provider: OpenIdProvider, verifier: TokenVerifier, clock: Clock
) -> None:
    for _ in range(5):
        await verifier.caller(provider.token("r1"))
    assert provider.looks == 1
    provider.add_rsa_key("r2")
    provider.remove_key("r1")
    clock.now += REFETCH_SECONDS
    await verifier.caller(provider.token("r2"))
    with pytest.raises(UnauthenticatedError):
        await verifier.caller(provider.token("r1"))
    assert provider.looks == 2


async def test_made_up_key_ids_ask_the_provider_once_a_minute_at_most(
    provider: OpenIdProvider, verifier: TokenVerifier, clock: Clock
) -> None:
    await verifier.caller(provider.token("r1"))
    for number in range(120):
        clock.now += 1
        with pytest.raises(UnauthenticatedError):
            await verifier.caller(provider.token("r1", headers={"kid": f"made-up-{number}"}))
    assert provider.looks == 3


async def test_a_provider_that_fails_later_leaves_the_keys_as_they_were(
    provider: OpenIdProvider, verifier: TokenVerifier, clock: Clock
) -> None:
    await verifier.caller(provider.token("r1"))
    provider.fails = True
    clock.now += KEYS_LAST_SECONDS
    assert (await verifier.caller(provider.token("r1"))).name == "oidc:anna"
    assert provider.looks == 2


async def test_a_provider_that_fails_at_first_is_said_and_asked_again(
    provider: OpenIdProvider, verifier: TokenVerifier, clock: Clock
) -> None:
    provider.fails = True
    for _ in range(3):
        with pytest.raises(IssuerError, match=r"auth\.issuer"):
            await verifier.caller(provider.token("r1"))
    assert provider.looks == 1
    provider.fails = False
    clock.now += 10
    assert (await verifier.caller(provider.token("r1"))).name == "oidc:anna"


async def test_a_server_takes_keys_and_tokens_side_by_side(
    provider: OpenIdProvider, make_guarded: Callable[..., GuardedServer]
) -> None:
    auth = AuthSettings(mode=AuthMode.KEYS_OR_OIDC, issuer=provider.issuer, audience=AUDIENCE)
    guarded = make_guarded(auth=auth)
    for credential, status in (
        (guarded.key("app", Scope.QUERY), 200),
        (provider.token("r1", scope="troika:query"), 200),
        (provider.token("r1", scope="troika:feedback"), 403),
        (provider.token("r1", scope="troika:query", exp=1), 401),
        ("neither", 401),
    ):
        async with guarded.client(credential) as client:
            assert (await client.get("/v1/collections")).status_code == status


async def test_the_configuration_of_another_issuer_is_not_believed(
    provider: OpenIdProvider, verifier: TokenVerifier
) -> None:
    provider.claimed_issuer = "https://another.example"
    with pytest.raises(IssuerError):
        await verifier.caller(provider.token("r1"))
    assert provider.looks == 0
