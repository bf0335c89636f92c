"""Who asks, and what they may do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from starlette.requests import Request

from ingest.errors import ForbiddenError


class Scope(StrEnum):
    """What a route lets one do: read and ask, add and remove documents, judge answers, read the metrics, or
    everything."""

    QUERY = "query"
    INGEST = "ingest"
    FEEDBACK = "feedback"
    METRICS = "metrics"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request.

    Attributes:
        name: that of a key or of a person; None where nobody is told apart.
        scopes: what they may do; ``admin`` includes all others.
        groups: those that they are in; None takes those of the settings.
    """

    name: str | None
    scopes: frozenset[Scope]
    groups: frozenset[str] | None

    def may(self, scope: Scope) -> bool:
        """Whether ``scope`` is open to them."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def owns(self, asker: str | None) -> bool:
        """Whether what ``asker`` was given, or began, is theirs to see; ``admin`` sees everybody's."""
        return Scope.ADMIN in self.scopes or (asker is not None and asker == self.name)

    def is_in(self, groups: frozenset[str] | None) -> bool:
        """Whether they are in all of ``groups``, so that what these may see is theirs to see; ``admin`` sees
        everything. None stands for groups that nobody told, which nobody else is in."""
        if Scope.ADMIN in self.scopes:
            return True
        return groups is not None and self.groups is not None and groups <= self.groups


ANYONE = Caller(None, frozenset(Scope), None)
"""Whoever asks a server without authentication."""

NOBODY = Caller(None, frozenset(), frozenset())
"""Whoever asks for what is open to all on a server with authentication."""


def _named(scopes: frozenset[Scope]) -> str:
    return ", ".join(sorted(scopes)) or "none"


def allowed(scope: Scope) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency of routes: the caller of the request.

    Raises:
        ForbiddenError: they may not do what ``scope`` stands for.
    """

    async def caller_of(request: Request) -> Caller:
        caller: Caller = getattr(request.state, "caller", ANYONE)
        if not caller.may(scope):
            raise ForbiddenError(
                f"this needs the scope {scope.value}, and the key has {_named(caller.scopes)}: "
                "use another key, or have one made with `troika keys create`."
            )
        return caller

    return caller_of
