"""The JSON of ``/v1/adapters``, and of ``troika adapters canary --json``."""

from __future__ import annotations

from pydantic import Field

from service.releases.canary_guard import Count, Guard, Reading
from service.releases.canary_watch import CanaryState
from service.releases.release import AdapterRecord
from service.releases.release_history import Canary, Change, ReleaseRecord
from service.schemas import ResponseBody


class AdapterBody(ResponseBody):
    """A kept adapter."""

    name: str
    task: str
    base_model: str
    prompt_id: str
    created_at: str
    report_sha256: str | None = Field(
        description="the gate's report by which it was last let in; null if it never was"
    )

    @classmethod
    def of(cls, record: AdapterRecord, report_sha256: str | None) -> AdapterBody:
        return cls(
            name=record.name,
            task=record.task,
            base_model=record.base_model,
            prompt_id=record.prompt_id,
            created_at=record.created_at,
            report_sha256=report_sha256,
        )


class CountBody(ResponseBody):
    """So many bad ones of all."""

    bad: int
    all: int

    @classmethod
    def of(cls, count: Count) -> CountBody:
        return cls(bad=count.bad, all=count.all)


class GuardBody(ResponseBody):
    """What a guard of the canary sees; it trips when ``least`` is above ``allowed``, given enough answers."""

    guard: Guard
    candidate: CountBody
    served: CountBody | None = Field(description="null where answers are compared one by one")
    least: float = Field(description="the candidate's share of bad ones is at least this")
    allowed: float
    enough: bool
    tripped: bool

    @classmethod
    def of(cls, reading: Reading) -> GuardBody:
        return cls(
            guard=reading.guard,
            candidate=CountBody.of(reading.candidate),
            served=None if reading.served is None else CountBody.of(reading.served),
            least=round(reading.least, 4),
            allowed=round(reading.allowed, 4),
            enough=reading.is_enough,
            tripped=reading.tripped,
        )


class CanaryBody(ResponseBody):
    """A candidate that answers a share of the conversations."""

    release: str
    share: float
    since: str
    guards: tuple[GuardBody, ...] | None = Field(
        description="null without the scope `admin`: they count everybody's answers"
    )

    @classmethod
    def of(cls, state: CanaryState) -> CanaryBody:
        guards = tuple(GuardBody.of(reading) for reading in state.readings)
        return cls._made(state.record, state.canary, guards)

    @classmethod
    def without_guards(cls, record: ReleaseRecord, canary: Canary) -> CanaryBody:
        """For those who are not told what its guards see."""
        return cls._made(record, canary, None)

    @classmethod
    def _made(cls, record: ReleaseRecord, canary: Canary, guards: tuple[GuardBody, ...] | None) -> CanaryBody:
        return cls(release=canary.release, share=canary.share, since=record.created_at, guards=guards)


class ChangeBody(ResponseBody):
    """What was last changed of the releases, and why."""

    change: Change
    reason: str | None = Field(
        description="null without the scope `admin` where guards gave it, with what they counted"
    )
    created_at: str

    @classmethod
    def of(cls, record: ReleaseRecord, *, counted: bool) -> ChangeBody:
        """``counted``: whether they may know what the guards of a canary counted."""
        is_told = counted or record.change is not Change.TAKEN_BACK
        return cls(
            change=record.change,
            reason=record.reason if is_told else None,
            created_at=record.created_at,
        )


class AdaptersBody(ResponseBody):
    """The kept adapters, and which of them answers."""

    served: str = Field(description="an adapter's name, or `base`")
    served_since: str | None = Field(description="null if nothing else ever was")
    canary: CanaryBody | None
    last_change: ChangeBody | None
    adapters: tuple[AdapterBody, ...]
