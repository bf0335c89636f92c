from __future__ import annotations

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from service.generate import Message
from service.prompt import render
from service.routing.choose import BOUND, choose, prefix_of
from tests.service.scripted import passages_of

SERVERS = st.dictionaries(st.text(min_size=1, max_size=8), st.integers(0, 50), min_size=1, max_size=8)


@given(st.text(), SERVERS)
def test_no_server_gets_more_than_its_bound_of_the_answers(prefix: str, loads: dict[str, int]) -> None:
    chosen = choose(prefix, loads)
    assert loads[chosen] + 1 <= math.ceil(BOUND * (sum(loads.values()) + 1) / len(loads))


@given(st.text(), SERVERS)
def test_a_beginning_goes_to_the_same_server_while_the_load_allows_it(
    prefix: str, loads: dict[str, int]
) -> None:
    idle = dict.fromkeys(loads, 0)
    assert choose(prefix, idle) == choose(prefix, dict(reversed(idle.items())))


@given(st.text(), SERVERS, st.data())
def test_a_server_that_goes_moves_only_what_was_its_own(
    prefix: str, loads: dict[str, int], data: st.DataObject
) -> None:
    idle = dict.fromkeys(loads, 0)
    before = choose(prefix, idle)
    gone = data.draw(st.sampled_from(sorted(idle)))
    left = {name: 0 for name in idle if name != gone}
    if left and gone != before:
        assert choose(prefix, left) == before


def test_beginnings_are_spread_evenly() -> None:
    idle = {f"http://host{number}:8000/v1": 0 for number in range(4)}
    counts = Counter(choose(f"passage {number}", idle) for number in range(4_000))
    assert all(abs(counts[name] - 1_000) < 150 for name in idle)


def test_prompts_begin_alike_that_share_their_first_passage_or_their_conversation() -> None:
    long = "A rank of 16 is the default for an adapter. " * 10
    one, other = (
        render("Which rank?", passages_of(long, "Alpha is twice the rank."), "en"),
        render("Which default?", passages_of(long, "Leave is booked in the calendar."), "en"),
    )
    assert prefix_of(one) == prefix_of(other) != prefix_of(render("Which?", passages_of("Leave."), "en"))
    turns = "Conversation:\n" + "Which rank is the default? 16. " * 10
    follow_ups = [
        (Message("system", "Rewrite."), Message("user", f"{turns}{more}")) for more in ("Why?", "When?")
    ]
    assert prefix_of(follow_ups[0]) == prefix_of(follow_ups[1])
    assert prefix_of((Message("user", "Hi"),)) == "Hi"
