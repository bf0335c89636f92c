"""A small OpenID provider, over real HTTP: its configuration, its keys, and tokens that it signs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

AUDIENCE = "troika"


@cache
def _rsa_key(_key_id: str) -> rsa.RSAPrivateKey:
    """Made once: it takes long."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class OpenIdProvider:
    """Signs with the keys that it has; ``looks`` counts how often its keys were fetched."""

    issuer: str = ""
    private: dict[str, tuple[str, Any]] = field(default_factory=dict[str, tuple[str, Any]])
    published: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    looks: int = 0
    fails: bool = False
    claimed_issuer: str | None = None

    def begin_anew(self) -> None:
        """As at first: with an RSA key ``r1``, and nothing asked."""
        self.private, self.published = {}, []
        self.looks, self.fails, self.claimed_issuer = 0, False, None
        self.add_rsa_key("r1", use="sig", alg="RS256")

    def add_rsa_key(self, key_id: str, **parameters: str) -> None:
        key = _rsa_key(key_id)
        self.private[key_id] = ("RS256", key)
        public = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
        self.published.append(public | {"kid": key_id} | parameters)

    def add_ec_key(self, key_id: str, **parameters: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self.private[key_id] = ("ES256", key)
        public = json.loads(ECAlgorithm.to_jwk(key.public_key()))
        self.published.append(public | {"kid": key_id} | parameters)

    def remove_key(self, key_id: str) -> None:
        self.published = [key for key in self.published if key["kid"] != key_id]

    def claims(self, **changed: Any) -> dict[str, Any]:
        """What a good token says; a claim that is changed to None is left out."""
        now = int(time.time())
        said: dict[str, Any] = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "anna",
            "iat": now,
            "exp": now + 300,
        }
        return {name: value for name, value in (said | changed).items() if value is not None}

    def token(self, key_id: str, headers: Mapping[str, Any] | None = None, **changed: Any) -> str:
        algorithm, key = self.private[key_id]
        return jwt.encode(self.claims(**changed), key, algorithm, headers={"kid": key_id, **(headers or {})})

    def application(self) -> Starlette:
        async def configuration(_request: Request) -> JSONResponse:
            return JSONResponse(
                {"issuer": self.claimed_issuer or self.issuer, "jwks_uri": f"{self.issuer}/keys"}
            )

        async def keys(_request: Request) -> JSONResponse:
            self.looks += 1
            return JSONResponse({"keys": self.published}, 500 if self.fails else 200)

        return Starlette(
            routes=[Route("/.well-known/openid-configuration", configuration), Route("/keys", keys)]
        )


@contextmanager
def running_provider() -> Iterator[OpenIdProvider]:
    """A provider that can be reached."""
    provider = OpenIdProvider()
    provider.begin_anew()
    server = uvicorn.Server(uvicorn.Config(provider.application(), port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        provider.issuer = f"http://127.0.0.1:{port}"
        yield provider
    finally:
        server.should_exit = True
        thread.join()
