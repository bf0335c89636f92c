"""The settings sections ``auth`` and ``limits``: who may ask, how often, and how many at once."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from ingest.choices import AuthMode
from ingest.settings_section import Positive, Section

RATE_PATTERN = r"^[1-9]\d{0,8}/(s|min|h|day)$"
RateText = Annotated[str, Field(pattern=RATE_PATTERN)]
ClaimScope = Annotated[str, Field(pattern=r"^\S+=(query|ingest|feedback|metrics|admin)$")]


class AuthSettings(Section):
    """Whom the HTTP server answers.

    Where a key or a token is asked for, its groups take the place of ``retrieval.groups``.
    """

    mode: AuthMode = Field(
        default=AuthMode.OFF, description="off, keys (of `troika keys`), oidc (bearer tokens) or keys+oidc"
    )
    allow_anonymous: bool = Field(
        default=False, description="with mode off, listen where other machines can reach the server, too"
    )
    issuer: str | None = Field(default=None, description="URL of the OpenID Connect provider")
    audience: str | None = Field(default=None, description="what `aud` of a token has to name")
    groups_claim: str = Field(default="groups", description="claim that names the groups of an asker")
    scopes_claim: str = Field(default="scope", description="claim whose values stand for scopes")
    scopes: tuple[ClaimScope, ...] = Field(
        default=(
            "troika:query=query",
            "troika:ingest=ingest",
            "troika:feedback=feedback",
            "troika:metrics=metrics",
            "troika:admin=admin",
        ),
        description="VALUE=SCOPE: what the values of that claim stand for",
    )
    leeway_seconds: Annotated[int, Field(ge=0, le=300)] = Field(
        default=30, description="by how much clocks may differ when a token's times are checked"
    )

    @property
    def somebody_asks(self) -> bool:
        """Whether who comes is asked for a key: by this server, or by what stands before it."""
        return self.mode.takes_keys or self.mode.takes_tokens or self.allow_anonymous

    @model_validator(mode="after")
    def _has_issuer(self) -> Self:
        if self.mode.takes_tokens and not (self.issuer and self.audience):
            raise ValueError("oidc needs auth.issuer and auth.audience")
        return self


class LimitSettings(Section):
    """How much is taken at once, and from one asker. Each server process counts for itself."""

    rate: RateText | None = Field(
        default=None, description="requests of one asker, as 60/min; a key may have a rate of its own"
    )
    quota: RateText | None = Field(default=None, description="as rate, counted anew with each day, hour …")
    concurrent_answers: Positive | None = Field(
        default=None, description="made at once; default 2 for llama-cpp, 16 for extractive, else 256"
    )
    waiting_answers: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="questions that wait for it; default half as many as are made at once"
    )
    concurrent_searches: Positive = 32
    waiting_searches: Annotated[int, Field(ge=0)] = 128
    concurrent_embeddings: Positive = Field(default=1, description="requests of /v1/embeddings")
    waiting_embeddings: Annotated[int, Field(ge=0)] = 32
    concurrent_pages: Positive = Field(default=2, description="pages of PDFs that are drawn")
    waiting_pages: Annotated[int, Field(ge=0)] = 32
