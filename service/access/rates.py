"""How often someone may ask: a rate, kept by a token bucket, and a quota, counted anew with each window.

Every server process counts for itself and begins at nothing when it starts: behind N replicas an asker gets
up to N times as much.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ingest.errors import QuotaError, RateError, SettingsError
from ingest.settings_access import RATE_PATTERN

_SECONDS = {"s": 1, "min": 60, "h": 3600, "day": 86400}
_MOST_ASKERS = 10_000
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``count`` requests in ``seconds``."""

    count: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read the form of the settings and the command line, for example ``60/min``.

        Raises:
            SettingsError: it is not of that form.
        """
        if not re.fullmatch(RATE_PATTERN, text):
            raise SettingsError(f"{text[:40]!r} is no rate: expected as 60/min, with s, min, h or day.")
        count, unit = text.split("/")
        return cls(int(count), _SECONDS[unit])

    def __str__(self) -> str:
        unit = next(unit for unit, seconds in _SECONDS.items() if seconds == self.seconds)
        return f"{self.count}/{unit}"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one asker is allowed; None is no limit."""

    rate: Rate | None = None
    quota: Rate | None = None


@dataclass(slots=True)
class _Spent:
    """What an asker has left in the bucket at the monotonic time ``seen``, and used of the ``window``."""

    tokens: float
    seen: float
    window: int = -1
    used: int = 0


@dataclass(slots=True)
class Limiter:
    """Counts the requests of askers by name; for use from one event loop.

    Attributes:
        clock: monotonic seconds, by which buckets fill.
        wall_clock: seconds since 1970 in UTC, by which windows begin: a day's at midnight.
    """

    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    _spent: dict[str, _Spent] = field(default_factory=dict[str, _Spent])

    def take(self, asker: str, allowance: Allowance) -> dict[str, str]:
        """Count a request, and give the header fields that say what is left (see ``_fields``).

        Raises:
            RateError, QuotaError: it is one too many, and was not counted.
        """
        rate, quota = allowance.rate, allowance.quota
        if rate is None and quota is None:
            return {}
        spent = self._of(asker, allowance)
        if quota is not None and spent.used >= quota.count:
            raise QuotaError(
                f"the quota of {quota.count} requests in {quota.seconds} s is used up: ask again later, "
                "or have it raised.",
                self._seconds_left(quota),
            )
        if rate is not None and spent.tokens < 1 - _ROUNDING:
            raise RateError(
                f"more than {rate.count} requests in {rate.seconds} s were sent: ask more slowly.",
                math.ceil((1 - spent.tokens) * rate.seconds / rate.count),
            )
        spent.tokens -= 1
        spent.used += 1
        return self._fields(spent, allowance)

    def _of(self, asker: str, allowance: Allowance) -> _Spent:
        """The asker's account, brought up to date."""
        rate, quota, now = allowance.rate, allowance.quota, self.clock()
        spent = self._spent.get(asker)
        if spent is None:
            if len(self._spent) >= _MOST_ASKERS:
                # The first seen goes: a dictionary keeps the order in which its keys were added.
                del self._spent[next(iter(self._spent))]
            spent = self._spent[asker] = _Spent(rate.count if rate else 0, now)
        if rate is not None:
            spent.tokens = min(rate.count, spent.tokens + (now - spent.seen) * rate.count / rate.seconds)
        spent.seen = now
        window = int(self.wall_clock()) // quota.seconds if quota else -1
        if window != spent.window:
            spent.window, spent.used = window, 0
        return spent

    def _fields(self, spent: _Spent, allowance: Allowance) -> dict[str, str]:
        """``RateLimit-Policy`` and ``RateLimit`` of draft-ietf-httpapi-ratelimit-headers-10.

        ``q`` requests are allowed in ``w`` seconds; ``r`` remain for the next ``t`` seconds.
        """
        policies: list[str] = []
        left: list[str] = []
        if allowance.rate is not None:
            rate = allowance.rate
            policies.append(f'"rate";q={rate.count};w={rate.seconds}')
            until_full = math.ceil((rate.count - spent.tokens) * rate.seconds / rate.count)
            left.append(f'"rate";r={int(spent.tokens)};t={until_full}')
        if allowance.quota is not None:
            quota = allowance.quota
            policies.append(f'"quota";q={quota.count};w={quota.seconds}')
            left.append(f'"quota";r={quota.count - spent.used};t={self._seconds_left(quota)}')
        return {"ratelimit-policy": ", ".join(policies), "ratelimit": ", ".join(left)}

    def _seconds_left(self, quota: Rate) -> int:
        return quota.seconds - int(self.wall_clock()) % quota.seconds
