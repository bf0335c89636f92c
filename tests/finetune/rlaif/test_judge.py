from __future__ import annotations

from collections.abc import Sequence

import pytest

from finetune.rlaif.judge import Judge, Preference, agreement
from finetune.sampling.sampler import Sampled
from service.generate import Message

pytestmark = pytest.mark.anyio
FIRST, SECOND = Preference.FIRST, Preference.SECOND
ASKED = (Message("system", "Answer."), Message("user", "[1] Bees make honey.\n\nQuestion: what?"))


class Scripted:
    """Judges by what stands in the prompt."""

    def __init__(self, liked: str, reply: str | None = None) -> None:
        self.liked = liked
        self.fixed = reply

    async def reply(self, messages: Sequence[Message], temperature: float, seed: int) -> Sampled:
        told = "1" if f"1: {self.liked}" in messages[-1].content else "2"
        return Sampled(told if self.fixed is None else self.fixed, ended=True)


async def test_a_preference_counts_where_it_holds_in_both_orders() -> None:
    judge = Judge(Scripted("Honey [1]"))
    assert await judge.compare(ASKED, "Honey [1]", "Wax [1]", "be right", "en") is FIRST
    assert await judge.compare(ASKED, "Wax [1]", "Honey [1]", "be right", "en") is SECOND


@pytest.mark.parametrize("reply", ["1", "2", "both, 1 and 2", "I like it.", ""])
async def test_a_judge_of_places_and_one_that_names_none_prefers_nothing(reply: str) -> None:
    assert await Judge(Scripted("", reply)).compare(ASKED, "a", "b", "be right", "en") is None


async def test_the_comparison_shows_the_sources_and_the_principles_in_the_language_of_the_question() -> None:
    seen: list[Sequence[Message]] = []

    class Keeping(Scripted):
        async def reply(self, messages: Sequence[Message], temperature: float, seed: int) -> Sampled:
            seen.append(messages)
            return Sampled("1", ended=True)

    await Judge(Keeping("")).compare(ASKED, "蜂蜜 [1]", "蜡 [1]", "（a）回答要有依据。", "zh")
    assert "（a）回答要有依据。" in seen[0][0].content
    assert ASKED[-1].content in seen[0][1].content
    assert seen[0][1].content.index("蜂蜜") < seen[0][1].content.index("蜡")
    assert seen[1][1].content.index("蜡") < seen[1][1].content.index("蜂蜜")


def test_kappa_is_that_of_a_table_worked_out_by_hand() -> None:
    # 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: observed .7, expected .5·.6 + .5·.4 = .5, kappa .4.
    people = [FIRST] * 25 + [SECOND] * 25
    judged = [FIRST] * 20 + [SECOND] * 5 + [FIRST] * 10 + [SECOND] * 15
    found = agreement(people, judged)
    assert (found.pairs, found.decided, found.agreed) == (50, 50, 35)
    assert found.kappa == pytest.approx(0.4)
    assert found.standard_error == pytest.approx((0.7 * 0.3 / 50) ** 0.5 / 0.5)


def test_kappa_leaves_out_what_the_judge_left_open_and_is_none_where_it_means_nothing() -> None:
    assert agreement([FIRST, SECOND, FIRST], [FIRST, SECOND, None]).kappa == pytest.approx(1)
    assert agreement([FIRST, SECOND, FIRST], [FIRST, SECOND, None]).decided == 2
    assert agreement([FIRST, FIRST], [FIRST, FIRST]).kappa is None
    assert agreement([FIRST], [None]).kappa is None
