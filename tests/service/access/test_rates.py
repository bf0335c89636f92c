from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import QuotaError, RateError, SettingsError
from service.access.rates import Allowance, Limiter, Rate

MIDNIGHT = 1_700_006_400.0


@dataclass
class Clock:
    """Seconds that pass when they are told to."""

    now: float = MIDNIGHT

    def __call__(self) -> float:
        return self.now


def limiter(clock: Clock) -> Limiter:
    return Limiter(clock, clock)


@pytest.mark.parametrize("text", ["60/min", "1/s", "10000/day", "5/h"])
def test_a_rate_is_read_and_written_alike(text: str) -> None:
    assert str(Rate.parse(text)) == text


@pytest.mark.parametrize("text", ["", "60", "0/min", "60/week", "-1/s", "1.5/s", "60/min ", "60/min\n"])
def test_what_is_no_rate_is_said(text: str) -> None:
    with pytest.raises(SettingsError, match="no rate"):
        Rate.parse(text)


def test_a_full_bucket_lets_a_burst_through_and_then_the_rate() -> None:
    clock = Clock()
    taking, allowance = limiter(clock), Allowance(Rate(60, 60))
    for _ in range(60):
        taking.take("a", allowance)
    with pytest.raises(RateError) as caught:
        taking.take("a", allowance)
    assert caught.value.retry_seconds == 1
    clock.now += 1
    taking.take("a", allowance)
    with pytest.raises(RateError):
        taking.take("a", allowance)


@given(
    count=st.integers(1, 20),
    seconds=st.sampled_from([1, 60, 3600]),
    pauses=st.lists(st.floats(0, 100), max_size=60),
)
def test_no_more_is_let_through_than_the_bucket_and_what_flows_into_it(
    count: int, seconds: int, pauses: list[float]
) -> None:
    clock = Clock()
    taking, allowance, taken = limiter(clock), Allowance(Rate(count, seconds)), 0
    for pause in pauses:
        clock.now += pause
        try:
            taking.take("a", allowance)
            taken += 1
        except RateError:
            pass
    assert taken <= count + (clock.now - MIDNIGHT) * count / seconds + 1e-6


@given(count=st.integers(1, 50), seconds=st.sampled_from([1, 60, 3600]), wait=st.floats(0, 5))
def test_who_waits_as_told_is_let_through_and_no_whole_second_sooner(
    count: int, seconds: int, wait: float
) -> None:
    clock = Clock()
    taking, allowance = limiter(clock), Allowance(Rate(count, seconds))
    for _ in range(count):
        taking.take("a", allowance)
    with pytest.raises(RateError) as caught:
        taking.take("a", allowance)
    clock.now += caught.value.retry_seconds - 1
    with pytest.raises(RateError):
        taking.take("a", allowance)
    clock.now += 1 + wait
    assert taking.take("a", allowance)["ratelimit"].startswith('"rate";r=')


def test_a_quota_begins_anew_with_the_day() -> None:
    clock = Clock(MIDNIGHT + 86_000)
    taking, allowance = limiter(clock), Allowance(quota=Rate(2, 86_400))
    taking.take("a", allowance)
    assert taking.take("a", allowance)["ratelimit"] == '"quota";r=0;t=400'
    with pytest.raises(QuotaError) as caught:
        taking.take("a", allowance)
    assert caught.value.retry_seconds == 400
    clock.now += 400
    taking.take("a", allowance)


def test_what_is_refused_is_not_counted() -> None:
    clock = Clock()
    taking, allowance = limiter(clock), Allowance(Rate(1, 1), Rate(2, 86_400))
    taking.take("a", allowance)
    for _ in range(10):
        with pytest.raises(RateError):
            taking.take("a", allowance)
    clock.now += 1
    taking.take("a", allowance)


def test_askers_do_not_spend_each_others() -> None:
    taking, allowance = limiter(Clock()), Allowance(Rate(1, 60))
    left = [taking.take(asker, allowance)["ratelimit"] for asker in "abc"]
    assert left == ['"rate";r=0;t=60'] * 3
    for asker in "abc":
        with pytest.raises(RateError):
            taking.take(asker, allowance)


def test_the_fields_tell_policy_and_rest() -> None:
    fields = limiter(Clock()).take("a", Allowance(Rate(60, 60), Rate(10_000, 86_400)))
    assert fields["ratelimit-policy"] == '"rate";q=60;w=60, "quota";q=10000;w=86400'
    assert re.fullmatch(r'"rate";r=59;t=1, "quota";r=9999;t=\d+', fields["ratelimit"])


def test_nothing_is_counted_or_told_without_a_limit() -> None:
    assert limiter(Clock()).take("a", Allowance()) == {}


def test_askers_that_are_many_do_not_fill_the_memory() -> None:
    taking, allowance = limiter(Clock()), Allowance(Rate(5, 60))
    for number in range(10_100):
        taking.take(str(number), allowance)
    assert len(taking._spent) == 10_000
