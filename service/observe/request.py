"""The request that is being served, as the log, the metrics and the traces know it.

It is found through the context of the running task, which tasks and threads started from it inherit: whatever
is logged on behalf of a request names it.
"""

from __future__ import annotations

import re
import uuid
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.types import Scope

NO_ROUTE = "none"
_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(slots=True)
class ObservedRequest:
    """A request by its id.

    Attributes:
        scope: that of ASGI, in which routing notes what it found.
        problem: the code of the last problem that occurred in it.
    """

    id: str
    scope: Scope
    problem: str | None = None

    @property
    def route(self) -> str:
        """The template of the route, such as ``/v1/answers/{answer_id}``: never what stood in its place."""
        return getattr(self.scope.get("route"), "path", NO_ROUTE)


CURRENT_REQUEST: ContextVar[ObservedRequest | None] = ContextVar("observed_request", default=None)


def request_id(wished: str | None) -> str:
    """The id that a client or a proxy gave a request, if a header and a log can hold it; else a new one."""
    if wished is not None and _ACCEPTED_ID.fullmatch(wished):
        return wished
    return uuid.uuid4().hex
